// The task after this one is fetched while this one is read, so that it is there at once. It is leased, like this one.

import { ask, parsed } from "./send.js";

export class Next {
  constructor(desk, { signal }) {
    this.url = desk.dataset.next;
    this.signal = signal;
    this.shown = desk;
    this.desk = null;
    if ("revises" in desk.dataset) return; // after a revision comes the task that was left for it
    const idle = window.requestIdleCallback ?? ((act) => setTimeout(act, 200));
    idle(() => { if (!signal.aborted) this.fetch(); }, { timeout: 1000 });
  }

  async fetch() {
    const answer = await ask(this.url, { signal: this.signal });
    if (answer.came === "done") this.desk = parsed(answer.html, "[data-desk]");
    if (this.desk) this.shown.dataset.kept = this.slot; // for whoever asks from outside what lies ready
  }

  get slot() {
    return this.desk?.dataset.slot ?? "";
  }

  /** Tells the server what lies here, so that it need not send it again. */
  get headers() {
    return this.slot ? { "Desk-Holds": this.slot } : {};
  }

  /** The kept task, with what the server's short answer says of the one before. Its counts are ahead already. */
  taken(html) {
    const feedback = parsed(html, "[data-feedback]");
    if (feedback) this.desk.querySelector(".desk__head").after(feedback);
    return this.desk;
  }
}
