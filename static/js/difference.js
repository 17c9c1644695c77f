// Marks, in the other answers, the words that the current one has not; of a pair, also what only the current one has.

import { align, calm, wordsOf } from "./alignment.js";
import { announce } from "./announce.js";
import { label } from "./drawer.js";
import { paint, Shown } from "./shown.js";
import { words } from "./words.js";

export function mount(desk, { cards, signal }) {
  if (cards.all.length < 2 || !CSS.highlights) return null;
  const texts = new Map();
  let of = null; // the answer that the others are compared with, while they are

  const textOf = (letter) => {
    if (!texts.has(letter)) texts.set(letter, read(cards.card(letter)));
    return texts.get(letter);
  };
  const draw = () => {
    const against = (letter) => (letter !== of ? of : cards.letters.length === 2 ? cards.letters.find((other) => other !== of) : null);
    const marked = of === null ? [] : cards.letters.filter(against);
    for (const card of cards.all) {
      const letter = card.dataset.answer;
      label(card, "difference", marked.includes(letter) ? [words("not_in", { letter: against(letter) })] : []);
    }
    paint("difference", marked.flatMap((letter) => unshared(textOf(letter), textOf(against(letter)))));
  };
  const compare = (letter) => {
    of = letter;
    draw();
    announce(of === null ? words("difference_off") : words("difference_on", { letter: of }));
  };
  const toggle = () => compare(of === null ? cards.current : null);

  const follow = new MutationObserver(() => { if (of !== null && of !== cards.current) compare(cards.current); });
  for (const card of cards.all) follow.observe(card, { attributeFilter: ["class"] });
  signal.addEventListener("abort", () => { follow.disconnect(); paint("difference", []); });
  return { keys: { d: toggle }, complaint: () => null };
}

function read(card) {
  const shown = new Shown(card.querySelector("[data-text]"));
  const all = wordsOf(shown.text);
  return { shown, all, texts: all.map(({ text, start }) => shown.formulas.get(start) ?? text) };
}

/** Ranges of the stretches of a text that another has not. */
function unshared({ shown, all, texts }, other) {
  const pairs = calm(align(texts, other.texts), texts.length, other.texts.length);
  const known = new Set(pairs.map(([i]) => i));
  const stretches = [];
  all.forEach(({ start, end }, i) => {
    if (known.has(i)) return;
    if (i > 0 && !known.has(i - 1)) stretches.at(-1)[1] = end;
    else stretches.push([start, end]);
  });
  return stretches.map(([start, end]) => shown.range(start, end));
}
