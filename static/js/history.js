// Undo and redo: what all controls of the form said after each change.

const NOT_SAID = new Set(["csrfmiddlewaretoken", "submission_key", "shown", "seconds", "revises"]);

const controls = (form) => [...form.elements].filter((control) => control.name && control.type !== "submit" && !NOT_SAID.has(control.name));
const isBox = (control) => control.type === "radio" || control.type === "checkbox";
const nameOf = (control) => (isBox(control) ? `${control.name}=${control.value}` : control.name);

/** Pairs of a control's name and what it says, as JSON. */
export function snapshot(form) {
  return JSON.stringify(controls(form).map((control) => [nameOf(control), isBox(control) ? control.checked : control.value]));
}

export function restore(form, kept) {
  const said = new Map(JSON.parse(kept));
  for (const control of controls(form)) {
    const value = said.get(nameOf(control));
    if (value === undefined) continue;
    if (isBox(control)) control.checked = value;
    else control.value = value;
  }
}

export class History {
  constructor(form, { changed }) {
    this.form = form;
    this.changed = changed;
    this.past = [snapshot(form)];
    this.future = [];
    form.addEventListener("change", () => this.keep());
  }

  keep() {
    const now = snapshot(this.form);
    if (now === this.past.at(-1)) return;
    this.past.push(now);
    this.future = [];
  }

  get canUndo() {
    return this.past.length > 1;
  }

  undo() {
    if (!this.canUndo) return false;
    this.future.push(this.past.pop());
    return this.show(this.past.at(-1));
  }

  redo() {
    const next = this.future.pop();
    if (next === undefined) return false;
    this.past.push(next);
    return this.show(next);
  }

  show(kept) {
    restore(this.form, kept);
    this.changed();
    return true;
  }
}
