// The annotator's own answer, where there is none to judge.

import { grow, typed } from "./drawer.js";
import { words } from "./words.js";

export function mount(desk, { form, changed, signal }) {
  const root = desk.querySelector("[data-written]");
  if (!root) return null;
  const text = root.querySelector("textarea");
  typed(text, { changed, signal }); // Escape and Ctrl+Enter are the desk's own here
  form.addEventListener("change", () => grow(text), { signal });
  grow(text);
  return {
    keys: { w: () => text.focus() },
    complaint: () => (text.value.trim() ? null : { sentence: words("written_missing"), focus: text }),
  };
}
