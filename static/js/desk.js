// Turns the plain form of the desk into cards, ladder and keys. Runs again for each task that takes its place.

import { announce } from "./announce.js";
import { Cards } from "./cards.js";
import { Drafts } from "./drafts.js";
import { drawFoot, drawHelp } from "./help.js";
import { fillWhenOpened } from "./guidelines.js";
import { History } from "./history.js";
import { Keys } from "./keys.js";
import { Ladder } from "./ladder.js";
import { Layout } from "./layout.js";
import { Line } from "./line.js";
import { Next } from "./next.js";
import { Notice } from "./notice.js";
import { PARTS } from "./parts.js";
import { Ranking } from "./ranking.js";
import { Submission } from "./submission.js";
import { words } from "./words.js";

let leaveLast = () => {};

function mount(desk) {
  const isLocked = "locked" in desk.dataset;
  const stop = new AbortController();
  const { signal } = stop;
  const form = desk.querySelector("#judgement");
  const changed = () => form.dispatchEvent(new Event("change", { bubbles: true }));
  const ranking = new Ranking(desk, { changed });
  const drawn = [];
  const draw = () => drawn.forEach((part) => part.draw());
  const cards = new Cards(desk, { onSelect: draw });
  const placed = (letter) => announce(placement(letter, ranking));
  const board = desk.querySelector("[data-ladder]");
  const ladder = board && new Ladder(board, { ranking, cards, placed });
  if (ladder) drawn.push(ladder);
  if (board && ranking.asksLine) drawn.push(new Line(board, { ranking }));
  drawn.push({ draw: () => cards.drawLetters(ranking) });

  form.noValidate = true;
  const notice = new Notice(desk, { take: () => submission.takeNext() });
  const next = new Next(desk, { signal });
  const drafts = new Drafts(desk, { form, signal, refused: (answer) => notice.answer(answer) });
  if (!isLocked) drafts.restore();
  const history = new History(form, { changed });
  const parts = PARTS.map((part) => part.mount(desk, { form, cards, ranking, signal, changed })).filter(Boolean);
  const submission = new Submission(desk, { form, cards, ranking, parts, drafts, next, notice, show });
  const layout = new Layout(desk);
  if (isLocked) lock(desk);
  const acts = isLocked ? readingActs(desk, { layout }) : {
    ...readingActs(desk, { layout }),
    ...rankingActs({ ranking, cards, placed, form }),
    ...Object.assign({}, ...parts.map((part) => part.keys)),
    ...deskActs(desk, { history }),
  };
  const keys = new Keys(desk, { cards, acts, isSent: () => form.inert, submit: () => { if (!isLocked) form.requestSubmit(); }, signal });

  fillWhenOpened(desk);
  drawHelp(desk, { keys, ranking });
  drawFoot(desk, keys);
  showLastMessage(desk.querySelector(".conversation"));
  form.addEventListener("change", () => { draw(); drawUndo(desk, history); notice.clear(); });
  if (!isLocked) drawUndo(desk, history);
  desk.querySelector("[data-undo]").addEventListener("click", () => acts.z());
  if (cards.letters.length > 0) cards.select(ranking.asksPlaces ? ranking.nextMissing(ranking.letters.at(-1)) : ranking.letters[0]);
  desk.dataset.ready = "";
  return () => { stop.abort(); ladder?.destroy(); };
}

function rankingActs({ ranking, cards, placed, form }) {
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

function readingActs(desk, { layout }) {
  return without({ u: () => layout.toggleFold(), v: () => layout.toggleView(), g: popover("guidelines"), "?": popover("keys") });
}

function deskActs(desk, { history }) {
  return without({
    z: () => { if (!history.undo()) location.assign(desk.dataset.last); },
    y: () => history.redo(),
    s: popover("skip"),
  });
}

function popover(id) {
  const dialog = document.getElementById(id);
  return dialog && (() => { dialog.togglePopover(); dialog.querySelector("input[type=radio]")?.focus(); });
}

/** What can no longer be revised is there to be read. */
function lock(desk) {
  for (const part of desk.querySelectorAll(".panel, [data-marks]")) part.inert = true;
}

const without = (acts) => Object.fromEntries(Object.entries(acts).filter(([, act]) => act));

function choose(form, key) {
  const radio = form.querySelector(`input[name="preference"][value="${key}"]`);
  if (!radio) return false;
  radio.click();
}

function placement(letter, ranking) {
  const place = ranking.placeOf(letter);
  const missing = ranking.missing().length;
  const left = missing === 0 ? words("none_missing") : words(missing === 1 ? "one_missing" : "some_missing", { n: missing });
  return `${place === "" ? words("token_unplaced", { letter }) : words("token_placed", { letter, place })}. ${left}`;
}

const lineSentence = ({ line }) => (line === "0" ? words("line_none") : words("line_at", { line }));

function drawUndo(desk, history) {
  const button = desk.querySelector("[data-undo]");
  button.hidden = false;
  button.firstElementChild.textContent = words(history.canUndo ? "undo" : "reopen_last");
}

/** A long conversation opens at its last message: that is the one to be answered. */
function showLastMessage(conversation) {
  const last = conversation.querySelector(".message:last-of-type");
  if (last) conversation.scrollTop = last.offsetTop - conversation.offsetTop;
}

/** The next task, or the end of them, in place of this one. */
function show(element, { sentence = "" } = {}) {
  for (const dialog of document.querySelectorAll("dialog:popover-open")) dialog.hidePopover();
  document.getElementById("desk").replaceWith(element);
  if (element.dataset.address) history.replaceState(null, "", element.dataset.address);
  window.htmx?.process(element);
  arrive();
  scrollTo(0, 0);
  element.focus({ preventScroll: true });
  if (sentence) announce(sentence);
}

function arrive() {
  leaveLast();
  const desk = document.querySelector("[data-desk]");
  leaveLast = desk ? mount(desk) : () => {};
}

document.documentElement.classList.add("has-script");
arrive();
