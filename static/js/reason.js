// Why: a text in a sheet. Ctrl+Enter submits from it.

import { Drawer, label, typed } from "./drawer.js";
import { words } from "./words.js";

export function mount(desk, { form, changed, signal }) {
  const root = desk.querySelector("[data-reason]");
  if (!root) return null;
  const text = root.querySelector("textarea");
  const drawer = new Drawer(root, { first: () => text });
  const draw = () => label(desk.querySelector(".conversation"), "reason", text.value.trim() ? [words("with_reason")] : []);
  form.addEventListener("change", draw, { signal });
  draw();
  typed(text, { changed, signal, done: () => { drawer.close(); form.requestSubmit(); } });
  return {
    keys: { r: () => drawer.open() },
    complaint: () => {
      if (!("required" in root.dataset) || text.value.trim()) return null;
      return { sentence: words("reason_missing"), focus: drawer.asFocus };
    },
  };
}
