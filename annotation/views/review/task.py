"""One task under review: its answers, what each person said of them, and what was decided."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from django.core.paginator import Page, Paginator

from annotation.actions import exclusions, reviews
from annotation.exceptions import NotFound
from annotation.formats.differences import Part, changes
from annotation.forms.letters import LETTERS
from annotation.models import Adjudication, Judgement, Project, Task, TaskResponse
from annotation.stats.disagreement import disagreement
from annotation.stats.pace import Pace, pace
from annotation.views.review.words import Comment, Flag, comments_of, flags_of, in_letters, places, ratings_of

PAGE = 50
TIMES = 1000  # the newest times that the project's median is taken of


@dataclass(frozen=True, kw_only=True)
class Answer:
    """`policy` is "" as long as who wrote it is not revealed."""

    letter: str
    text: str
    policy: str


@dataclass(frozen=True, kw_only=True)
class Edit:
    """`parts` is None where the two texts are too long to be compared word by word."""

    letter: str
    text: str
    parts: list[Part] | None


@dataclass(frozen=True, kw_only=True)
class Said:
    """A judgement in letters. `older` are the revisions that it replaced, the newest first."""

    judgement: Judgement
    ranking: list[str]
    places: list[int | None]
    good_enough: list[str] | None
    ratings: list[tuple[str, list[Any]]]
    flags: list[Flag]
    comments: list[Comment]
    edits: list[Edit]
    shown: list[str]
    fast: bool
    older: "list[Said]"


@dataclass(frozen=True, kw_only=True)
class Decided:
    adjudication: Adjudication
    ranking: list[str]
    places: list[int | None]


def task_of(project: Project, task_id: int) -> Task:
    """
    Raises:
        NotFound: the project has no such task.
    """
    task = Task.objects.filter(project=project, pk=task_id).select_related("prompt", "repeats").first()
    if task is None:
        raise NotFound(f"{project} has no task {task_id}.")
    task.project = project
    return task


def review_of(task: Task, *, revealed: bool, page: str | None) -> dict[str, Any]:
    """Everything that the page shows, in as many queries whatever the number of judgements."""
    blind = not revealed and reviews.is_ranked_still(task)
    positions = list(task.positions.select_related("response__policy").order_by("position"))
    texts = [position.response.text for position in positions]
    pace = pace_of(task.project)
    current = Judgement.objects.current().filter(task=task)
    marked = exclusions.marked(current.select_related("annotator"))
    shown = Paginator(marked.order_by("pk"), PAGE).get_page(page)
    decisions = [_decided(made, size=len(texts)) for made in task.adjudications.select_related("by")]
    known = (task.known or {}).get("ranking") or []
    return {
        "task": task,
        "answers": _answers(positions, revealed=revealed),
        "blind": blind,
        "revealed": revealed,
        "page": shown,
        "said": _all_said(shown, texts=texts, pace=pace),
        "pace": pace,
        "apart": disagreement(list(exclusions.counting(current.by_people()).values_list("ranking", flat=True))),
        "decisions": decisions,
        "known": {"ranking": in_letters(known, LETTERS), "explanation": (task.known or {}).get("explanation", "")},
        "repetitions": list(task.repetitions.values_list("pk", flat=True)[:PAGE]),
    }


def pace_of(project: Project) -> Pace:
    """The median of the project's newest `TIMES` judgements by people that have a time."""
    said = Judgement.objects.current().by_people().filter(task__project=project, seconds__isnull=False)
    return pace([seconds or 0 for seconds in said.order_by("-pk").values_list("seconds", flat=True)[:TIMES]])


def withheld_of(task: Task) -> dict[str, Any]:
    """What is shown of a task that its reader may still be asked to judge: what they would see at the desk."""
    positions = list(task.positions.select_related("response").order_by("position"))
    return {"task": task, "withheld": True, "answers": _answers(positions, revealed=False)}


def _answers(positions: list[TaskResponse], *, revealed: bool) -> list[Answer]:
    return [
        Answer(letter=letter, text=item.response.text, policy=item.response.policy.name if revealed else "")
        for letter, item in zip(LETTERS, positions, strict=False)
    ]


def _all_said(page: "Page[Judgement]", *, texts: list[str], pace: Pace) -> list[Said]:
    current = list(page)
    older: dict[int, list[Judgement]] = defaultdict(list)
    revised = Judgement.objects.filter(
        task__in={judgement.task_id for judgement in current},
        annotator__in=[judgement.annotator_id for judgement in current if judgement.revision],
        revised_by__isnull=False,
    )
    for judgement in revised.select_related("annotator").order_by("-revision"):
        older[judgement.annotator_id].append(judgement)
    return [
        said_of(judgement, texts=texts, pace=pace, older=older.get(judgement.annotator_id, []))
        for judgement in current
    ]


def said_of(judgement: Judgement, *, texts: list[str], pace: Pace, older: list[Judgement]) -> Said:
    by, letters = judgement.annotator.name, LETTERS
    acceptable = judgement.acceptable
    return Said(
        judgement=judgement,
        ranking=in_letters(judgement.ranking, letters),
        places=places(judgement.ranking, size=len(texts)),
        good_enough=None if acceptable is None else [letters[position] for position in sorted(acceptable)],
        ratings=ratings_of(judgement.ratings, size=len(texts)),
        flags=flags_of(judgement.flags, by=by, letters=letters),
        comments=comments_of(judgement.spans, by=by, letters=letters),
        edits=[
            Edit(letter=letters[int(position)], text=text, parts=changes(texts[int(position)], text))
            for position, text in judgement.edited.items()
        ],
        shown=[letters[position] for position in judgement.shown or []],
        fast=pace.is_fast(judgement.seconds),
        older=[said_of(revision, texts=texts, pace=pace, older=[]) for revision in older],
    )


def _decided(adjudication: Adjudication, *, size: int) -> Decided:
    return Decided(
        adjudication=adjudication,
        ranking=in_letters(adjudication.ranking, LETTERS),
        places=places(adjudication.ranking, size=size),
    )
