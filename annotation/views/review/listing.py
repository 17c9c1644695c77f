"""Which tasks need a look. Rankings are compared in Python, so what is looked at is bounded: the newest judgements,
and from there as far back as a reviewer walks."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Exists, OuterRef
from django.http import QueryDict
from django.urls import reverse

from annotation.actions import exclusions, reviews
from annotation.forms.letters import LETTERS
from annotation.models import Adjudication, Judgement, Project, Task
from annotation.stats.disagreement import Disagreement, disagreement
from annotation.views.review.words import Comment, Flag, comments_of, flags_of

RECENT = 5000  # judgements looked at for one page; measured: 0.2 s on SQLite with 100,000 tasks
PEOPLE = frozenset({Judgement.Source.HUMAN.value, Judgement.Source.IMPORTED.value})
FILTERS = ("show", "done", "tag", "before", "page")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One task of the list. `apart` is about people only; `newest` is its newest judgement. One that is `withheld`,
    because its reader may still be asked to judge it, says nothing else."""

    task: int
    purpose: str
    tags: list[str]
    decided: bool
    newest: int
    judgements: int
    withheld: bool
    apart: Disagreement
    flags: list[Flag]
    comments: list[Comment]


@dataclass(frozen=True, kw_only=True)
class Window:
    """What was looked at, newest first; `before` is where the next look would begin, None at the end."""

    entries: list[Entry]
    before: int | None


SHOW: dict[str, Callable[[Entry], bool]] = {
    "disputed": lambda entry: entry.apart.is_dispute,
    "flagged": lambda entry: bool(entry.flags),
    "comments": lambda entry: bool(entry.comments),
    "all": lambda entry: True,
}
DONE: dict[str, Callable[[Entry], bool]] = {
    "no": lambda entry: not entry.decided,
    "yes": lambda entry: entry.decided,
    "both": lambda entry: True,
}


@dataclass(frozen=True, kw_only=True)
class Filters:
    """What the address asks for; what it says wrongly is as if it were not said."""

    show: str
    done: str
    tag: str
    before: int | None

    def chosen(self, entries: list[Entry]) -> list[Entry]:
        """Those asked for: the most disputed first, else the newest."""
        found = [entry for entry in self.tagged(entries) if SHOW[self.show](entry) and DONE[self.done](entry)]
        if self.show == "disputed":
            found.sort(key=lambda entry: (entry.apart.share or 0, entry.newest), reverse=True)
        return found

    def tagged(self, entries: list[Entry]) -> list[Entry]:
        return [entry for entry in entries if not self.tag or self.tag in entry.tags]


def filters_of(query: Mapping[str, str]) -> Filters:
    before = query.get("before", "")
    return Filters(
        show=query.get("show", "") if query.get("show") in SHOW else "disputed",
        done=query.get("done", "") if query.get("done") in DONE else "no",
        tag=query.get("tag", ""),
        before=int(before) if before.isdecimal() and len(before) < 19 else None,
    )


def place(query: str) -> str:
    """Where in the list somebody was, as a query string of nothing but the list's own filters."""
    given = QueryDict(query)
    kept = QueryDict(mutable=True)
    kept.update({name: given[name] for name in FILTERS if given.get(name)})
    return kept.urlencode()


def origin(project: Project, came_from: str) -> str:
    """Where somebody came to a task from: the address of one of the project's own lists under Quality as it is, else
    their place in this list. Nothing else that an address names is led to."""
    path, _, query = came_from.partition("?")
    lists = [reverse(f"annotation:{name}", args=[project.slug]) for name in ("quality_items", "quality_judgements")]
    if path in lists:
        return f"{path}?{QueryDict(query).urlencode()}" if query else path
    return place(came_from)


def window(project: Project, *, before: int | None, reader: User) -> Window:
    """The tasks of the newest `RECENT` judgements, in so many queries however many they are."""
    current = Judgement.objects.current().filter(task__project=project).order_by("-pk")
    found = list((current.filter(pk__lt=before) if before else current).values_list("task", "pk")[: RECENT + 1])
    newest: dict[int, int] = {}
    for task, judgement in found[:RECENT]:
        newest.setdefault(task, judgement)
    return Window(
        entries=list(_entries(newest, withheld=_withheld(newest, project=project, reader=reader))),
        before=found[RECENT - 1][1] if len(found) > RECENT else None,
    )


def _withheld(tasks: Mapping[int, int], *, project: Project, reader: User) -> set[int]:
    return set(reviews.asked_of(reader, project=project).filter(pk__in=tasks).values_list("pk", flat=True))


def _entries(newest: Mapping[int, int], *, withheld: Collection[int]) -> Iterator[Entry]:
    tasks = Task.objects.filter(pk__in=newest).annotate(
        decided=Exists(Adjudication.objects.filter(task=OuterRef("pk")))
    )
    facts = {
        pk: (purpose, tags, decided)
        for pk, purpose, tags, decided in tasks.values_list("pk", "purpose", "tags", "decided")
    }
    said: dict[int, list[tuple[Any, ...]]] = defaultdict(list)
    columns = ("task", "annotator__name", "source", "ranking", "flags", "spans", "is_excluded")
    marked = exclusions.marked(Judgement.objects.current().filter(task__in=newest))
    for task, *rest in marked.order_by("pk").values_list(*columns):
        said[task].append(tuple(rest))
    for task, judgement in newest.items():
        purpose, tags, decided = facts[task]
        read = [] if task in withheld else said[task]
        yield Entry(
            task=task,
            purpose="" if task in withheld else purpose,
            tags=[str(tag) for tag in tags],
            decided=decided,
            newest=judgement,
            judgements=len(said[task]),
            withheld=task in withheld,
            apart=disagreement([ranking for _, source, ranking, *_, out in read if source in PEOPLE and not out]),
            flags=[flag for by, _, _, flags, *_ in read for flag in flags_of(flags, by=by, letters=LETTERS)],
            comments=[one for by, *_, spans, _ in read for one in comments_of(spans, by=by, letters=LETTERS)],
        )
