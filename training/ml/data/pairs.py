"""From rankings to strict pairs: in one judgement, every response of a better tie group beats every one of a worse.

A ranking of K responses without ties gives K(K-1)/2 pairs, which share their prompt. Ties give none (policy `drop`,
InstructGPT 2203.02155) and are counted; unranked responses say nothing. Torch-free.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations

from training.exceptions import InvalidRelease
from training.ml.data.releases import Message, Release, Row

Prompt = tuple[tuple[str, str], ...]  # roles and contents

MARGINS = {1: 0.0, 2: 1 / 3, 3: 2 / 3}  # slightly, clearly, much: Llama 2 (2307.09288), table 27, small margin


@dataclass(frozen=True, kw_only=True)
class Pair:
    """One person (or judge) preferred `chosen` to `rejected`; both are texts."""

    prompt: Prompt
    chosen: str
    rejected: str
    chosen_policy: str = ""
    rejected_policy: str = ""
    strength: int | None = None
    annotator: str = ""
    source: str = "human"
    tags: tuple[str, ...] = ()

    @property
    def messages(self) -> list[Message]:
        return [{"role": role, "content": content} for role, content in self.prompt]

    @property
    def prompt_id(self) -> str:
        return hashlib.sha256(json.dumps(self.prompt, ensure_ascii=False).encode()).hexdigest()

    @property
    def margin(self) -> float:
        return MARGINS.get(self.strength or 0, 0.0)


@dataclass(frozen=True, kw_only=True)
class Pairs:
    train: list[Pair]
    held_out: list[Pair]
    train_ties: int
    held_out_ties: int


def of_release(release: Release) -> Pairs:
    """
    Raises:
        InvalidRelease: no strict pair to train on.
    """
    train, train_ties = of_rows(row for row in release.rows if row.split == "train")
    held_out, held_out_ties = of_rows(row for row in release.rows if row.split == "test")
    if not train:
        raise InvalidRelease(nothing_to_train_on(release, ties=train_ties, held_out=len(held_out)))
    return Pairs(train=train, held_out=held_out, train_ties=train_ties, held_out_ties=held_out_ties)


def nothing_to_train_on(release: Release, *, ties: int, held_out: int) -> str:
    where = f"the release at {release.path}"
    if ties:
        return f"{where} holds only ties in its train split ({ties}): nobody preferred anything; label more"
    if held_out:
        return f"{where} holds no comparison in its train split, all {held_out} are held out; label more prompts"
    return f"{where} holds no comparison: export one that holds rankings"


def of_rows(rows: Iterable[Row]) -> tuple[list[Pair], int]:
    """The strict pairs of the rows in order, and the number of tied pairs left out."""
    pairs: list[Pair] = []
    ties = 0
    for row in rows:
        prompt = tuple((message["role"], message["content"]) for message in row.prompt)
        for judgement in row.judgements:
            if judgement.weight <= 0:
                continue  # of an annotator on whom the release does not rely
            groups = judgement.ranking
            ties += sum(len(group) * (len(group) - 1) // 2 for group in groups)
            pairs.extend(
                Pair(
                    prompt=prompt,
                    chosen=row.responses[winner].text,
                    rejected=row.responses[loser].text,
                    chosen_policy=row.responses[winner].policy,
                    rejected_policy=row.responses[loser].policy,
                    strength=judgement.strength,
                    annotator=judgement.annotator,
                    source=judgement.source,
                    tags=row.tags,
                )
                for better, worse in combinations(groups, 2)
                for winner in better
                for loser in worse
            )
    return pairs, ties
