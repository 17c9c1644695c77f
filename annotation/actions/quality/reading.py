"""A project's judgements as arrays. They are streamed, and what is said often is read once, so that a million of them
take seconds and a hundred megabytes."""

import json
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db.models import F, TextField
from django.db.models.functions import Cast

from annotation.actions import exclusions
from annotation.formats.rows import MAX_RESPONSES
from annotation.models import Annotator, Judgement, Measurement, Project, Task
from annotation.models.judgements import JudgementQuerySet
from annotation.stats.said import UNRANKED, Floats, Said, Small, Whole

CHUNK = 20_000
REMEMBERED = 100_000
FIELDS = ("pk", "task_id", "annotator_id", "ranking_text", "shown_text", "at", "seconds", "guideline_version")


@dataclass(frozen=True, kw_only=True)
class Read:
    """`said` in the order of `keys` (N,), the judgements' own; `annotator_ids` (J,), the people's."""

    said: Said
    keys: Whole
    annotator_ids: Whole


@dataclass(frozen=True, kw_only=True)
class Rated:
    """One rating of one answer each: `judgements` (M,), rows of what was said; `positions` and `values` (M,)."""

    judgements: Whole
    positions: Whole
    values: Floats


def counted(project: Project, *, voices: str) -> JudgementQuerySet:
    """All that these voices said and nobody excluded, revised or not."""
    said = Judgement.objects.filter(task__project=project, source__in=Measurement.SOURCES[voices])
    return exclusions.counting(said)


def labels(project: Project, *, voices: str) -> JudgementQuerySet:
    return counted(project, voices=voices).current().filter(task__purpose__in=Task.LABELS)


def known(project: Project, *, voices: str) -> JudgementQuerySet:
    """As first said: a revision may follow feedback."""
    said = counted(project, voices=voices).filter(task__purpose__in=Task.KNOWN, revision=0)
    return said.filter(task__known__isnull=False)


def repeats(project: Project, *, voices: str) -> JudgementQuerySet:
    return counted(project, voices=voices).filter(task__repeats__isnull=False, revision=0)


def read(judgements: JudgementQuerySet) -> Read:
    columns = Columns()
    for row in texts(judgements).values_list(*FIELDS).iterator(chunk_size=CHUNK):
        columns.add(row)
    return columns.read()


def texts(judgements: JudgementQuerySet) -> JudgementQuerySet:
    """With ranking and order shown as texts, as the database has them: JSON is read once a text, not once a row."""
    return judgements.order_by().annotate(
        ranking_text=Cast(F("ranking"), TextField()), shown_text=Cast(F("shown"), TextField())
    )


class Columns:
    """Rows as they come, kept in arrays."""

    def __init__(self) -> None:
        self.keys, self.tasks, self.annotators = array("q"), array("q"), array("q")
        self.at, self.seconds, self.guidelines = array("d"), array("d"), array("q")
        self.ranks, self.shown = bytearray(), bytearray()
        self.places: dict[str, bytes] = {}

    def add(self, row: tuple[Any, ...]) -> None:
        key, task, annotator, ranking, shown, at, seconds, guideline = row  # FIELDS
        self.keys.append(key)
        self.tasks.append(task)
        self.annotators.append(annotator)
        self.ranks += self.placed(ranking)
        self.shown += self.placed(shown or "[]")
        self.at.append(np.nan if at is None else at.timestamp())
        self.seconds.append(np.nan if seconds is None else seconds)
        self.guidelines.append(guideline or 0)

    def placed(self, text: str) -> bytes:
        """At each position the index of the group that holds it, as one signed byte each."""
        found = self.places.get(text)
        if found is None:
            if len(self.places) >= REMEMBERED:
                self.places.clear()
            found = self.places[text] = places_of(json.loads(text) or [])
        return found

    def read(self) -> Read:
        keys = np.frombuffer(self.keys, dtype=np.int64)
        order = np.argsort(keys)
        ranks, shown = self.table(self.ranks)[order], self.table(self.shown)[order]
        size = int((ranks != UNRANKED).any(axis=0).nonzero()[0].max(initial=1)) + 1
        task_ids, tasks = np.unique(np.frombuffer(self.tasks, dtype=np.int64)[order], return_inverse=True)
        annotator_ids, annotators = np.unique(np.frombuffer(self.annotators, np.int64)[order], return_inverse=True)
        said = Said(
            tasks=tasks,
            annotators=annotators,
            ranks=np.ascontiguousarray(ranks[:, :size]),
            at=np.frombuffer(self.at)[order],
            seconds=np.frombuffer(self.seconds)[order],
            shown=np.ascontiguousarray(shown[:, :size]),
            guidelines=np.frombuffer(self.guidelines, dtype=np.int64)[order],
            names=names_of(annotator_ids),
            task_ids=task_ids,
        )
        return Read(said=said, keys=keys[order], annotator_ids=annotator_ids)

    @staticmethod
    def table(values: bytearray) -> Small:
        return np.frombuffer(values, dtype=np.int8).reshape(-1, MAX_RESPONSES)


def places_of(groups: Sequence[Any]) -> bytes:
    """Of tie groups, or of an order shown, whose items are positions themselves."""
    ranks = np.full(MAX_RESPONSES, UNRANKED, dtype=np.int8)
    for rank, group in enumerate(groups):
        ranks[group] = rank
    return ranks.tobytes()


def names_of(ids: Whole) -> tuple[str, ...]:
    """Asked for in parts: SQLite takes at most 32,766 values in one question."""
    names: dict[int, str] = {}
    for start in range(0, ids.size, CHUNK):
        part = ids[start : start + CHUNK].tolist()
        names.update(Annotator.objects.filter(pk__in=part).values_list("pk", "name"))
    return tuple(names[key] for key in ids.tolist())


def ratings(judgements: JudgementQuerySet, *, keys: Whole) -> dict[str, Rated]:
    """By criterion; judgements that are not among `keys` are left out."""
    found: dict[str, Ratings] = {}
    for key, said in judgements.exclude(ratings={}).values_list("pk", "ratings").iterator(chunk_size=CHUNK):
        row = int(np.searchsorted(keys, key))
        if row < keys.size and keys[row] == key:
            for name, values in said.items():
                found.setdefault(name, Ratings()).add(row, values)
    return {name: found[name].read() for name in sorted(found)}


class Ratings:
    def __init__(self) -> None:
        self.judgements, self.positions, self.values = array("q"), array("q"), array("d")

    def add(self, row: int, values: Sequence[float]) -> None:
        for position, value in enumerate(values):
            self.judgements.append(row)
            self.positions.append(position)
            self.values.append(value)

    def read(self) -> Rated:
        return Rated(
            judgements=np.frombuffer(self.judgements, dtype=np.int64),
            positions=np.frombuffer(self.positions, dtype=np.int64),
            values=np.frombuffer(self.values),
        )


def tags_of(project: Project, *, task_ids: Whole) -> dict[str, Whole]:
    """Tag -> indices of the tasks that carry it."""
    place = {key: index for index, key in enumerate(task_ids.tolist())}
    found: dict[str, list[int]] = {}
    for key, tags in tagged(project):
        if key in place:
            for tag in tags:
                found.setdefault(tag, []).append(place[key])
    return {tag: np.array(sorted(set(places)), dtype=np.int64) for tag, places in found.items()}


def tagged(project: Project) -> Iterator[tuple[int, list[str]]]:
    tasks = Task.objects.filter(project=project, purpose__in=Task.LABELS).exclude(tags=[])
    yield from tasks.order_by().values_list("pk", "tags").iterator(chunk_size=CHUNK)
