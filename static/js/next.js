// The task after this one lies ready while this one is read, so that it is there at once. It is leased, like this one.
// The answer to a submission brings it along; a page where nothing lies yet asks for it by itself.

import { ask, parsed } from "./send.js";

export class Next {
  constructor(desk, { signal, kept }) {
    this.url = desk.dataset.next;
    this.signal = signal;
    this.shown = desk;
    this.desk = null;
    if (kept) this.keep(kept);
    else if (!("revises" in desk.dataset)) this.fetchWhenIdle(); // after a revision comes the task that was left for it
  }

  fetchWhenIdle() {
    const idle = window.requestIdleCallback ?? ((act) => setTimeout(act, 200));
    idle(() => { if (!this.signal.aborted) this.fetch(); }, { timeout: 1000 });
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

  /** The kept task, with what the server says of the one before, and what it sent to be kept from now on, if anything. */
  taken(html) {
    const answer = parsed(html, "body");
    const feedback = answer.querySelector("[data-feedback]");
    if (feedback) this.desk.querySelector(".desk__head").after(feedback);
    return { following: this.desk, kept: answer.querySelector("[data-desk]") };
  }
}
