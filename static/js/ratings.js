// Ratings by criterion, on the cards. `t` goes to them; a digit rates and goes on, Escape goes back to the card.

import { announce } from "./announce.js";
import { words } from "./words.js";

export function mount(desk, { form, cards, signal, changed }) {
  const rows = [...form.querySelectorAll("[data-criterion]")].map((element) => new Row(element));
  if (rows.length === 0) return null;
  const back = (letter) => cards.select(letter, { focus: true });

  const goOn = (row) => {
    const next = rows.slice(rows.indexOf(row) + 1).find((other) => other.value === "");
    if (next) return enter(next);
    if (rows.every((other) => other.value !== "")) announce(words("rated_all"));
    back(row.letter);
  };
  const enter = (row) => {
    if (row.letter !== cards.current) cards.select(row.letter);
    row.focus();
  };
  const rate = (row, value) => { row.value = value; changed(); };

  form.addEventListener("keydown", (event) => {
    const row = rows.find((one) => one.element.contains(event.target));
    if (!row || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.repeat && row.isChoice) { event.preventDefault(); return; } // a digit held down would rate row after row
    const act = actOf(event, row);
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  }, { signal });

  function actOf({ key, shiftKey }, row) {
    if (key === "Escape") return () => back(row.letter);
    if (key === "Enter" && !row.isChoice) return () => goOn(row);
    if (!row.isChoice || shiftKey) return null;
    if (key === "Backspace") return () => rate(row, "");
    const value = key === "0" ? "10" : key;
    return /^\d$/.test(key) ? () => { if (row.has(value)) { rate(row, value); goOn(row); } } : null;
  }

  /** A criterion that is not needed is rated for all answers or for none. */
  const isStarted = ({ criterion }) => rows.some((other) => other.criterion === criterion && other.value !== "");

  return {
    keys: { t: () => { const own = rows.filter((row) => row.letter === cards.current); enter(own.find((row) => row.value === "") ?? own[0]); } },
    complaint: () => {
      const row = rows.find((one) => one.value === "" && (one.isRequired || isStarted(one)));
      if (!row) return null;
      const sentence = words("rating_missing", { letter: row.letter, criterion: row.criterion });
      return { sentence, letter: row.letter, focus: { focus: () => enter(row) } };
    },
  };
}

class Row {
  constructor(element) {
    this.element = element;
    this.criterion = element.dataset.criterion;
    this.isRequired = "required" in element.dataset;
    this.letter = element.closest("[data-answer]").dataset.answer;
    this.inputs = [...element.querySelectorAll("input")];
    this.isChoice = this.inputs[0].type === "radio";
  }

  has(value) {
    return this.inputs.some((input) => input.value === value);
  }

  get value() {
    return (this.isChoice ? this.inputs.find((input) => input.checked)?.value : this.inputs[0].value) ?? "";
  }

  set value(value) {
    for (const input of this.inputs) input.checked = input.value === value;
  }

  focus() {
    (this.inputs.find((input) => input.checked) ?? this.inputs[0]).focus();
  }
}
