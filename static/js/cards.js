// The cards with the answers. They never move; one of them is the current one.

export class Cards {
  constructor(desk, { onSelect }) {
    this.desk = desk;
    this.onSelect = onSelect;
    this.all = [...desk.querySelectorAll("[data-answer]")];
    this.letters = this.all.map((card) => card.dataset.answer);
    this.current = this.letters[0];
    this.unfold = desk.querySelector("[data-unfold]");
    desk.querySelector("[data-letters]").hidden = false;
    desk.addEventListener("click", (event) => this.clicked(event));
  }

  clicked(event) {
    const letter = event.target.closest("[data-show]")?.dataset.show ?? event.target.closest("[data-answer]")?.dataset.answer;
    if (letter) this.select(letter);
    if (event.target.closest("[data-unfold]")) this.toggleFold();
  }

  select(letter, { focus = false } = {}) {
    this.current = letter;
    for (const card of this.all) {
      const isCurrent = card.dataset.answer === letter;
      card.classList.toggle("is-current", isCurrent);
      if (isCurrent && focus) {
        card.focus({ preventScroll: true });
        card.scrollIntoView({ block: "nearest" });
      }
    }
    for (const button of this.desk.querySelectorAll("[data-show]")) {
      button.setAttribute("aria-current", String(button.dataset.show === letter));
    }
    this.onSelect();
    this.showTop();
  }

  /** On a phone the next card takes the place of a long one that was scrolled: begin at its first line. */
  showTop() {
    const shown = this.all.filter((card) => card.offsetParent !== null);
    if (shown.length === 1 && this.all.length > 1 && shown[0].getBoundingClientRect().top < 0) shown[0].scrollIntoView();
  }

  /** The letter so many cards on, or null at the edge. */
  beside(step) {
    return this.letters[this.letters.indexOf(this.current) + step] ?? null;
  }

  get columns() {
    return getComputedStyle(this.desk.querySelector("[data-answers]")).gridTemplateColumns.split(" ").length;
  }

  /** Cut long answers at one height for all, and offer to show them whole. */
  fold() {
    this.desk.classList.add("is-folding");
    const texts = [...this.desk.querySelectorAll("[data-text]")];
    const cut = texts.map((text) => text.scrollHeight > text.clientHeight + 4);
    texts.forEach((text, i) => text.classList.toggle("is-cut", cut[i]));
    this.unfold.hidden = !cut.some(Boolean);
  }

  toggleFold() {
    if (this.unfold.hidden) return;
    const folded = this.desk.classList.toggle("is-folding");
    this.unfold.firstChild.textContent = folded ? "Show all " : "Fold ";
  }
}
