// Stretches of an answer, each with a comment. What is kept is the form's one hidden field, in the terms of the raw text.

import { announce } from "./announce.js";
import { Choosing } from "./choosing.js";
import { Drawer, label } from "./drawer.js";
import { Quoting } from "./quoting.js";
import { paint, rawOf, Shown } from "./shown.js";
import { words } from "./words.js";

const MOST = 100; // the server keeps no more

export function mount(desk, { form, cards, changed, signal }) {
  const root = desk.querySelector("[data-highlights]");
  return root && cards.all.length > 0 ? new Highlights(desk, root, { form, cards, changed, signal }).part() : null;
}

class Highlights {
  constructor(desk, root, { form, cards, changed, signal }) {
    Object.assign(this, { desk, root, cards, changed, field: form.elements.spans, texts: new Map() });
    this.list = root.querySelector("[data-quotes]");
    this.pick = root.querySelector("[data-pick]");
    this.drawer = new Drawer(root, { first: () => this.fresh ?? this.choose, closed: () => { this.fresh = null; } });
    root.addEventListener("toggle", ({ newState }) => { if (newState === "closed" && !this.choosing) this.comeBack(); });
    this.choose = root.querySelector("[data-choose]");
    this.choose.addEventListener("click", () => { this.drawer.close(); this.chooseSentence(); });
    desk.append(this.pick); // it stands beside the selection, not in the sheet
    this.pick.addEventListener("pointerdown", (event) => event.preventDefault()); // or the selection would be gone
    this.pick.addEventListener("click", () => this.take());
    document.addEventListener("selectionchange", () => this.drawPick(), { signal });
    form.addEventListener("change", () => this.draw(), { signal });
    signal.addEventListener("abort", () => paint("quote", []));
    this.draw();
  }

  part() {
    return { keys: { h: () => (this.selected() ? this.take() : this.drawer.open()) }, complaint: () => null };
  }

  get spans() {
    return JSON.parse(this.field.value || "[]");
  }

  set(spans) {
    this.field.value = spans.length ? JSON.stringify(spans) : "";
  }

  keep(spans) {
    this.set(spans);
    this.changed();
  }

  textOf(letter) {
    if (!this.texts.has(letter)) {
      const card = this.cards.card(letter);
      const shown = new Shown(card.querySelector("[data-text]"));
      this.texts.set(letter, { shown, quoting: new Quoting(shown.text, rawOf(card)) });
    }
    return this.texts.get(letter);
  }

  /** The letter and the range of what is selected, if it lies within one answer. */
  selected() {
    const selection = getSelection();
    if (selection.rangeCount === 0 || selection.isCollapsed) return null;
    const range = selection.getRangeAt(0);
    const parent = range.commonAncestorContainer;
    const card = (parent.closest ? parent : parent.parentElement).closest("[data-text]")?.closest("[data-answer]");
    return card && this.desk.contains(card) ? { letter: card.dataset.answer, range } : null;
  }

  chooseSentence() {
    const { shown } = this.textOf(this.cards.current);
    if (shown.text.trim() === "") return;
    const fold = this.desk.querySelector("[data-unfold]:not([hidden])");
    if (fold && this.isFolding) {
      fold.click();
      this.fold = () => fold.click();
    }
    const ended = () => { this.choosing = null; this.drawPick(); };
    this.choosing = new Choosing(shown, { take: () => this.take(), say: announce, ended, left: () => this.comeBack() });
  }

  get isFolding() {
    return this.desk.classList.contains("is-folding");
  }

  /** Back to the answers: folded again if choosing has unfolded them and that hides no new highlight; it is in view. */
  comeBack() {
    const { fold, taken } = this;
    [this.fold, this.taken] = [null, null];
    const range = taken && this.rangesOf(taken)[0];
    if (fold && !this.isFolding) fold();
    if (fold && range && isCut(range)) fold();
    if (range) bringIntoView(range);
    else if (fold) this.cards.select(this.cards.current, { focus: true });
  }

