// Sends the form, once, and puts the next task in its place. Whatever comes back, nothing that was chosen is lost.

import { ask, parsed, post } from "./send.js";
import { words } from "./words.js";

export class Submission {
  constructor(desk, parts) {
    Object.assign(this, parts);
    this.desk = desk;
    this.arrived = performance.now();
    this.form.addEventListener("submit", (event) => { event.preventDefault(); this.submit(); });
    const skip = desk.querySelector("[data-skip]");
    if (!skip) return;
    skip.noValidate = true;
    skip.addEventListener("submit", (event) => { event.preventDefault(); this.skip(skip); });
  }

  submit() {
    if (this.form.inert || this.isStopped()) return;
    this.drafts.stop();
    this.form.elements.seconds.value = ((performance.now() - this.arrived) / 1000).toFixed(1);
    const isRevision = "revises" in this.desk.dataset;
    this.send(this.form, { sentence: isRevision ? words("revision_kept") : words("done_next") });
  }

  skip(form) {
    const missing = form.querySelector("[data-why]");
    missing.textContent = form.elements.reason.value ? "" : words("skip_why");
    if (missing.textContent) return form.elements.reason[0].focus();
    document.getElementById("skip").hidePopover();
    this.drafts.stop();
    const failed = (answer) => (answer.came === "away" ? this.skipAgain(form) : this.notice.answer(answer));
    this.send(form, { sentence: words("skipped_next"), headers: {}, failed }); // the counts of what is kept here would be wrong
  }

  /** It did not arrive: Enter sends this again, and not the judgement. */
  skipAgain(form) {
    document.getElementById("skip").showPopover();
    form.querySelector("[data-why]").textContent = words("away");
    form.querySelector("[type=submit]").focus();
  }

  /** From here until the answer nothing can be chosen: it would be too late for this task and too early for the next. */
  async send(form, { sentence, headers = this.next.headers, failed = (answer) => this.notice.answer(answer) }) {
    const focused = document.activeElement;
    this.setSent(true);
    const answer = await post(form, { headers, isEnough: (head) => this.next.isHeld(head) });
    this.setSent(false);
    const { following, sent } = this.onward(answer);
    if (following) return this.goOn(following, { sentence, sent });
    focused?.focus({ preventScroll: true });
    if (!answer.html.includes("data-lost")) this.drafts.soon();
    failed(answer);
  }

  setSent(isSent) {
    this.form.inert = isSent;
    this.form.classList.toggle("is-sent", isSent);
  }

  goOn(following, { sentence, sent }) {
    this.show(following, { sentence, sent });
    this.drafts.done();
  }

  /** What is shown next, and what comes after it; nothing if it was not the server that answered. */
  onward(answer) {
    if (answer.came !== "done") return {};
    return answer.later ? { following: this.next.desk, sent: answer.later } : { following: deskOrPage(answer.html) };
  }

  /** After a task that was lost: what the queue has now. */
  async takeNext() {
    const answer = await ask(this.desk.dataset.address);
    const following = answer.came === "done" && deskOrPage(answer.html);
    if (following) this.show(following);
    else this.notice.answer(answer);
  }

  isStopped() {
    const complaint = this.complaint();
    if (complaint) return this.complain(complaint);
    if (!this.ranking.isAsShown() || this.wasAsked) return false;
    this.wasAsked = true;
    this.notice.say(words("as_shown"), { tone: "warn" });
    return true;
  }

  complaint() {
    return this.ranking.complaint() ?? this.parts.map((part) => part.complaint?.()).find(Boolean) ?? null;
  }

  complain({ sentence, focus, letter }) {
    this.notice.say(sentence);
    if (letter) this.cards.select(letter, { focus: true });
    focus?.focus();
    focus?.scrollIntoView?.({ block: "nearest" });
    return true;
  }
}

/** A task is put in the place of the one before; what is no task (the end, new guidelines) comes as a page. */
const deskOrPage = (html) => parsed(html, "[data-desk]") ?? parsed(html, "body:has(#desk)");
