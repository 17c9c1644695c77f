"""Several heads on one backbone: the score, and beside it one head for each criterion of the rubric (multi-task).

A criterion's head learns by Bradley-Terry from the pairs of answers that one person rated differently, so it needs no
common scale of persons; its margin between two ratings is learnt, not set. The score is the first head, by which
plain transformers (`logits[:, 0]`) and `rewards` go. Source: several criteria as outputs of one reward model,
HelpSteer2 (2406.08673) and ArmoRM (2406.12845), which regress the ratings. Left out: regression, and a mixture of the
heads as the score.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from training.exceptions import InvalidRelease
from training.ml.data import groups
from training.ml.data.batches import Item
from training.ml.data.groups import Group
from training.ml.data.releases import Row
from training.ml.knobs import RewardKnobs
from training.ml.reporting import evaluation
from training.ml.reporting.evaluation import Outcome
from training.ml.rewards import Conversation, RewardModel

MAIN = "preference"


def names(items: Sequence[Item], *, knobs: RewardKnobs) -> tuple[str, ...]:
    """Of the heads, the score first; empty: one head.

    Raises:
        InvalidRelease: there is no criterion to learn, or one that is called as the score is.
    """
    if knobs.heads == "off":
        return ()
    criteria = sorted({name for item in items for name, edges in item.criteria.items() if edges})
    if not criteria:
        raise InvalidRelease(
            "heads=rubric: no judgement of the train split rates two of its answers differently by any criterion; "
            "leave heads off, or label with a rubric"
        )
    if MAIN in criteria:
        raise InvalidRelease(f"heads=rubric: a criterion is called {MAIN!r}, as the score is; rename it")
    return (MAIN, *criteria)


def criteria_of(model: Any) -> tuple[str, ...]:
    labels = model.config.id2label
    return tuple(labels[number] for number in range(1, model.config.num_labels))


def held_out(judge: RewardModel, rows: Sequence[Row], *, seed: int) -> dict[str, Any]:
    """By criterion how often its head gives the higher rated of two held-out answers the higher score; else empty."""
    criteria = judge.heads[1:]
    if not criteria:
        return {}
    pairs = [
        pair
        for group in groups.of_rows(row for row in rows if row.split == "test")
        for pair in rated_apart(group, criteria)
        if judge.fits(*pair.better) and judge.fits(*pair.worse)
    ]
    rewards = judge.rewards([answer for pair in pairs for answer in (pair.better, pair.worse)])
    outcomes: dict[str, list[Outcome]] = {name: [] for name in criteria}
    for pair, better, worse in zip(pairs, rewards[::2], rewards[1::2], strict=True):
        name = pair.criterion
        credit = evaluation.credit(better.heads[name], worse.heads[name])
        outcomes[name].append(Outcome(prompt_id=pair.prompt_id, credit=credit))
    return {name: evaluation.accuracy(found, seed=seed) for name, found in outcomes.items()}


@dataclass(frozen=True, kw_only=True)
class RatedPair:
    """One person rated `better` higher than `worse` by the criterion."""

    criterion: str
    prompt_id: str
    better: Conversation
    worse: Conversation


def rated_apart(group: Group, criteria: Sequence[str]) -> Iterator[RatedPair]:
    texts, prompt_id = [response.text for response in group.responses], group.prompt_id
    for verdict in group.verdicts:
        for name in criteria:
            for better, worse in verdict.rated_apart(name):
                yield RatedPair(
                    criterion=name,
                    prompt_id=prompt_id,
                    better=(group.messages, texts[better]),
                    worse=(group.messages, texts[worse]),
                )
