// The cards with the answers. They never move; one of them is the current one.

import { words } from "./words.js";

export class Cards {
  constructor(desk, { onSelect }) {
    this.desk = desk;
    this.onSelect = onSelect;
    this.all = [...desk.querySelectorAll("[data-answer]")];
    this.letters = this.all.map((card) => card.dataset.answer);
    this.current = this.letters[0] ?? "";
    for (const bar of desk.querySelectorAll("[data-letters]")) bar.hidden = false;
    desk.addEventListener("click", (event) => this.clicked(event));
    desk.addEventListener("focusin", (event) => this.entered(event));
  }

  clicked(event) {
    const letter = event.target.closest("[data-show]")?.dataset.show ?? event.target.closest("[data-answer]")?.dataset.answer;
    if (letter) this.select(letter);
  }

  /** Whoever goes through the page with Tab takes the mark along. */
  entered(event) {
    const letter = event.target.closest("[data-answer]")?.dataset.answer;
    if (letter && letter !== this.current) this.select(letter);
  }

  card(letter) {
    return this.all.find((card) => card.dataset.answer === letter) ?? null;
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
    this.onSelect(letter);
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
    const answers = this.desk.querySelector("[data-answers]");
    return answers ? getComputedStyle(answers).gridTemplateColumns.split(" ").length : 1;
  }

  drawLetters(ranking) {
    for (const button of this.desk.querySelectorAll("[data-show]")) {
      const letter = button.dataset.show;
      const place = ranking.placeOf(letter);
      button.classList.toggle("is-placed", place !== "");
      button.dataset.place = place;
      button.setAttribute("aria-label", place === "" ? words("answer", { letter }) : words("answer_placed", { letter, place }));
    }
  }
}
