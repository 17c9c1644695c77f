// The list of keys in the help, made from those that work on this task, and the acts in the foot with their keys.

import { words } from "./words.js";

const IN_FOOT = ["f", "e", "r", "d", "h"];

export function drawHelp(desk, { keys, ranking }) {
  const draw = () => drawKeys(desk, { keys, ranking });
  desk.querySelector("#keys").addEventListener("beforetoggle", draw); // some keys come and go
  draw();
}

function drawKeys(desk, { keys, ranking }) {
  const rows = [...rankingRows(keys, ranking), ...actRows(desk, keys), [["Enter"], words("help_enter")]];
  desk.querySelector("[data-keys]").replaceChildren(...rows.flatMap(([names, does]) => [term(names), detail(does)]));
}

function rankingRows(keys, ranking) {
  const { letters, asksPreference, asksPlaces, asksLine, tiesAllowed } = ranking;
  return [
    asksPreference && [["1", "2", "3"], words("help_better", { letter: "A" })],
    asksPreference && tiesAllowed && [["4"], words("help_equal")],
    asksPreference && [["5", "6", "7"], words("help_better_last", { letter: "B" })],
    asksPlaces && [["1", "–", String(letters.length)], words(tiesAllowed ? "help_place_ties" : "help_place")],
    asksPlaces && [["Backspace"], words("help_unplace")],
    asksLine && [["[", "]"], words("help_line")],
    asksLine && [["x"], words("help_all_bad")],
    letters.length > 1 && [["a", "–", letters.at(-1).toLowerCase()], words("help_letters")],
    letters.length > 1 && [["←", "→", "↑", "↓"], words("help_arrows")],
  ].filter(Boolean);
}

function actRows(desk, keys) {
  const idle = { u: "[data-unfold]", v: "[data-view]" }; // their buttons are hidden where there is nothing to fold or stack
  const acts = (key) => keys.acts[key] && !(idle[key] && desk.querySelector(idle[key]).hidden);
  const shown = [...IN_FOOT, "t", "w", "u", "v", "z", "y", "s", "g", "?"].filter(acts);
  return shown.map((key) => [[keys.nameOf(key)], words(`help_${key === "?" ? "help" : key}`)]);
}

function term(names) {
  const dt = document.createElement("dt");
  names.forEach((name) => dt.append(name === "–" ? " – " : kbd(name), " "));
  return dt;
}

function kbd(name) {
  const element = document.createElement("kbd");
  element.textContent = name;
  return element;
}

function detail(does) {
  const dd = document.createElement("dd");
  dd.textContent = does;
  return dd;
}

/** "Flag f", "Edit Shift+E": buttons for the acts that this task has, for those who do not use keys. */
export function drawFoot(desk, keys) {
  const buttons = IN_FOOT.filter((key) => keys.acts[key]).map((key) => {
    const button = document.createElement("button");
    Object.assign(button, { type: "button", className: "link" });
    button.append(words(`foot_${key}`), " ", kbd(keys.nameOf(key)));
    button.addEventListener("click", () => keys.acts[key](key));
    return button;
  });
  desk.querySelector("[data-acts]").replaceChildren(...buttons);
}
