// The task after this one lies ready while this one is read, so that it is there at once. It is leased, like this one.
// The answer to a submission brings it along; a page where nothing lies yet asks for it by itself.

import { ask, parsed } from "./send.js";

export class Next {
  /** `sent`: a promise of what comes with the answer to the submission before; it may hold the next task. */
  constructor(desk, { signal, sent }) {
    this.url = desk.dataset.next;
    this.signal = signal;
    this.shown = desk;
    this.desk = null;
    if (sent) sent.then((html) => this.read(html));
    else if (!("revises" in desk.dataset)) this.whenIdle(() => this.fetch()); // after one comes the task left for it
  }

  /** Once what is shown was painted. */
  whenIdle(act) {
    const idle = window.requestIdleCallback ?? ((later) => setTimeout(later, 200));
    idle(() => { if (!this.signal.aborted) act(); }, { timeout: 1000 });
  }

  /** What the server says of the task before, at once; and the task that it sent to be kept, if any. */
  read(html) {
    const feedback = html.includes("data-feedback") && parsed(html, "[data-feedback]");
    if (feedback) this.shown.querySelector(".desk__head").after(feedback);
    this.whenIdle(() => {
      const desk = parsed(html, "[data-desk]");
      if (desk) this.keep(desk);
      else this.fetch();
    });
  }

  async fetch() {
    const answer = await ask(this.url, { signal: this.signal });
    const desk = answer.came === "done" && parsed(answer.html, "[data-desk]");
    if (desk) this.keep(desk);
  }

  keep(desk) {
    this.desk = desk;
    this.shown.dataset.kept = this.slot; // for whoever asks from outside what lies ready
  }

  get slot() {
    return this.desk?.dataset.slot ?? "";
  }

  /** Tells the server what lies here and what that shows of the progress: it then sends the one after it. */
  get headers() {
    return this.desk ? { "Desk-Holds": this.slot, "Desk-Counts": this.desk.dataset.counts } : {};
  }

  /** Whether the head of an answer says that what lies here is still theirs. */
  isHeld(head) {
    return this.slot !== "" && head.get("Desk-Next") === this.slot;
  }
}
