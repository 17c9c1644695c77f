// What is chosen is kept on the server while it is being chosen; that also keeps the lease alive. Until the server has
// it, a copy lies in this browser: it outlives a lost connection and a closed tab.

import { restore, snapshot } from "./history.js";
import { contentOf, post } from "./send.js";
import { words } from "./words.js";

const PAUSE = 600; // milliseconds of quiet before a draft is sent
const WEEK = 7 * 24 * 3_600_000;
const KEPT = "desk.draft.";
const AGAIN = 5000; // milliseconds until one that did not arrive is sent again

export class Drafts {
  constructor(desk, { form, refused, reached, signal }) {
    this.url = desk.dataset.draft;
    this.form = form;
    Object.assign(this, { refused, reached });
    this.saved = desk.querySelector("[data-saved]");
    this.copy = new Copy(form, { drafted: desk.dataset.drafted });
    for (const sign of ["change", "input"]) form.addEventListener(sign, () => this.soon(), { signal });
    document.addEventListener("visibilitychange", () => { if (document.visibilityState === "hidden") this.leave(); }, { signal });
    addEventListener("pagehide", () => this.leave(), { signal });
    addEventListener("online", () => { if (this.isOwed) this.save(); }, { signal });
    for (const sign of ["pointermove", "keydown", "scroll"]) {
      document.addEventListener(sign, () => { this.isSomeoneHere = true; }, { signal, passive: true, capture: true });
    }
    if ("locked" in desk.dataset) return; // nothing to keep
    const renew = setInterval(() => this.renew(), (Number(desk.dataset.renewMinutes) * 60_000) / 3);
    signal.addEventListener("abort", () => { clearInterval(renew); this.stop(); });
  }

  soon(pause = PAUSE) {
    clearTimeout(this.timer);
    this.isOwed = true;
    this.saved.textContent = "";
    this.timer = setTimeout(() => this.save(), pause);
  }

  /** Nothing more is sent, and what is on its way is called back: the form itself goes now. */
  stop() {
    clearTimeout(this.timer);
    this.sending?.abort();
  }

  /** It was submitted: there is nothing left to keep. */
  done() {
    this.stop();
    this.isOwed = false;
    this.copy.remove();
  }

  /** Keep the lease while someone reads; a desk that was left gives its task back when the lease runs out. */
  renew() {
    if (this.isSomeoneHere) this.save();
    this.isSomeoneHere = false;
  }

  async save() {
    if (this.form.inert) return; // what is chosen is being submitted
    this.stop();
    this.copy.keep();
    this.isOwed = false;
    this.sending = new AbortController();
    const answer = await post(this.form, { url: this.url, signal: this.sending.signal });
    if (answer.status === 204) this.arrived();
    else if (answer.came === "done") this.missed();
    else if (answer.came === "away") this.missed();
    else if (answer.came !== "stopped") this.refused(answer);
  }

  arrived() {
    this.reached();
    if (this.isOwed) return; // something was changed meanwhile
    this.copy.remove();
    this.saved.textContent = words("draft_kept");
  }

  missed() {
    this.soon(AGAIN);
    this.saved.textContent = words("draft_away");
  }

  /** The tab is being closed or hidden: what has not arrived goes now. */
  leave() {
    if (!this.isOwed || this.form.inert) return;
    this.copy.keep();
    navigator.sendBeacon(this.url, new URLSearchParams(contentOf(this.form)));
  }

  /** What this browser kept and the server never got. Only for the lease under which it was chosen. */
  restore() {
    if (!this.copy.restore()) return false;
    this.soon(0);
    return true;
  }
}

/** Of the lease under which it was chosen, for only there the letters mean the same; of a revision by what it revises. */
class Copy {
  constructor(form, { drafted }) {
    this.form = form;
    this.drafted = drafted; // when the server kept the draft that it shows here
    const { revises, submission_key: key } = form.elements;
    this.key = `${KEPT}${revises.value === "" ? key.value : `${form.action} ${revises.value}`}`;
    this.tidy();
  }

  keep() {
    this.trying(() => localStorage.setItem(this.key, JSON.stringify({ at: Date.now(), over: this.drafted, said: snapshot(this.form) })));
  }

  remove() {
    this.trying(() => localStorage.removeItem(this.key));
  }

  restore() {
    const kept = this.trying(() => JSON.parse(localStorage.getItem(this.key)));
    if (!kept || kept.said === snapshot(this.form) || this.isBehind(kept)) return false;
    restore(this.form, kept.said);
    return true;
  }

  /** Whether the server has got a newer draft since, from another device. */
  isBehind({ at, over }) {
    return this.drafted !== over && at < Number(this.drafted) * 1000;
  }

  /** What nobody came back for goes after a week. */
  tidy() {
    this.trying(() => {
      const old = (name) => name.startsWith(KEPT) && Date.now() - JSON.parse(localStorage.getItem(name)).at > WEEK;
      Object.keys(localStorage).filter(old).forEach((name) => localStorage.removeItem(name));
    });
  }

  /** Storage may be off or full: then the server's copy is all there is. */
  trying(act) {
    try { return act(); } catch { return null; }
  }
}
