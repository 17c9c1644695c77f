"""How often each answer was called the best and the worst of those that it stood among."""

from typing import Any

import numpy as np

from annotation.actions.quality.gathering import Facts
from annotation.actions.quality.reading import CHUNK
from annotation.models import Response
from annotation.stats.said import UNRANKED, Flags, Small, Whole
from annotation.stats.strengths.best_worst import best_worst

NONE = -2  # of a judgement: no answer alone in front, or alone at the end
LONGEST_TEXT = 80


def scores(facts: Facts) -> list[dict[str, Any]]:
    """Of each response, in the order of their keys: (times the best - times the worst) / times ranked; -1 to 1."""
    said = facts.said
    ranked = said.ranks != UNRANKED
    keys, items = np.unique(np.where(ranked, facts.answers.keys[said.tasks], -1), return_inverse=True)
    items = items.reshape(said.ranks.shape) - int(keys.size > 0 and keys[0] == -1)
    keys = keys[keys >= 0]
    best, worst = ends(said.ranks, ranked, items)
    found = best_worst(items, best=best, worst=worst, size=keys.size, clusters=said.tasks)
    about = described(keys)
    return [
        {**about[key], "best_worst": value, "figure": figure.as_dict()}
        for key, value, figure in zip(keys.tolist(), found.values.tolist(), found.figures, strict=True)
    ]


def ends(ranks: Small, ranked: Flags, items: Whole) -> tuple[Whole, Whole]:
    """(N,) each: the item that stands alone in the first tie group, and alone in the last one of several."""
    last = np.where(ranked, ranks, UNRANKED).max(axis=1, initial=UNRANKED, keepdims=True)
    return alone(ranked & (ranks == 0) & (last > 0), items), alone(ranked & (ranks == last) & (last > 0), items)


def alone(marked: Flags, items: Whole) -> Whole:
    single = marked.sum(axis=1) == 1
    return np.where(single, items[np.arange(len(items)), marked.argmax(axis=1)], NONE)


def described(keys: Whole) -> dict[int, dict[str, Any]]:
    about = {}
    for start in range(0, keys.size, CHUNK):
        found = Response.objects.filter(pk__in=keys[start : start + CHUNK].tolist()).order_by()
        for key, policy, text in found.values_list("pk", "policy__name", "text"):
            about[key] = {"policy": policy, "text": text[:LONGEST_TEXT]}
    return about
