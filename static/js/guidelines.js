// The guidelines are fetched when somebody first opens them, and kept for the tasks that follow.

import { ask, parsed } from "./send.js";

const texts = new Map();

export function fillWhenOpened(desk) {
  const dialog = desk.querySelector("#guidelines");
  dialog?.addEventListener("beforetoggle", ({ newState }) => { if (newState === "open") fill(dialog); });
}

async function fill(dialog) {
  const place = dialog.querySelector("p[data-guideline]");
  if (!place) return; // it is there already
  const url = place.dataset.guideline;
  if (!texts.has(url)) {
    const answer = await ask(url);
    if (answer.came !== "done" || !parsed(answer.html, "[data-guideline]")) return; // the link to the page is left
    texts.set(url, answer.html);
  }
  place.replaceWith(parsed(texts.get(url), "[data-guideline]"));
}
