// The curves of a run, and its new points while it runs.

import { show } from "./plots.js";

const { Plot } = globalThis;
const EVERY = 3000; // milliseconds between questions
const SELDOM = 30000; // when the server does not answer
const MOST = 1500; // points; above it the server thins them anew
const ROWS = 20; // of the table
const HEIGHT = 200;

let points = [];
const places = new Map();

const short = new Intl.NumberFormat(document.documentElement.lang, { maximumSignificantDigits: 4 });

/** A number in four places that matter; powers of ten where it is far from 1. */
function said(value) {
  if (value === undefined) return "–";
  return value !== 0 && (Math.abs(value) < 1e-4 || Math.abs(value) >= 1e7) ? value.toExponential(2) : short.format(value);
}

function names() {
  const found = new Set(points.flatMap((point) => Object.keys(point)));
  return [...found].filter((name) => name !== "step" && name !== "steps");
}

function placeOf(section, name) {
  if (!places.has(name)) {
    const figure = section.querySelector("template").content.cloneNode(true).firstElementChild;
    figure.querySelector("figcaption").textContent = name.replaceAll("_", " ");
    const plot = figure.querySelector(".plot");
    plot.dataset.file = plot.dataset.file.replace(/curve$/, name.replace(/\W+/g, "-"));
    homeOf(section, name).append(figure);
    places.set(name, plot);
  }
  return places.get(name);
}

/** Where many are measured, those stand first by which a run is judged; the others can be opened. */
function homeOf(section, name) {
  const first = section.dataset.first.split(" ").filter(Boolean);
  if (first.length === 0 || first.includes(name)) return section.querySelector("[data-plots]");
  const more = section.querySelector("[data-more]");
  more.hidden = false;
  return more.querySelector(".plots");
}

function draw(section) {
  for (const name of names()) {
    const place = placeOf(section, name);
    const known = points.filter((point) => point[name] !== undefined);
    show(place, {
      title: `${name}, ${known.length}: ${said(known[0][name])} – ${said(known.at(-1)[name])}`,
      columns: ["step", name],
      rows: known.map((point) => [point.step, point[name]]),
      draw: () => curve(known, name, place.dataset.label),
    });
  }
  fill(section.querySelector("[data-numbers]"));
  section.querySelector("[data-none]").hidden = points.length > 0;
}

function curve(known, name, label) {
  const last = known.slice(-1);
  return {
    height: HEIGHT,
    marginLeft: 56,
    marginRight: 68,
    marginTop: 16,
    marginBottom: 36,
    x: { label, ticks: 4, labelArrow: "none" },
    y: { label: null, ticks: 4, grid: true, nice: true, tickFormat: said },
    marks: [
      Plot.lineY(known, { x: "step", y: name, stroke: "var(--accent)", strokeWidth: 1.75 }),
      Plot.dot(last, { x: "step", y: name, fill: "var(--accent)", r: 3 }),
      Plot.text(last, { x: "step", y: name, text: (one) => said(one[name]), dx: 8, textAnchor: "start", fill: "var(--text)" }),
    ],
  };
}

/** The table under the curves: as many rows as the page had, of all that is known now. */
function fill(numbers) {
  const columns = names();
  const count = Math.min(ROWS, points.length);
  const rows = Array.from({ length: count }, (_, index) => points[Math.floor((index * (points.length - 1)) / Math.max(1, count - 1))]);
  const head = numbers.querySelector("thead tr");
  head.replaceChildren(head.firstElementChild, ...columns.map((name) => cellOf("th", name, "col")));
  numbers.querySelector("tbody").replaceChildren(...rows.map((point) => {
    const row = document.createElement("tr");
    row.append(cellOf("th", String(point.step), "row"), ...columns.map((name) => cellOf("td", said(point[name]))));
    return row;
  }));
  numbers.hidden = points.length === 0;
}

function cellOf(kind, text, scope) {
  const cell = document.createElement(kind);
  cell.textContent = text;
  cell.className = "num";
  if (scope) cell.scope = scope;
  return cell;
}

/** What is new, with the last step, which may have got another line; null of a server that does not answer. */
async function ask(section) {
  if (points.length > MOST) points = [];
  const after = points.length ? points.at(-1).step - 1 : -1;
  try {
    const answer = await fetch(`${section.dataset.curves}?after=${after}`, { headers: { Accept: "application/json" } });
    return answer.ok ? await answer.json() : null;
  } catch {
    return null; // it is being restarted, and comes back
  }
}

/** Whether there was anything new in them. */
function take(news) {
  if (news.length === 0 || JSON.stringify(news) === JSON.stringify(points.slice(-1))) return false;
  points = [...points.filter((point) => point.step < news[0].step), ...news];
  return true;
}

/** Ask once for a run that has ended; else until it ends. A page that nobody looks at asks for nothing. */
export async function follow(section) {
  const news = await ask(section);
  if (news && take(news.points)) draw(section);
  if (news?.ended) {
    section.querySelector("[data-over]").hidden = "ended" in section.dataset;
    return;
  }
  setTimeout(() => whenSeen(() => follow(section)), news ? EVERY : SELDOM);
}

function whenSeen(act) {
  if (document.visibilityState === "visible") act();
  else document.addEventListener("visibilitychange", () => whenSeen(act), { once: true });
}
