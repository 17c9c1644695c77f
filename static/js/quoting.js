// Which piece of an answer's raw text a piece of the shown text came from, and back. Markdown, entities and formulas
// make the two differ; they are aligned word by word, and letter by letter where words differ.

import { align, wordsOf } from "./alignment.js";

export class Quoting {
  constructor(shown, raw) {
    this.shown = shown;
    this.raw = raw;
    this.origin = origins(shown, raw);
  }

  /** What stands behind [start, end) of the shown text: { start, end, text } in characters of the raw one, or null.
   *  Where an end has no counterpart (a formula, an entity) it reaches to what stands next to it. */
  span(start, end) {
    const { origin, raw } = this;
    let [before, after] = [start, end - 1];
    while (before >= 0 && origin[before] < 0) before -= 1;
    while (after < origin.length && origin[after] < 0) after += 1;
    let from = before < 0 ? 0 : origin[before] + (before < start ? 1 : 0);
    let to = after >= origin.length ? raw.length : origin[after] + (after < end ? 1 : 0);
    while (from < to && /\s/.test(raw[from])) from += 1;
    while (to > from && /\s/.test(raw[to - 1])) to -= 1;
    if (isWithinPair(raw, from)) from -= 1;
    if (isWithinPair(raw, to)) to += 1;
    if (from >= to) return null;
    const text = raw.slice(from, to);
    const first = lengthOf(raw.slice(0, from));
    return { start: first, end: first + lengthOf(text), text };
  }

  /** Where in the shown text such a span is seen: [start, end], or null where nothing of it is shown. */
  seen({ start, end }) {
    const from = unitOf(this.raw, start);
    const to = from + unitOf(this.raw.slice(from), end - start);
    const first = this.origin.findIndex((at) => at >= from);
    const last = this.origin.findLastIndex((at) => at >= 0 && at < to);
    if (first >= 0 && last >= first) return [first, last + 1];
    const gap = [last + 1, first < 0 ? this.shown.length : first]; // the span has no counterpart: all between its neighbours
    return this.shown.slice(...gap).trim() ? gap : null;
  }
}

/** Of each unit of the shown text, the index of its counterpart in the raw text, or -1. They rise. */
function origins(shown, raw) {
  const origin = new Int32Array(shown.length).fill(-1);
  const [ours, theirs] = [wordsOf(shown), wordsOf(raw)];
  let [at, rawAt] = [0, 0];
  for (const [i, j] of settled(align(ours.map((word) => word.text), theirs.map((word) => word.text)), theirs)) {
    letters(shown.slice(at, ours[i].start), raw.slice(rawAt, theirs[j].start), { at, rawAt, origin });
    for (let n = 0; n < ours[i].text.length; n += 1) origin[ours[i].start + n] = theirs[j].start + n;
    [at, rawAt] = [ours[i].end, theirs[j].end];
  }
  letters(shown.slice(at), raw.slice(rawAt), { at, rawAt, origin });
  return origin;
}

/** Where a word has several counterparts between those of its neighbours (a full stop after a link: those within the
 *  address too), the one that is nearest to theirs. */
function settled(pairs, words) {
  for (let k = pairs.length - 1; k >= 0; k -= 1) {
    const pair = pairs[k];
    const [before, after] = [pairs[k - 1]?.[1] ?? -1, pairs[k + 1]?.[1] ?? words.length];
    const distance = (at) => Math.min(at - before, after - at);
    const { text } = words[pair[1]];
    for (let at = pair[1] + 1; at < after; at += 1) {
      if (words[at].text === text && distance(at) < distance(pair[1])) pair[1] = at;
    }
  }
  return pairs;
}

function letters(shown, raw, { at, rawAt, origin }) {
  if (!shown.trim() || !raw.trim()) return;
  for (const [i, j] of align(shown.split(""), raw.split(""))) {
    if (shown[i].trim()) origin[at + i] = rawAt + j;
  }
}

const lengthOf = (text) => Array.from(text).length;
const unitOf = (text, characters) => Array.from(text).slice(0, characters).join("").length;
const isWithinPair = (text, at) => /^[\uD800-\uDBFF][\uDC00-\uDFFF]$/.test(text.slice(at - 1, at + 1));
