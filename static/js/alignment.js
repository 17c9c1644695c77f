// Which words two texts share, in order: a longest common subsequence, computed 30 words at a time (Hyyrö 2004).

const BITS = 30; // so that a sum with its carry stays a small integer
const FULL = 2 ** BITS - 1;
const MOST_CELLS = 6e8; // two texts of 24,000 words: a quarter of a second and 80 MB; beyond that look only nearby
const NEARBY = 200;
// Saved texts are compared in Python (annotation/formats/differences.py), which cuts them alike; these are not saved yet.
// A sign of a script that puts no spaces between words, a word, or any other sign. (Intl.Segmenter takes 20 times as long.)
const UNSPACED = String.raw`\p{sc=Han}\p{sc=Hira}\p{sc=Kana}\p{sc=Thai}\p{sc=Laoo}\p{sc=Khmr}\p{sc=Mymr}`;
const WORD = new RegExp(`[${UNSPACED}]\\p{M}*|(?:(?![${UNSPACED}])[\\p{L}\\p{M}\\p{N}])+(?:['’]\\p{L}+)*|\\S`, "gu");

/** Words and signs with where they stand, without the space between them: [{ text, start, end }]. */
export function wordsOf(text) {
  return Array.from(text.matchAll(WORD), ({ 0: word, index }) => ({ text: word, start: index, end: index + word.length }));
}

/** Pairs [i, j] with a[i] === b[j], rising in both, as many as there can be; of equal choices the earliest in b. */
export function align(a, b) {
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start += 1;
  const pairs = Array.from({ length: start }, (_, i) => [i, i]);
  for (const [i, j] of rest(a.slice(start), b.slice(start))) pairs.push([i + start, j + start]);
  return pairs;
}

function rest(a, b) {
  if (a.length === 0 || b.length === 0) return [];
  if (a.length * b.length > MOST_CELLS) return nearby(a, b);
  const width = Math.ceil(b.length / BITS);
  return traced(rowsOf(a, b, width), a, b, width);
}

function nearby(a, b) {
  const pairs = [];
  let next = 0;
  a.forEach((item, i) => {
    const ahead = b.slice(next, next + NEARBY).indexOf(item);
    if (ahead < 0) return;
    pairs.push([i, next + ahead]);
    next += ahead + 1;
  });
  return pairs;
}

/** One row of bits per item of a; a bit is 0 where the common subsequence with b up to there grows by one. */
function rowsOf(a, b, width) {
  const places = placesOf(b);
  const nowhere = [];
  const rows = new Int32Array((a.length + 1) * width).fill(FULL, 0, width);
  const matches = new Int32Array(width);
  for (let i = 0; i < a.length; i += 1) {
    const here = places.get(a[i]) ?? nowhere;
    for (const j of here) matches[(j / BITS) | 0] |= 1 << (j % BITS);
    const [above, row] = [i * width, (i + 1) * width];
    for (let k = 0, carry = 0; k < width; k += 1) {
      const bits = rows[above + k];
      const shared = bits & matches[k];
      const sum = bits + shared + carry;
      carry = sum >>> BITS;
      rows[row + k] = (sum & FULL) | (bits & ~shared);
    }
    for (const j of here) matches[(j / BITS) | 0] = 0;
  }
  return rows;
}

function placesOf(items) {
  const places = new Map();
  items.forEach((item, j) => {
    const known = places.get(item);
    if (known) known.push(j);
    else places.set(item, [j]);
  });
  return places;
}

function traced(rows, a, b, width) {
  const grows = (i, j) => !((rows[i * width + ((j / BITS) | 0)] >>> (j % BITS)) & 1);
  const pairs = [];
  let [i, j] = [a.length, b.length];
  while (i > 0 && j > 0) {
    if (!grows(i, j - 1)) { j -= 1; continue; }
    i -= 1;
    if (!grows(i, j - 1)) { j -= 1; pairs.push([i, j]); } // above it did not grow here: this item is the match
  }
  return pairs.reverse();
}

/** The runs of a and b between and within pairs, in order: [{ shared, a: [from, to], b: [from, to] }]. */
export function runs(pairs, lengthA, lengthB) {
  const found = [];
  let [i, j] = [0, 0];
  for (const [p, q] of [...pairs, [lengthA, lengthB]]) {
    if (p > i || q > j) found.push({ shared: false, a: [i, p], b: [j, q] });
    const last = found.at(-1);
    if (p === lengthA) break;
    if (last?.shared) { last.a[1] += 1; last.b[1] += 1; }
    else found.push({ shared: true, a: [p, p + 1], b: [q, q + 1] });
    [i, j] = [p + 1, q + 1];
  }
  return found;
}

/** Words that two texts share by chance, between stretches that differ, only make the difference hard to read. */
export function calm(pairs, lengthA, lengthB) {
  const all = runs(pairs, lengthA, lengthB);
  const size = (run) => (run ? Math.max(run.a[1] - run.a[0], run.b[1] - run.b[0]) : 0);
  const isChance = (run, k) => size(run) < 3 && size(all[k - 1]) > size(run) && size(all[k + 1]) > size(run);
  const kept = all.filter((run, k) => run.shared && !isChance(run, k));
  return kept.flatMap((run) => Array.from({ length: run.a[1] - run.a[0] }, (_, n) => [run.a[0] + n, run.b[0] + n]));
}
