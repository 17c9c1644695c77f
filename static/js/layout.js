// How the answers lie: side by side or stacked, long ones cut at one height for all. The first is kept in this browser.

import { words } from "./words.js";

const KEPT = "desk.view";

export class Layout {
  constructor(desk) {
    this.desk = desk;
    this.unfold = desk.querySelector("[data-unfold]");
    this.view = desk.querySelector("[data-view]");
    this.texts = [...desk.querySelectorAll("[data-text]")];
    desk.classList.toggle("is-stacked", kept() === "stacked");
    this.view.hidden = this.texts.length < 2;
    this.unfold.addEventListener("click", () => this.toggleFold());
    this.view.addEventListener("click", () => this.toggleView());
    this.fold();
    this.drawView();
  }

  /** Cut long answers at one height for all, and offer to show them whole. */
  fold() {
    this.desk.classList.add("is-folding");
    const cut = this.texts.map((text) => text.scrollHeight > text.clientHeight + 4);
    this.texts.forEach((text, i) => text.classList.toggle("is-cut", cut[i]));
    this.unfold.hidden = !cut.some(Boolean);
    this.drawFold();
  }

  toggleFold() {
    if (this.unfold.hidden) return;
    this.desk.classList.toggle("is-folding");
    this.drawFold();
  }

  drawFold() {
    this.unfold.firstElementChild.textContent = words(this.desk.classList.contains("is-folding") ? "show_all" : "fold");
  }

  toggleView() {
    if (this.view.hidden) return;
    const isStacked = this.desk.classList.toggle("is-stacked");
    try { localStorage.setItem(KEPT, isStacked ? "stacked" : "side"); } catch { /* storage is switched off */ }
    this.drawView();
    if (this.desk.classList.contains("is-folding")) this.fold();
  }

  drawView() {
    this.view.firstElementChild.textContent = words(this.desk.classList.contains("is-stacked") ? "view_side" : "view_stacked");
  }
}

function kept() {
  try { return localStorage.getItem(KEPT); } catch { return null; }
}
