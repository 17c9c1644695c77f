// One key for everything that is done often. Nothing here runs while a dialog is open or a text is being typed.

const TYPING = "textarea, select, [contenteditable], input:not([type=radio], [type=checkbox])";

const areOff = () => document.documentElement.dataset.keys === "off"; // chosen in the "Reading" dialog

/**
 * `acts`: { key: { run, opens } }. A letter marks its card where there is one; with Shift it always acts. An act that
 * returns false leaves the key to the browser.
 */
export class Keys {
  constructor(desk, { cards, acts, isSent, submit, signal }) {
    Object.assign(this, { desk, cards, acts, isSent, submit });
    document.addEventListener("keydown", (event) => this.pressed(event), { signal });
  }

  pressed(event) {
    if (event.defaultPrevented) return;
    if (event.target.closest(TYPING)) this.typed(event);
    else if (this.isMeant(event) && this.act(event) !== false) event.preventDefault();
  }

  /** Out of a text: Escape goes back to the answer, Ctrl+Enter submits. */
  typed(event) {
    if (!this.desk.contains(event.target) || event.target.closest("dialog")) return;
    if (event.key === "Escape") this.back();
    else if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !event.repeat && !this.isSent()) this.submit();
  }

  back() {
    (this.cards.card(this.cards.current) ?? this.desk).focus();
  }

  /** A key held down, or pressed while the ranking is under way, was not meant for a task that nobody has seen yet. */
  isMeant(event) {
    const isChord = (event.ctrlKey || event.metaKey || event.altKey) && !event.getModifierState("AltGraph");
    if (isChord || areOff() || this.isSent() || (event.repeat && !event.key.startsWith("Arrow"))) return false;
    const open = document.querySelector("dialog[open], dialog:popover-open");
    return !open || (event.key === "?" && open.id === "keys");
  }

  act(event) {
    const { key, shiftKey } = event;
    const letter = key.toUpperCase();
    if (!shiftKey && this.cards.letters.includes(letter)) return this.cards.select(letter, { focus: true });
    if (key.startsWith("Arrow")) return this.arrow(event);
    if (key === "Enter") return opensSomething(event.target) ? false : this.submit();
    const name = /^[1-9]$/.test(key) ? "digit" : key.length === 1 ? key.toLowerCase() : key;
    return this.acts[name] ? this.acts[name](key) : false;
  }

  arrow(event) {
    if (event.target.matches("input[type=radio]")) return false;
    const { columns } = this.cards;
    const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns };
    const next = this.cards.beside(steps[event.key]);
    return next === null ? false : this.cards.select(next, { focus: true });
  }

  /** What to press for this act here: "f", or with Shift where a card has the letter. */
  nameOf(key) {
    return this.cards.letters.includes(key.toUpperCase()) ? `Shift+${key.toUpperCase()}` : key;
  }
}

/** Enter on a link or a button does what it says; on the ladder it submits. */
function opensSomething(target) {
  return target.closest("a, button, summary") && !target.closest("[data-ladder], [data-letters]");
}
