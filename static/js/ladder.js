// The ladder: one token per answer, to be clicked, tapped or dragged onto a rung. It draws what the ranking says.

import Sortable from "../vendor/sortable.core.esm.js";
import { words } from "./words.js";

const DRAG_THRESHOLD = 8; // pixels; less is a tap

export class Ladder {
  constructor(element, { ranking, cards, placed }) {
    this.element = element;
    this.ranking = ranking;
    this.cards = cards;
    this.placed = placed;
    this.places = [...element.querySelectorAll("[data-rung]")];
    this.sortables = this.places.map((place) => this.sortable(place));
    element.hidden = false;
    element.addEventListener("click", (event) => this.clicked(event));
  }

  sortable(place) {
    return new Sortable(place.querySelector("[data-tokens]"), {
      group: "ladder",
      sort: false,
      animation: 0,
      forceFallback: true,
      fallbackTolerance: DRAG_THRESHOLD,
      touchStartThreshold: DRAG_THRESHOLD,
      emptyInsertThreshold: 12,
      onStart: ({ item }) => this.lifted(item.dataset.token),
      onEnd: ({ item, to, originalEvent }) => this.dropped(item.dataset.token, under(originalEvent) ?? to),
    });
  }

  lifted(letter) {
    this.isDragging = true; // drawing would move the token from under the finger
    this.cards.select(letter);
  }

  dropped(letter, target) {
    this.isDragging = false;
    this.put(letter, target.closest("[data-rung]").dataset.rung);
  }

  clicked(event) {
    if (event.target.closest("[data-gap]")) return; // the line's own
    const token = event.target.closest("[data-token]");
    const place = event.target.closest("[data-rung]");
    if (token) this.cards.select(token.dataset.token);
    else if (place) this.put(this.cards.current, place.dataset.rung);
  }

  put(letter, rung) {
    this.ranking.place(letter, rung);
    if (rung !== "") this.cards.select(this.ranking.nextMissing(letter));
    this.placed(letter);
  }

  draw() {
    if (this.isDragging) return;
    for (const place of this.places) {
      const box = place.querySelector("[data-tokens]");
      const here = this.ranking.letters.filter((letter) => this.ranking.placeOf(letter) === place.dataset.rung);
      const drawn = here.map((letter) => this.drawn(letter));
      if (drawn.some((token, i) => box.children[i] !== token) || box.children.length !== drawn.length) moveInto(box, drawn);
    }
    this.element.classList.toggle("is-complete", this.ranking.missing().length === 0);
  }

  drawn(letter) {
    const token = this.element.querySelector(`[data-token="${letter}"]`);
    const place = this.ranking.placeOf(letter);
    token.setAttribute("aria-label", place === "" ? words("token_unplaced", { letter }) : words("token_placed", { letter, place }));
    token.setAttribute("aria-pressed", String(letter === this.cards.current));
    return token;
  }

  destroy() {
    for (const sortable of this.sortables) sortable.destroy();
  }
}

/** A token that is moved keeps the focus that it had. */
function moveInto(box, tokens) {
  const focused = document.activeElement;
  box.append(...tokens);
  if (tokens.includes(focused)) focused.focus({ preventScroll: true });
}

/** The rung under the pointer. Sortable looks only every 50 ms, so after a quick flick its own answer is out of date. */
function under(event) {
  const point = event?.changedTouches?.[0] ?? event;
  if (point?.clientX === undefined) return null;
  return document.elementFromPoint(point.clientX, point.clientY)?.closest("[data-rung]") ?? null;
}
