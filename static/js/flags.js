// Flags of the current answer and of the prompt, in a sheet: digits toggle, a letter turns to another answer.

import { Drawer, label } from "./drawer.js";

export function mount(desk, { form, cards, changed, signal }) {
  const root = desk.querySelector("[data-flags]");
  if (!root) return null;
  const groups = [...root.querySelectorAll("[data-flags-of]")];
  const shown = () => groups.filter((group) => !group.hidden);
  const boxes = () => shown().flatMap((group) => [...group.querySelectorAll("input")]);

  const turn = () => {
    for (const group of groups) group.hidden = !["", cards.current].includes(group.dataset.flagsOf);
    boxes().forEach((box, i) => { box.closest("label").dataset.key = i + 1; });
  };
  const drawer = new Drawer(root, { first: () => boxes()[0], opened: turn });

  root.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    const box = boxes()[Number(event.key) - 1];
    const letter = event.key.toUpperCase();
    if (box) { box.checked = !box.checked; box.focus(); changed(); }
    else if (cards.letters.includes(letter)) { cards.select(letter); turn(); boxes()[0].focus(); }
    else if (event.key === "Enter") drawer.close();
    else return;
    event.preventDefault();
  });

  const draw = () => {
    for (const card of cards.all) label(card, "flags", namesIn(root.querySelector(`[data-flags-of="${card.dataset.answer}"]`)));
    label(desk.querySelector(".conversation"), "flags", namesIn(root.querySelector('[data-flags-of=""]')));
  };
  form.addEventListener("change", draw, { signal });
  draw();
  return { keys: { f: () => drawer.open() }, complaint: () => null };
}

function namesIn(group) {
  return [...group.querySelectorAll("input:checked")].map((box) => box.closest("label").textContent.trim());
}
