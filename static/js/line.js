// The acceptability line on the ladder: what stands above it is good enough to send. Click a gap, or drag the line.

const DRAG_THRESHOLD = 8; // pixels; less is a tap

export class Line {
  constructor(ladder, { ranking }) {
    this.ranking = ranking;
    this.ladder = ladder;
    this.gaps = [...ladder.querySelectorAll("[data-gap]")];
    this.rungs = [...ladder.querySelectorAll(".ladder__rungs [data-rung]")];
    for (const gap of this.gaps) {
      gap.addEventListener("click", () => { if (!this.wasDragged) this.put(gap); });
      gap.addEventListener("pointerdown", (event) => this.lift(event, gap));
    }
    this.draw();
  }

  put(gap) {
    this.ranking.draw(Number(gap.dataset.gap));
  }

  lift(event, gap) {
    this.wasDragged = false;
    if (gap.dataset.gap !== this.ranking.line) return;
    const from = { x: event.clientX, y: event.clientY };
    const watch = new AbortController();
    gap.setPointerCapture(event.pointerId);
    gap.addEventListener("pointermove", (move) => {
      if (Math.hypot(move.clientX - from.x, move.clientY - from.y) < DRAG_THRESHOLD && !this.wasDragged) return;
      this.wasDragged = true;
      this.drawAt(this.nearest(move).dataset.gap);
    }, { signal: watch.signal });
    gap.addEventListener("pointerup", (up) => { watch.abort(); if (this.wasDragged) this.put(this.nearest(up)); }, { signal: watch.signal });
    gap.addEventListener("pointercancel", () => { watch.abort(); this.draw(); }, { signal: watch.signal });
  }

  nearest({ clientX, clientY }) {
    const distance = (gap) => {
      const box = gap.getBoundingClientRect();
      return Math.hypot(clientX - box.x - box.width / 2, clientY - box.y - box.height / 2);
    };
    return this.gaps.reduce((best, gap) => (distance(gap) < distance(best) ? gap : best));
  }

  draw() {
    this.drawAt(this.ranking.line);
  }

  drawAt(line) {
    for (const gap of this.gaps) gap.classList.toggle("is-line", gap.dataset.gap === line);
    for (const rung of this.rungs) rung.classList.toggle("is-below", line !== "" && Number(rung.dataset.rung) > Number(line));
  }
}
