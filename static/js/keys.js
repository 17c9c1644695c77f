// One key for everything that is done often. Nothing here runs while a dialog is open or a text is being typed.

const TYPING = "textarea, select, input:not([type=radio]):not([type=checkbox])";
const POPOVERS = { "?": "keys", g: "guidelines", s: "skip" };

export function listen(desk, { cards, ranking, submit, isSent, signal }) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest(TYPING)) return;
    // A key held down, or pressed while the ranking is under way, was not meant for a task that nobody has seen yet.
    if (isSent() || (event.repeat && !event.key.startsWith("Arrow"))) return;
    const open = document.querySelector("dialog[open], dialog:popover-open");
    if (open && !(event.key === "?" && open.id === "keys")) return;
    const act = actionOf(event, { desk, cards, ranking, submit });
    if (!act) return;
    event.preventDefault();
    act();
  }, { signal });
}

function actionOf(event, { desk, cards, ranking, submit }) {
  const { key } = event;
  const letter = key.length === 1 ? key.toUpperCase() : "";
  if (cards.letters.includes(letter)) return () => cards.select(letter, { focus: true });
  if (/^[1-9]$/.test(key)) return digit(key, { desk, cards, ranking });
  if (key === "Backspace") return () => ranking.place(cards.current, "");
  if (key === "u") return () => cards.toggleFold();
  if (key === "Enter") return opensSomething(event.target) ? null : submit;
  if (key in POPOVERS) return popover(document.getElementById(POPOVERS[key]));
  return arrow(event, cards);
}

function digit(key, { desk, cards, ranking }) {
  const preference = desk.querySelector(`input[name="preference"][value="${key}"]`);
  if (preference) return () => preference.click();
  if (Number(key) > ranking.letters.length || desk.querySelector("input[name=preference]")) return null;
  return () => {
    ranking.place(cards.current, key);
    cards.select(ranking.nextMissing(cards.current), { focus: true });
  };
}

function arrow(event, cards) {
  if (event.target.matches("input[type=radio]")) return null;
  const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -cards.columns, ArrowDown: cards.columns };
  const next = cards.beside(steps[event.key] ?? NaN);
  return next && (() => cards.select(next, { focus: true }));
}

/** Enter on a link or a button does what it says; on the ladder it submits. */
function opensSomething(target) {
  return target.closest("a, button, summary") && !target.closest("[data-ladder], [data-letters]");
}

function popover(dialog) {
  if (!dialog) return null;
  return () => {
    dialog.togglePopover();
    dialog.querySelector("input[type=radio]")?.focus();
  };
}
