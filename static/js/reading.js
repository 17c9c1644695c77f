// Size of texts, colours, and whether single keys act: chosen in the "Reading" dialog, kept in this browser alone.
// appearance.js puts the same attributes on the next page before it is painted.

import { announce } from "./announce.js";
import { words } from "./words.js";

const page = document.documentElement.dataset;
const STEPS = 5;
const USUAL = { theme: "system", size: "2", keys: "on" };
const TYPING = "textarea, select, [contenteditable], input:not([type=radio], [type=checkbox])";

const current = (name) => page[name] ?? USUAL[name];

function keep(name, value) {
  const isUsual = value === USUAL[name];
  if (isUsual) delete page[name];
  else page[name] = value;
  try {
    if (isUsual) localStorage.removeItem(`reading.${name}`);
    else localStorage.setItem(`reading.${name}`, value);
  } catch { /* storage is switched off: it holds for this page */ }
  draw();
}

function resize(by) {
  const step = Math.min(STEPS, Math.max(1, Number(current("size")) + by));
  keep("size", String(step));
  announce(words("text_size", { step, steps: STEPS }));
}

function draw() {
  const dialog = document.querySelector("[data-reading]");
  if (!dialog) return;
  dialog.querySelector("[data-reading-script]").hidden = false;
  const size = Number(current("size"));
  dialog.querySelector("[data-reading-size]").textContent = words("text_size", { step: size, steps: STEPS });
  for (const button of dialog.querySelectorAll("[data-resize]")) {
    button.setAttribute("aria-disabled", String(size + Number(button.dataset.resize) < 1 || size + Number(button.dataset.resize) > STEPS));
  }
  for (const radio of dialog.querySelectorAll("[name=reading-theme]")) radio.checked = radio.value === current("theme");
  dialog.querySelector("[name=reading-keys]").checked = current("keys") === "on";
}

document.addEventListener("beforetoggle", draw, { capture: true }); // the desk's dialog comes anew with each task

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-resize]");
  if (button) resize(Number(button.dataset.resize));
});

document.addEventListener("change", ({ target }) => {
  if (target.name === "reading-theme") keep("theme", target.value);
  if (target.name === "reading-keys") keep("keys", target.checked ? "on" : "off");
});

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest(TYPING) || current("keys") === "off") return;
  if (event.key !== "+" && event.key !== "-") return;
  event.preventDefault();
  resize(event.key === "+" ? 1 : -1);
});

draw();
