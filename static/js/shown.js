// The text of an answer as it is shown: its letters with the nodes that hold them, and ranges to and fro.

const BLOCK = "p, li, pre, td, th, h4, h5, h6, blockquote, .prose";
const NOT_TEXT = "summary, button, math *, [aria-hidden=true] *";
const OBJECT = "\uFFFC"; // stands for a formula: it is chosen as a whole or not at all

export class Shown {
  constructor(root) {
    this.pieces = [];
    this.formulas = new Map(); // what the formula at this place says
    this.text = "";
    for (const prose of root.querySelectorAll(".prose")) {
      const walker = document.createTreeWalker(prose, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT);
      while (walker.nextNode()) this.add(walker.currentNode);
    }
  }

  add(node) {
    const isFormula = node.localName === "math";
    const element = isFormula ? node : node.parentElement;
    if (element.closest(NOT_TEXT) || (node.nodeType === Node.ELEMENT_NODE && !isFormula)) return;
    const block = element.closest(BLOCK);
    if (this.block && block !== this.block) this.text += "\n";
    this.block = block;
    const text = isFormula ? OBJECT : block.localName === "pre" ? node.data : node.data.replaceAll("\n", " ");
    if (isFormula) this.formulas.set(this.text.length, node.textContent);
    this.pieces.push({ node, start: this.text.length, length: text.length });
    this.text += text;
  }

  /** Where a range of the document begins and ends in the text, without the space at its ends; or null. */
  offsets(range) {
    let [start, end] = [Infinity, -1];
    for (const { node, start: at, length } of this.pieces) {
      if (!range.intersectsNode(node)) continue;
      const isText = node.nodeType === Node.TEXT_NODE;
      const from = isText && node === range.startContainer ? range.startOffset : 0;
      const to = isText && node === range.endContainer ? range.endOffset : length;
      if (from >= to) continue;
      start = Math.min(start, at + from);
      end = at + to;
    }
    while (start < end && /\s/.test(this.text[start])) start += 1;
    while (end > start && /\s/.test(this.text[end - 1])) end -= 1;
    return start < end ? [start, end] : null;
  }

  range(start, end) {
    const first = this.pieces.find((piece) => piece.start + piece.length > start);
    const last = this.pieces.findLast((piece) => piece.start < end);
    const range = new Range();
    if (first.node.nodeType === Node.TEXT_NODE) range.setStart(first.node, Math.max(0, start - first.start));
    else range.setStartBefore(first.node);
    if (last.node.nodeType === Node.TEXT_NODE) range.setEnd(last.node, Math.min(last.length, end - last.start));
    else range.setEndAfter(last.node);
    return range;
  }

  /** [start, end] of each sentence; a line of code, a cell or an item of a list ends one too. */
  sentences() {
    const language = document.documentElement.lang;
    const segmenter = new Intl.Segmenter(language, { granularity: "sentence" });
    return Array.from(this.text.matchAll(/[^\n]+/g)).flatMap(({ 0: line, index: at }) =>
      Array.from(segmenter.segment(line), ({ segment, index }) => [at + index, at + index + segment.trimEnd().length])
    ).filter(([start, end]) => start < end);
  }
}

/** Marks over text that itself stays as it is; where a browser has no such marks, lists and labels say it alone. */
export function paint(name, ranges) {
  if (!CSS.highlights) return;
  if (ranges.length === 0) CSS.highlights.delete(name);
  else CSS.highlights.set(name, new Highlight(...ranges));
}

/** The text of an answer as it was written. */
export function rawOf(card) {
  return JSON.parse(card.querySelector("[data-raw]").dataset.raw);
}
