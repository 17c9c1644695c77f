// The plots of the quality pages, drawn from the rows that stand in the tables beside them.

import { show } from "./plots.js";

const { Plot } = globalThis;
const NARROW = 480; // pixels: names stand over their bars, not beside them
const NAMES = 190; // pixels for names beside their bars
const LETTERS = 29; // that have room there
const HEIGHT = 260;
const YEAR = 366 * 24 * 60 * 60 * 1000; // milliseconds
const { lang } = document.documentElement;
const percent = new Intl.NumberFormat(lang, { style: "percent", maximumFractionDigits: 0 });
const number = new Intl.NumberFormat(lang, { maximumFractionDigits: 2 });
const drawn = JSON.parse(document.getElementById("drawn").textContent);

const day = (text) => new Date(`${text}T00:00:00Z`);
const middle = (row) => new Date((day(row.from).getTime() + day(row.to).getTime()) / 2);
const shortened = (name) => (name.length > LETTERS ? `${name.slice(0, LETTERS - 1)}…` : name);
const axis = { labelArrow: "none", labelAnchor: "center" };

/** An axis of days in the reader's language; of months where the rows go on for longer than a year. */
function dates(rows, width) {
  const isLong = rows.length > 0 && day(rows.at(-1).to) - day(rows[0].from) > YEAR;
  const parts = isLong ? { month: "short", year: "numeric" } : { day: "numeric", month: "short" };
  const { format } = new Intl.DateTimeFormat(lang, { ...parts, timeZone: "UTC" });
  return { type: "utc", label: null, ticks: width < NARROW ? 3 : 5, tickFormat: format };
}

/** A figure over time: its line in a band, the last value beside it. */
function course({ rows }, label, width) {
  const last = rows.slice(-1);
  const low = (row) => row.low ?? row.value;
  const least = Math.min(0.5, ...rows.map(low));
  return {
    height: HEIGHT,
    marginLeft: 48,
    marginRight: 52,
    marginTop: 16,
    marginBottom: 36,
    x: dates(rows, width),
    y: { ...axis, domain: [Math.floor(least * 10) / 10, 1], ticks: 5, grid: true, label: null, tickFormat: percent.format },
    marks: [
      Plot.areaY(rows, { x: middle, y1: low, y2: (row) => row.high ?? row.value, fill: "var(--accent)", fillOpacity: 0.2 }),
      Plot.lineY(rows, { x: middle, y: "value", stroke: "var(--accent)", strokeWidth: 1.75 }),
      Plot.dot(rows, { x: middle, y: "value", fill: "var(--accent)", r: 3 }),
      Plot.text(last, { x: middle, y: "value", text: (row) => percent.format(row.value), dx: 8, textAnchor: "start", fill: "var(--text)" }),
      Plot.text([label], { frameAnchor: "bottom-left", dx: 4, dy: -4, text: (one) => one, fill: "var(--quiet)", textAnchor: "start" }),
    ],
  };
}

/** A bar for each day, week or month. */
function counts({ rows }, label, width) {
  return {
    height: 180,
    marginLeft: 48,
    marginRight: 12,
    marginTop: 16,
    marginBottom: 36,
    x: dates(rows, width),
    y: { ...axis, ticks: 4, grid: true, label: null, tickFormat: number.format, nice: true },
    marks: [
      Plot.rectY(rows, { x1: (row) => day(row.from), x2: (row) => day(row.to), y: "n", fill: "var(--accent)", fillOpacity: 0.7, inset: 0.5 }),
      Plot.ruleY([0], { stroke: "currentColor", strokeOpacity: 0.5 }),
      Plot.text([label], { frameAnchor: "top-left", dx: 4, dy: -12, text: (one) => one, fill: "var(--quiet)", textAnchor: "start" }),
    ],
  };
}

/** A line each: the interval as a band, the value as a dot with its number. */
function intervals({ rows, percent: isShare }, label, width) {
  const said = isShare ? percent.format : number.format;
  const narrow = width < NARROW;
  const inset = narrow ? { insetTop: 22, insetBottom: 6 } : { insetTop: 7, insetBottom: 7 };
  const down = narrow ? { dy: 8 } : {};
  const low = (row) => row.low ?? row.value;
  const high = (row) => row.high ?? row.value;
  const least = Math.min(...rows.map(low));
  const domain = isShare ? [Math.min(0.5, Math.floor(least * 10) / 10), 1] : [least, Math.max(...rows.map(high))];
  return {
    height: (narrow ? 50 : 30) * rows.length + 52,
    marginLeft: narrow ? 12 : NAMES,
    marginRight: 56,
    marginTop: 8,
    marginBottom: 40,
    x: { ...axis, domain, nice: !isShare, ticks: 5, tickFormat: said, label, grid: true },
    y: { domain: rows.map((row) => row.name), label: null, tickSize: 0, axis: narrow ? null : "left", tickFormat: shortened, padding: 0 },
    marks: [
      narrow ? Plot.text(rows, { y: "name", frameAnchor: "left", text: "name", dy: -14, textAnchor: "start", fill: "var(--quiet)" }) : null,
      Plot.barX(rows, { y: "name", x1: low, x2: high, fill: "var(--accent)", fillOpacity: 0.25, ...inset }),
      Plot.dot(rows, { y: "name", x: "value", fill: "var(--accent)", r: 4.5, ...down }),
      Plot.text(rows, { y: "name", x: high, text: (row) => said(row.value), dx: 8, textAnchor: "start", fill: "var(--text)", ...down }),
    ],
  };
}

/** The usual time by hour of the day, its interval as a band. */
function hours({ rows }, label) {
  const known = rows.filter((row) => row.low !== null && row.high !== null);
  return {
    height: 200,
    marginLeft: 48,
    marginRight: 16,
    marginTop: 16,
    marginBottom: 40,
    x: { ...axis, domain: [0, 23], ticks: 6, label, tickFormat: (hour) => String(hour) },
    y: { ...axis, ticks: 4, grid: true, label: null, zero: true, tickFormat: (seconds) => `${number.format(seconds)} s` },
    marks: [
      Plot.ruleX(known, { x: "hour", y1: "low", y2: "high", stroke: "var(--accent)", strokeOpacity: 0.25, strokeWidth: 9 }),
      Plot.lineY(rows, { x: "hour", y: "median", stroke: "var(--accent)", strokeWidth: 1.25 }),
      Plot.dot(rows, { x: "hour", y: "median", r: 3.5, fill: "var(--accent)" }),
    ],
  };
}

const kinds = { course, counts, intervals, hours };

for (const place of document.querySelectorAll("[data-plot]")) {
  const plot = drawn[place.dataset.plot];
  show(place, {
    title: place.closest("figure").querySelector("figcaption").textContent,
    columns: plot.columns,
    rows: plot.rows.map((row) => plot.columns.map((column) => row[column])),
    draw: (width) => kinds[plot.kind](plot, place.dataset.label, width),
  });
}
