// What single keys do at the desk, by key: on the ranking, on the page, and on what was done before.

import { announce } from "./announce.js";
import { words } from "./words.js";

export function rankingActs({ ranking, cards, placed, form }) {
  const line = (act) => (ranking.asksLine ? () => { act(); announce(lineSentence(ranking)); } : undefined);
  return without({
    digit: ranking.asksPreference ? (key) => choose(form, key) : ranking.asksPlaces && ((key) => {
      if (Number(key) > ranking.letters.length) return false;
      const letter = cards.current;
      ranking.place(letter, key);
      cards.select(ranking.nextMissing(letter), { focus: true });
      placed(letter);
    }),
    Backspace: ranking.asksPlaces && (() => { ranking.place(cards.current, ""); placed(cards.current); }),
    "[": line(() => ranking.moveLine(-1)),
    "]": line(() => ranking.moveLine(1)),
    x: line(() => ranking.draw(0)),
  });
}

export function readingActs({ layout }) {
  return without({ u: () => layout.toggleFold(), v: () => layout.toggleView(), g: popover("guidelines"), "?": popover("keys") });
}

export function deskActs(desk, { history }) {
  return without({
    z: () => { if (!history.undo() && desk.dataset.last) location.assign(desk.dataset.last); },
    y: () => history.redo(),
    s: popover("skip"),
  });
}

function popover(id) {
  const dialog = document.getElementById(id);
  return dialog && (() => { dialog.togglePopover(); dialog.querySelector("input[type=radio]")?.focus(); });
}

const without = (acts) => Object.fromEntries(Object.entries(acts).filter(([, act]) => act));

function choose(form, key) {
  const radio = form.querySelector(`input[name="preference"][value="${key}"]`);
  if (!radio) return false;
  radio.click();
}

export function placement(letter, ranking) {
  const place = ranking.placeOf(letter);
  const missing = ranking.missing().length;
  const left = missing === 0 ? words("none_missing") : words(missing === 1 ? "one_missing" : "some_missing", { n: missing });
  return `${place === "" ? words("token_unplaced", { letter }) : words("token_placed", { letter, place })}. ${left}`;
}

const lineSentence = ({ line }) => (line === "0" ? words("line_none") : words("line_at", { line }));
