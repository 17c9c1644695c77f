// Plots as files: what is drawn with the page's colours written into it, and the numbers behind it.

const KEPT = ["fill", "stroke", "stroke-width", "opacity", "font-family", "font-size", "font-weight", "text-anchor"];
const SCALE = 2; // pixels of the PNG to one of the page

/** The colours of the page become attributes, so that the file looks the same where there is no stylesheet. */
function drawnAlone(svg) {
  const copy = svg.cloneNode(true);
  const [from, to] = [svg, copy].map((root) => [root, ...root.querySelectorAll("*")]);
  from.forEach((element, index) => {
    const style = getComputedStyle(element);
    for (const name of KEPT) to[index].setAttribute(name, style.getPropertyValue(name));
  });
  const ground = document.createElementNS(svg.namespaceURI, "rect");
  const colour = getComputedStyle(svg.closest(".card") ?? document.body).backgroundColor;
  for (const [name, value] of Object.entries({ width: "100%", height: "100%", fill: colour })) {
    ground.setAttribute(name, value);
  }
  copy.prepend(ground);
  copy.setAttribute("xmlns", svg.namespaceURI);
  return copy;
}

export function asSvg(svg) {
  return new Blob([new XMLSerializer().serializeToString(drawnAlone(svg))], { type: "image/svg+xml" });
}

export async function asPng(svg) {
  const address = URL.createObjectURL(asSvg(svg));
  try {
    const image = new Image();
    image.src = address;
    await image.decode();
    const canvas = document.createElement("canvas");
    canvas.width = SCALE * svg.width.baseVal.value;
    canvas.height = SCALE * svg.height.baseVal.value;
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    return await new Promise((done) => { canvas.toBlob(done, "image/png"); });
  } finally {
    URL.revokeObjectURL(address);
  }
}

export function asCsv(columns, rows) {
  return new Blob([[columns, ...rows].map((row) => `${row.map(cell).join(",")}\r\n`).join("")], { type: "text/csv" });
}

/** A cell that a spreadsheet would take for a formula is kept a text: names come from strangers. */
function cell(value) {
  if (value === null || value === undefined) return "";
  if (typeof value === "number") return String(value);
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
