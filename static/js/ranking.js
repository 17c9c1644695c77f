// What is chosen lives in the controls of the form and nowhere else: they are what is drawn, kept and submitted.

import { words } from "./words.js";

export class Ranking {
  constructor(desk, { changed }) {
    this.desk = desk;
    this.changed = changed;
    this.letters = [...desk.querySelectorAll("[data-answer]")].map((card) => card.dataset.answer);
    this.tiesAllowed = desk.dataset.ties === "yes";
    this.asksPreference = this.radios("preference").length > 0;
    this.asksPlaces = !this.asksPreference && this.letters.length > 1;
    this.asksLine = this.radios("line").length > 0;
  }

  radios(name) {
    return [...this.desk.querySelectorAll(`input[type=radio][name="${name}"]`)];
  }

  valueOf(name) {
    return this.radios(name).find((radio) => radio.checked)?.value ?? "";
  }

  set(name, value) {
    for (const radio of this.radios(name)) radio.checked = radio.value === value && value !== "";
  }

  placeOf(letter) {
    return this.valueOf(`rank_${letter}`);
  }

  missing() {
    return this.asksPlaces ? this.letters.filter((letter) => this.placeOf(letter) === "") : [];
  }

  /** The next answer without a place, from this one on and round again; this one itself if all have one. */
  nextMissing(letter) {
    const start = this.letters.indexOf(letter) + 1;
    const round = [...this.letters.slice(start), ...this.letters.slice(0, start)];
    return round.find((other) => this.placeOf(other) === "") ?? letter;
  }

  /** Put an answer on a rung; "" takes its place away. Without ties, whoever stood there changes places with it. */
  place(letter, rung) {
    const before = this.placeOf(letter);
    if (!this.tiesAllowed && rung !== "") {
      const holder = this.letters.find((other) => other !== letter && this.placeOf(other) === rung);
      if (holder) this.set(`rank_${holder}`, before);
    }
    this.set(`rank_${letter}`, rung);
    this.changed();
  }

  /** How many places are good enough: "" as long as nobody said. */
  get line() {
    return this.valueOf("line");
  }

  draw(line) {
    const last = this.letters.length;
    this.set("line", String(Math.min(last, Math.max(0, line))));
    this.changed();
  }

  /** One place up or down; the first press draws it at the end from which it comes. */
  moveLine(step) {
    this.draw(this.line === "" ? (step < 0 ? this.letters.length : 1) : Number(this.line) + step);
  }

  /** Letters as they were shown, one a place, in order: perhaps nobody has ranked anything. */
  isAsShown() {
    return this.asksPlaces && this.letters.length > 2 && this.letters.every((letter, i) => this.placeOf(letter) === String(i + 1));
  }

  /** What is missing, as a sentence and where it is, or null. */
  complaint() {
    const [first] = this.missing();
    if (first) return { sentence: this.missingSentence(), letter: first };
    const asked = [["preference", "say_better"], ["line", "say_line"]];
    for (const [name, key] of asked) {
      const radios = this.radios(name);
      if (radios.length > 0 && this.valueOf(name) === "") return { sentence: words(key), focus: radios[0] };
    }
    return null;
  }

  missingSentence() {
    const missing = this.missing();
    return words(missing.length === 1 ? "needs_place" : "need_place", { names: listed(missing) });
  }
}

/** ["A", "B", "C"] -> "A, B and C". */
function listed(names) {
  if (names.length < 2) return names.join("");
  return words("and", { names: names.slice(0, -1).join(", "), last: names.at(-1) });
}
