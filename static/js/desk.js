// Turns the plain form of the desk into cards, ladder and keys. Runs again for each task that htmx brings.

import { announce } from "./announce.js";
import { Cards } from "./cards.js";
import { Drafts } from "./drafts.js";
import { listen } from "./keys.js";
import { Ladder } from "./ladder.js";
import { Ranking } from "./ranking.js";

let leaveLast = () => {};

function mount(desk) {
  const stop = new AbortController();
  const form = desk.querySelector("#judgement");
  const ranking = new Ranking(desk);
  const draw = () => { ladder?.draw(); drawLetters(desk, ranking); };
  const cards = new Cards(desk, { onSelect: () => draw() });
  const board = desk.querySelector("[data-ladder]");
  const ladder = board && new Ladder(board, { ranking, cards });
  const drafts = new Drafts(desk, { form, signal: stop.signal });
  const arrived = performance.now();

  document.documentElement.classList.add("has-script");
  form.noValidate = true;
  showLastMessage(desk.querySelector(".conversation"));
  cards.fold();
  cards.select(ladder ? ranking.nextMissing(ranking.letters.at(-1)) : ranking.letters[0]);
  form.addEventListener("change", () => { draw(); clearComplaint(desk); });
  form.addEventListener("submit", (event) => {
    const complaint = ladder ? ranking.complaint() : preferenceComplaint(desk);
    if (complaint) {
      event.preventDefault();
      event.stopImmediatePropagation();
      complain(desk, complaint);
      if (ladder) cards.select(ranking.missing()[0], { focus: true });
      return;
    }
    drafts.cancel();
    form.elements.seconds.value = ((performance.now() - arrived) / 1000).toFixed(1);
    send(form, { signal: stop.signal });
  }, { capture: true });
  listen(desk, { cards, ranking, submit: () => form.requestSubmit(), isSent: () => form.inert, signal: stop.signal });
  return () => { stop.abort(); ladder?.destroy(); };
}

/** From here until the answer nothing can be chosen: it would be too late for this task and too early for the next. */
function send(form, { signal }) {
  const focused = document.activeElement;
  setSent(form, true);
  const answered = (event) => {
    if (event.detail.requestConfig.path !== form.getAttribute("action")) return; // a draft that was on its way
    document.removeEventListener("htmx:afterRequest", answered);
    setSent(form, false);
    focused?.focus({ preventScroll: true });
  };
  document.addEventListener("htmx:afterRequest", answered, { signal });
}

function setSent(form, isSent) {
  form.inert = isSent;
  form.classList.toggle("is-sent", isSent);
}

/** A long conversation opens at its last message: that is the one to be answered. */
function showLastMessage(conversation) {
  const last = conversation.querySelector(".message:last-child");
  conversation.scrollTop = last.offsetTop - conversation.offsetTop;
}

function drawLetters(desk, ranking) {
  for (const button of desk.querySelectorAll("[data-show]")) {
    const place = ranking.placeOf(button.dataset.show);
    button.classList.toggle("is-placed", place !== "");
    button.dataset.place = place;
    button.setAttribute("aria-label", `Answer ${button.dataset.show}${place && `, place ${place}`}`);
  }
}

function preferenceComplaint(desk) {
  return desk.querySelector("input[name=preference]:checked") ? "" : "Say which answer is better.";
}

function complain(desk, sentence) {
  const notice = document.createElement("div");
  notice.className = "notice notice--error";
  notice.setAttribute("role", "alert");
  notice.dataset.complaint = "";
  notice.textContent = sentence;
  desk.querySelector("#desk-notice").replaceChildren(notice);
}

function clearComplaint(desk) {
  desk.querySelector("[data-complaint]")?.remove();
}

function arrive() {
  leaveLast();
  const desk = document.querySelector("[data-desk]");
  leaveLast = desk ? mount(desk) : () => {};
}

document.addEventListener("htmx:afterSwap", (event) => {
  document.querySelector("dialog:popover-open")?.hidePopover(); // what came in must not stand behind it
  if (event.detail.target.id !== "desk") return;
  arrive();
  document.getElementById("desk").focus({ preventScroll: true });
  if (event.detail.requestConfig.verb === "post") announce("Done. Here is the next one.");
});

arrive();