  take() {
    const chosen = this.selected();
    const { shown, quoting } = chosen ? this.textOf(chosen.letter) : {};
    const offsets = chosen && shown.offsets(chosen.range);
    const span = offsets && quoting.span(...offsets);
    if (!span) return announce(words("not_quotable"));
    const known = this.spans;
    let index = known.findIndex(({ answer, start, end }) => answer === chosen.letter && start === span.start && end === span.end);
    if (index < 0 && known.length >= MOST) return announce(words("quotes_full", { most: MOST }));
    if (index < 0) index = known.push({ answer: chosen.letter, ...span, comment: "" }) - 1;
    getSelection().removeAllRanges();
    this.cards.select(chosen.letter, { focus: true });
    this.keep(known);
    this.fresh = this.list.children[index].querySelector("input");
    this.taken = known[index];
    this.drawer.open();
    const [range] = this.rangesOf(this.taken);
    if (range) bringIntoView(range);
  }

  draw() {
    const said = JSON.stringify(this.spans.map((span) => ({ ...span, comment: "" })));
    if (said === this.drawn) this.drawComments();
    else this.drawList();
    this.drawn = said;
    for (const card of this.cards.all) {
      const count = this.spans.filter(({ answer }) => answer === card.dataset.answer).length;
      label(card, "quotes", count ? [words("quotes", { count })] : []);
    }
  }

  drawComments() {
    this.spans.forEach(({ comment }, i) => {
      const input = this.list.children[i].querySelector("input");
      if (input.value !== comment) input.value = comment;
    });
  }

  drawList() {
    this.list.replaceChildren(...this.spans.map((span, i) => this.item(span, i)));
    paint("quote", this.spans.flatMap((span) => this.rangesOf(span)));
  }

  item({ answer, text, comment }, i) {
    const item = this.root.querySelector("[data-quote-item]").content.firstElementChild.cloneNode(true);
    item.querySelector("[data-quote-letter]").textContent = answer;
    item.querySelector("q").textContent = text;
    const input = item.querySelector("input");
    input.value = comment;
    // The form hears of it by the browser's own "input" and "change" events.
    input.addEventListener("input", () => this.set(this.spans.map((span, n) => (n === i ? { ...span, comment: input.value } : span))));
    input.addEventListener("keydown", ({ key }) => { if (key === "Enter") this.drawer.close(); });
    item.querySelector("button").addEventListener("click", () => this.remove(i));
    return item;
  }

  remove(i) {
    this.keep(this.spans.filter((_, n) => n !== i));
    (this.list.children[Math.min(i, this.spans.length - 1)]?.querySelector("button") ?? this.choose).focus();
  }

  rangesOf(span) {
    if (!this.cards.card(span.answer)) return [];
    const { shown, quoting } = this.textOf(span.answer);
    const seen = quoting.seen(span);
    return seen ? [shown.range(...seen)] : [];
  }

  drawPick() {
    const chosen = this.choosing ? null : this.selected();
    this.pick.hidden = !chosen;
    if (!chosen) return;
    const [box, own] = [chosen.range.getBoundingClientRect(), this.desk.getBoundingClientRect()];
    this.pick.style.top = `${box.bottom - own.top + 6}px`;
    this.pick.style.left = `${Math.max(8, Math.min(box.left - own.left, own.width - this.pick.offsetWidth - 8))}px`;
  }
}

const elementOf = ({ startContainer: node }) => (node.nodeType === Node.ELEMENT_NODE ? node : node.parentElement);

/** Whether the end of it lies below the fold of its answer. */
function isCut(range) {
  return range.getBoundingClientRect().bottom > elementOf(range).closest("[data-text]").getBoundingClientRect().bottom + 1;
}

/** Into the upper half of the window: in the lower one stand the ranking and the sheets. */
function bringIntoView(range) {
  const { top, bottom } = range.getBoundingClientRect();
  if (top < 0 || bottom > innerHeight / 2) scrollBy(0, top - innerHeight / 4);
}
