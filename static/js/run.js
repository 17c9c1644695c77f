// The plots of a run's page: its curves, the accuracy beside its baselines, how far scores are probabilities, and what a
// policy gained against its distance from the base.

import { follow } from "./curves.js";
import { show } from "./plots.js";

const { Plot } = globalThis;
const NARROW = 480; // pixels: names stand over their bars, not beside them
const NAMES = 190; // pixels for names beside their bars
const LETTERS = 29; // that have room there
const percent = new Intl.NumberFormat(document.documentElement.lang, { style: "percent", maximumFractionDigits: 1 });
const drawn = JSON.parse(document.getElementById("drawn").textContent);

/** Bands for intervals, a line at chance, the value beside its dot. */
function accuracies(shares, label, width) {
  const least = Math.min(0.5, ...shares.map((one) => one.low ?? one.value));
  const narrow = width < NARROW;
  const inset = narrow ? { insetTop: 22, insetBottom: 6 } : { insetTop: 7, insetBottom: 7 };
  const low = narrow ? { dy: 8 } : {};
  return {
    height: (narrow ? 50 : 34) * shares.length + 52,
    marginLeft: narrow ? 12 : NAMES,
    marginRight: 64,
    marginTop: 8,
    marginBottom: 40,
    x: { domain: [Math.max(0, Math.floor(least * 10) / 10), 1], tickSpacing: 70, tickFormat: percent.format, label, labelArrow: "none", grid: true },
    y: { domain: shares.map((one) => one.name), label: null, tickSize: 0, axis: narrow ? null : "left", tickFormat: shortened, padding: 0 },
    marks: [
      narrow ? Plot.text(shares, { y: "name", frameAnchor: "left", text: "name", dy: -14, textAnchor: "start", fill: "var(--quiet)" }) : null,
      Plot.ruleX([0.5], { stroke: "currentColor", strokeDasharray: "3 3" }),
      Plot.barX(shares, { y: "name", x1: (one) => one.low ?? one.value, x2: (one) => one.high ?? one.value, fill: colour, fillOpacity: 0.25, ...inset }),
      Plot.dot(shares, { y: "name", x: "value", fill: colour, r: 4.5, ...low }),
      Plot.text(shares, { y: "name", x: (one) => one.high ?? one.value, text: (one) => percent.format(one.value), dx: 8, textAnchor: "start", fill: "var(--text)", ...low }),
    ],
  };
}

function colour(one, index) {
  return index === 0 ? "var(--accent)" : "var(--quiet)";
}

function shortened(name) {
  return name.length > LETTERS ? `${name.slice(0, LETTERS - 1)}…` : name;
}

/** A point a bin, as large as it has pairs; on the line what was said came true as often as said. */
function reliability(bins, label, width) {
  const least = Math.min(0.5, ...bins.map((one) => one.accuracy));
  const lowest = Math.floor(least * 10) / 10;
  const side = { domain: [0.5, 1], ticks: 5, tickFormat: percent.format, labelArrow: "none" };
  return {
    height: Math.min(380, width),
    marginLeft: 52,
    marginRight: 24,
    marginTop: 16,
    marginBottom: 40,
    x: { ...side, label: null, grid: true },
    y: { ...side, domain: [lowest, 1], label: null, grid: true },
    r: { range: [0, 14] },
    marks: [
      Plot.line([[0.5, 0.5], [1, 1]], { stroke: "currentColor", strokeDasharray: "3 3" }),
      Plot.text([label], { x: () => 0.56, y: () => lowest, text: (one) => one, textAnchor: "start", dy: -10, fill: "var(--quiet)" }),
      Plot.line(bins, { x: "confidence", y: "accuracy", stroke: "var(--accent)", strokeWidth: 1.5 }),
      Plot.dot(bins, { x: "confidence", y: "accuracy", r: "n", fill: "var(--accent)", fillOpacity: 0.35, stroke: "var(--accent)" }),
    ],
  };
}

/** What the policy gained on the way, and what of it the held-out reward saw; a line where over-optimisation begins. */
function frontier(points, label, width) {
  const { begins, names } = drawn.frontier;
  const kinds = ["score_rise", "gold_rise"].filter((kind) => points.some((one) => one[kind] !== null));
  const shades = { score_rise: "var(--quiet)", gold_rise: "var(--accent)" };
  return {
    height: Math.min(340, Math.max(220, width * 0.5)),
    marginLeft: 48,
    marginRight: 24,
    marginTop: 24,
    marginBottom: 40,
    x: { label: null, ticks: 5, labelArrow: "none" },
    y: { label: null, ticks: 5, grid: true, nice: true },
    marks: [
      Plot.text([label], { frameAnchor: "bottom", dy: 36, text: (one) => one, fill: "var(--quiet)" }),
      Plot.ruleY([0], { stroke: "currentColor", strokeOpacity: 0.5 }),
      begins === null ? null : Plot.ruleX([begins], { stroke: "currentColor", strokeDasharray: "3 3" }),
      ...kinds.flatMap((kind, index) => [
        Plot.line(points, { x: "sqrt_kl", y: kind, stroke: shades[kind], strokeWidth: 1.75 }),
        Plot.dot(points, { x: "sqrt_kl", y: kind, fill: shades[kind], r: 3 }),
        Plot.text([names[kind]], { frameAnchor: "top-left", dx: 4, dy: 16 * index - 16, text: (one) => `● ${one}`, fill: shades[kind], textAnchor: "start" }),
      ]),
    ],
  };
}

function placed(name, rows, columns, draw) {
  const place = document.querySelector(`[data-plot="${name}"]`);
  if (!place || !rows.length) return;
  show(place, {
    title: place.closest("figure").querySelector("figcaption").textContent,
    columns,
    rows: rows.map((row) => columns.map((column) => row[column])),
    draw: (width) => draw(rows, place.dataset.label, width),
  });
}

placed("accuracies", drawn.accuracies.filter((one) => one.value !== null), ["name", "value", "low", "high", "n"], accuracies);
placed("reliability", drawn.bins.filter((one) => one.accuracy !== null), ["low", "high", "n", "confidence", "accuracy"], reliability);

placed("frontier", drawn.frontier.rows, ["step", "sqrt_kl", "score", "gold", "score_rise", "gold_rise"], frontier);

const curves = document.querySelector("[data-curves]");
if (curves) follow(curves);
