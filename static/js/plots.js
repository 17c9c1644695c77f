// A plot in its place: drawn by Observable Plot to the width there is, read aloud by its title, saved as SVG, PNG or CSV.
// A page that has plots loads vendor/d3.min.js and vendor/plot.umd.min.js before its modules.

import { asCsv, asPng, asSvg, save } from "./plot_files.js";

const { Plot } = globalThis;
const shown = new WeakMap();

const widths = new ResizeObserver((entries) => {
  for (const { target } of entries) shown.get(target)?.fit();
});

/**
 * `place`: a `.plot` (templates/training/_plot.html). `draw(width)` gives the options of `Plot.plot`; `columns` and
 * `rows` are what it draws as a table. The same place may be shown anew, with more data.
 */
export function show(place, { title, draw, columns, rows }) {
  const drawing = place.querySelector("[data-drawing]");
  const first = !shown.has(drawing);
  const one = { width: 0, title, draw, columns, rows, fit: () => fit(drawing, one) };
  shown.set(drawing, one);
  one.fit();
  if (!first) return;
  widths.observe(drawing);
  const saves = place.querySelector("[data-saves]");
  saves.hidden = false;
  for (const button of saves.querySelectorAll("[data-save]")) {
    button.addEventListener("click", () => keep(drawing, place.dataset.file, button.dataset.save));
  }
}

function fit(drawing, one) {
  const width = Math.floor(drawing.clientWidth);
  if (width < 1 || width === one.width) return;
  one.width = width;
  const svg = Plot.plot({ ...one.draw(width), width, style: null });
  svg.querySelector("style")?.remove(); // the page's policy allows none; the rules are in plots.css
  for (const part of svg.querySelectorAll("[aria-label]")) part.removeAttribute("aria-label"); // it is one image
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", one.title);
  drawing.replaceChildren(svg);
}

async function keep(drawing, name, format) {
  const { columns, rows } = shown.get(drawing);
  const svg = drawing.querySelector("svg");
  const made = { svg: () => asSvg(svg), png: () => asPng(svg), csv: () => asCsv(columns, rows) };
  save(await made[format](), `${name}.${format}`);
}
