// What is chosen is kept on the server while it is being chosen; that also keeps the lease alive.

const PAUSE = 600; // milliseconds of quiet before a draft is sent

export class Drafts {
  constructor(desk, { form, signal }) {
    this.url = desk.dataset.draft;
    this.form = form;
    this.saved = desk.querySelector("[data-saved]");
    form.addEventListener("change", () => this.soon(), { signal });
    document.addEventListener("visibilitychange", () => this.leave(), { signal });
    for (const sign of ["pointermove", "keydown", "scroll"]) {
      document.addEventListener(sign, () => { this.isSomeoneHere = true; }, { signal, passive: true, capture: true });
    }
    const renew = setInterval(() => this.renew(), (Number(desk.dataset.renewMinutes) * 60_000) / 3);
    signal.addEventListener("abort", () => { clearInterval(renew); this.cancel(); });
  }

  soon() {
    this.cancel();
    this.saved.textContent = "";
    this.timer = setTimeout(() => this.save(), PAUSE);
  }

  cancel() {
    clearTimeout(this.timer);
    this.timer = null;
  }

  /** Keep the lease while someone reads; a desk that was left gives its task back when the lease runs out. */
  renew() {
    if (this.isSomeoneHere) this.save();
    this.isSomeoneHere = false;
  }

  async save() {
    this.cancel();
    if (this.form.inert) return; // what is chosen is being submitted
    await window.htmx.ajax("POST", this.url, { source: this.form, target: "#desk-notice", swap: "innerHTML" });
    if (!document.querySelector("#desk-notice [data-lost]")) this.saved.textContent = "Draft kept";
  }

  /** The tab is being closed or hidden: what has not been sent goes now. */
  leave() {
    if (document.visibilityState !== "hidden" || !this.timer) return;
    this.cancel();
    navigator.sendBeacon(this.url, new FormData(this.form));
  }
}
