// The ranking lives in the radio buttons of the form: what they say is what is drawn, kept as a draft and submitted.

export class Ranking {
  constructor(desk) {
    this.desk = desk;
    this.letters = [...desk.querySelectorAll("[data-answer]")].map((card) => card.dataset.answer);
    this.tiesAllowed = desk.dataset.ties === "yes";
  }

  radios(letter) {
    return [...this.desk.querySelectorAll(`input[name="rank_${letter}"]`)];
  }

  placeOf(letter) {
    return this.radios(letter).find((radio) => radio.checked)?.value ?? "";
  }

  missing() {
    return this.letters.filter((letter) => this.placeOf(letter) === "");
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
      if (holder) this.check(holder, before);
    }
    this.check(letter, rung);
    this.desk.querySelector("form").dispatchEvent(new Event("change", { bubbles: true }));
  }

  check(letter, rung) {
    for (const radio of this.radios(letter)) radio.checked = radio.value === rung;
  }

  /** "B and D still need a place.", or "" when nothing is missing. */
  complaint() {
    const missing = this.missing();
    if (missing.length === 0) return "";
    const last = missing.at(-1);
    const names = missing.length === 1 ? last : `${missing.slice(0, -1).join(", ")} and ${last}`;
    return `${names} still ${missing.length === 1 ? "needs" : "need"} a place.`;
  }
}
