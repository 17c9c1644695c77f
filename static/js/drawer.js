// A part of the form as a sheet over the dock. The browser keeps one open at a time, closes it on Escape or a click
// elsewhere, and gives the focus back to where it was. Keys pressed in it stay in it.

export class Drawer {
  constructor(element, { first, opened = () => {}, closed = () => {} }) {
    this.element = element;
    this.first = first;
    element.popover = "auto";
    element.addEventListener("keydown", (event) => event.stopPropagation());
    element.addEventListener("beforetoggle", ({ newState }) => (newState === "open" ? opened() : closed()));
    for (const button of element.querySelectorAll("[data-close]")) button.addEventListener("click", () => this.close());
  }

  /** Over the foot as high as it is now: it may say what is missing. */
  open() {
    this.element.style.setProperty("--foot", `${document.querySelector(".desk__foot").offsetHeight}px`);
    this.element.showPopover();
    this.lift();
    this.first()?.focus();
  }

  /** The answer that it is about is moved into view above it. An edit shows its own text. */
  lift() {
    if (this.element.matches(".edit")) return;
    document.querySelector("[data-desk]").style.setProperty("--sheet", `${this.element.offsetHeight}px`);
    document.querySelector(".answer.is-current")?.scrollIntoView({ block: "nearest" });
  }

  close() {
    this.element.hidePopover();
  }

  get isOpen() {
    return this.element.matches(":popover-open");
  }

  /** For `complaint()`: something to focus, though it is hidden until then. */
  get asFocus() {
    return { focus: () => this.open() };
  }
}

const PAUSE = 500; // milliseconds of quiet before what is typed counts as said

/** A text that grows with what is typed and counts as changed in every pause; `done` is what Ctrl+Enter does. */
export function typed(textarea, { changed, done, signal }) {
  let timer = null;
  const said = () => { clearTimeout(timer); timer = null; changed(); };
  textarea.addEventListener("input", () => {
    grow(textarea);
    clearTimeout(timer);
    timer = setTimeout(said, PAUSE);
  });
  textarea.addEventListener("keydown", (event) => {
    if (!done || event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    said();
    done();
  });
  signal.addEventListener("abort", () => clearTimeout(timer));
}

const GROWS = CSS.supports("field-sizing", "content");

export function grow(textarea) {
  if (GROWS || textarea.offsetParent === null) return;
  textarea.style.height = "auto";
  textarea.style.height = `${textarea.scrollHeight + 2}px`;
}

/** Small labels, in the head of a card or wherever there is a box for them; each kind replaces its own. */
export function label(place, kind, texts) {
  const box = place.querySelector("[data-labels]");
  for (const old of box.querySelectorAll(`[data-label="${kind}"]`)) old.remove();
  box.append(...texts.map((text) => {
    const label = document.createElement("span");
    Object.assign(label, { className: "badge", textContent: text });
    label.dataset.label = kind;
    return label;
  }));
}
