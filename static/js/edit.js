// One answer, the best so far, edited into an ideal one; beneath it what that changed, word by word.

import { align, runs, wordsOf } from "./alignment.js";
import { Drawer, grow, label, typed } from "./drawer.js";
import { rawOf } from "./shown.js";
import { words } from "./words.js";

export function mount(desk, { form, cards, ranking, changed, signal }) {
  const root = desk.querySelector("[data-edit]");
  if (!root) return null;
  const { edit_of: of, edited: text } = form.elements;
  const original = () => (of.value ? rawOf(cards.card(of.value)).replace(/\r\n?/g, "\n") : "");
  const isEdit = () => of.value !== "" && text.value.trim() !== "" && text.value !== original();

  const begin = () => {
    if (!of.value) {
      of.value = best(form, { cards, ranking });
      text.value = original();
      text.setSelectionRange(0, 0);
    }
    root.querySelector("h2").textContent = words("edit_title", { letter: of.value });
    drawChanges();
  };
  const drop = () => { of.value = ""; text.value = ""; };
  const end = () => { if (!isEdit()) drop(); changed(); };
  const drawChanges = () => root.querySelector("[data-changes]").replaceChildren(...changes(original(), text.value));
  const draw = () => {
    for (const card of cards.all) label(card, "edited", isEdit() && card.dataset.answer === of.value ? [words("edited")] : []);
  };

  const drawer = new Drawer(root, { first: () => text, opened: begin, closed: end });
  typed(text, { changed, signal, done: () => drawer.close() });
  text.addEventListener("input", drawChanges);
  root.querySelector("[data-discard]").addEventListener("click", () => { drop(); drawer.close(); });
  root.addEventListener("toggle", () => grow(text));
  form.addEventListener("change", draw, { signal });
  if (!isEdit()) drop();
  draw();
  return { keys: { e: () => drawer.open() }, complaint: () => null };
}

/** The best-ranked answer; the current one where it is among the best, or where nothing has a place yet. */
function best(form, { cards, ranking }) {
  const preference = Number(form.elements.preference?.value || 4);
  if (preference !== 4) return preference < 4 ? "A" : "B";
  const placeOf = (letter) => Number(ranking.placeOf(letter) || Infinity);
  return cards.letters.reduce((one, other) => (placeOf(other) < placeOf(one) ? other : one), cards.current);
}

/** The new text with what went and what came; screen readers know both elements. */
function changes(before, after) {
  const [old, now] = [new Reading(before), new Reading(after)];
  const pairs = align(old.texts, now.texts);
  return runs(pairs, old.texts.length, now.texts.length).flatMap(({ shared, a, b }) => {
    const [gone, come] = [old.upTo(a[1]), now.upTo(b[1])];
    return shared ? [come] : [...element("del", gone), ...element("ins", come)];
  });
}

/** A text read word by word, each with the space before it. */
class Reading {
  constructor(text) {
    this.text = text;
    this.words = wordsOf(text);
    this.texts = this.words.map((word) => word.text);
    this.at = 0;
  }

  upTo(count) {
    const from = this.at;
    this.at = Math.max(from, this.words[count - 1]?.end ?? 0);
    return this.text.slice(from, this.at);
  }
}

function element(name, text) {
  if (!text) return [];
  const made = document.createElement(name);
  made.textContent = text;
  return [made];
}
