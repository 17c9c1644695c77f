// Choosing a stretch of an answer by keyboard: sentence by sentence, as the page's own selection.

const STEPS = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 };

/** Arrows move, with Shift they extend; Enter takes what is chosen; any other key leaves. */
export class Choosing {
  constructor(shown, { take, say, ended, left }) {
    Object.assign(this, { shown, take, say, ended, left });
    this.sentences = shown.sentences();
    [this.first, this.last] = [0, 0];
    this.stop = new AbortController();
    document.addEventListener("keydown", (event) => this.pressed(event), { capture: true, signal: this.stop.signal });
    document.addEventListener("pointerdown", () => this.end(), { signal: this.stop.signal });
    this.show();
  }

  pressed(event) {
    if (event.key === "Shift" || (event.repeat && event.key === "Enter")) return;
    const isOurs = event.key in STEPS || ["Enter", "Escape"].includes(event.key);
    if (!isOurs || event.ctrlKey || event.metaKey || event.altKey) { this.end(); return; }
    event.preventDefault();
    event.stopImmediatePropagation();
    if (event.key in STEPS) this.move(STEPS[event.key], { extend: event.shiftKey });
    else {
      this.end();
      if (event.key === "Enter") return this.take();
      getSelection().removeAllRanges();
      this.left();
    }
  }

  move(step, { extend }) {
    const within = (index) => Math.min(this.sentences.length - 1, Math.max(0, index));
    this.last = extend ? Math.max(this.first, within(this.last + step)) : within((step < 0 ? this.first : this.last) + step);
    if (!extend) this.first = this.last;
    this.show();
  }

  show() {
    const range = this.shown.range(this.sentences[this.first][0], this.sentences[this.last][1]);
    getSelection().setBaseAndExtent(range.startContainer, range.startOffset, range.endContainer, range.endOffset);
    (range.endContainer.nodeType === Node.TEXT_NODE ? range.endContainer.parentElement : range.endContainer).scrollIntoView({ block: "nearest" });
    this.say(range.toString());
  }

  end() {
    this.stop.abort();
    this.ended();
  }
}
