// Turns the plain form of the desk into cards, ladder and keys. Runs again for each task that takes its place.

import { deskActs, placement, rankingActs, readingActs } from "./acts.js";
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

function mount(desk, { sent }) {
  const stop = new AbortController();
  const { signal } = stop;
  const form = desk.querySelector("#judgement");
  const changed = () => form.dispatchEvent(new Event("change", { bubbles: true }));
  const ranking = new Ranking(desk, { changed });
  const placed = (letter) => announce(placement(letter, ranking));
  const drawn = [];
  const draw = () => drawn.forEach((part) => part.draw());
  const cards = new Cards(desk, { onSelect: draw });
  const ladder = ladderOf(desk, { ranking, cards, placed, drawn });
  drawn.push({ draw: () => cards.drawLetters(ranking) });

  form.noValidate = true;
  const notice = new Notice(desk, { take: () => submission.takeNext() });
  const drafts = new Drafts(desk, { form, signal, refused: (answer) => notice.answer(answer), reached: () => notice.reached() });
  if (!isLocked(desk)) drafts.restore();
  const history = new History(form, { changed });
  const parts = PARTS.map((part) => part.mount(desk, { form, cards, ranking, signal, changed })).filter(Boolean);
  const next = new Next(desk, { signal, sent });
  const submission = new Submission(desk, { form, cards, ranking, parts, drafts, next, notice, show });
  const acts = actsOf(desk, { form, ranking, cards, placed, parts, history });
  const submit = () => { if (!isLocked(desk)) form.requestSubmit(); };
  const keys = new Keys(desk, { cards, acts, isSent: () => form.inert, submit, signal });

  form.addEventListener("change", () => { draw(); drawUndo(desk, history); notice.clear(); });
  dress(desk, { keys, ranking, history });
  if (cards.letters.length > 0) cards.select(ranking.asksPlaces ? ranking.nextMissing(ranking.letters.at(-1)) : ranking.letters[0]);
  desk.dataset.ready = "";
  return () => { stop.abort(); ladder?.destroy(); };
}

const isLocked = (desk) => "locked" in desk.dataset;

function ladderOf(desk, { ranking, cards, placed, drawn }) {
  const board = desk.querySelector("[data-ladder]");
  const ladder = board && new Ladder(board, { ranking, cards, placed });
  if (ladder) drawn.push(ladder);
  if (ladder && ranking.asksLine) drawn.push(new Line(board, { ranking }));
  return ladder;
}

function actsOf(desk, { parts, history, ...rest }) {
  const reading = readingActs({ layout: new Layout(desk) });
  if (isLocked(desk)) return reading;
  return { ...reading, ...rankingActs(rest), ...Object.assign({}, ...parts.map((part) => part.keys)), ...deskActs(desk, { history }) };
}

/** Help, buttons and guidelines: what is there for those who do not know the keys. */
function dress(desk, { keys, ranking, history }) {
  fillWhenOpened(desk);
  drawHelp(desk, { keys, ranking });
  drawFoot(desk, keys);
  showLastMessage(desk.querySelector(".conversation"));
  if (isLocked(desk)) return lock(desk);
  drawUndo(desk, history);
  desk.querySelector("[data-undo]").addEventListener("click", () => keys.acts.z());
}

/** What can no longer be revised is there to be read. */
function lock(desk) {
  for (const part of desk.querySelectorAll(".panel, [data-marks]")) part.inert = true;
}

function drawUndo(desk, history) {
  const button = desk.querySelector("[data-undo]");
  button.hidden = !history.canUndo && !desk.dataset.last;
  button.firstElementChild.textContent = words(history.canUndo ? "undo" : "reopen_last");
}

/** A long conversation opens at its last message: that is the one to be answered. */
function showLastMessage(conversation) {
  const last = conversation.querySelector(".message:last-of-type");
  if (last) conversation.scrollTop = last.offsetTop - conversation.offsetTop;
}

/** The next task in place of this one, with what is being `sent` beside it; or the page of whatever else comes next, whole. */
function show(element, { sentence = "", sent } = {}) {
  for (const dialog of document.querySelectorAll("dialog:popover-open")) dialog.hidePopover();
  const old = element.localName === "body" ? document.body : document.getElementById("desk");
  old.replaceWith(element);
  const desk = document.getElementById("desk");
  if (desk.dataset.address) history.replaceState(null, "", desk.dataset.address);
  arrive({ sent });
  scrollTo(0, 0);
  desk.focus({ preventScroll: true });
  if (sentence) announce(sentence);
}

function arrive({ sent } = {}) {
  leaveLast();
  const desk = document.querySelector("[data-desk]");
  leaveLast = desk ? mount(desk, { sent }) : () => {};
}

document.documentElement.classList.add("has-script");
arrive();
