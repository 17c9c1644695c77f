"""Which rows of a project go into a release, in an order and a shape that every database gives alike."""

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC
from typing import Any

from django.db import connection
from django.db.models import Count, Exists, OuterRef, Prefetch, QuerySet
from django.db.models.functions import Collate

from annotation.actions import exclusions
from annotation.formats.release_rows import Record
from annotation.formats.rows import content_key
from annotation.models import Exclusion, Judgement, Policy, Project, Response, Task, TaskResponse
from annotation.models.judgements import JudgementQuerySet

DEFAULT_SOURCES = ("human", "imported")
DEFAULT_PURPOSES = ("label", "head_to_head")
CONTENTS = ("rankings", "demonstrations", "both")
CHUNK = 500
# Every judgement counts the same unless `release_weights` says otherwise once all are known.
EQUAL_WEIGHT = 1.0


@dataclass(frozen=True, kw_only=True)
class Filters:
    """What was asked for. No tags: any; else rows that carry at least one of them."""

    contents: str = "rankings"
    sources: tuple[str, ...] = DEFAULT_SOURCES
    purposes: tuple[str, ...] = DEFAULT_PURPOSES
    tags: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return {name: sorted(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    def tags_allow(self, tags: Iterable[str]) -> bool:
        """Asked in Python: SQLite cannot look into a JSON list."""
        return not self.tags or not set(self.tags).isdisjoint(tags)


class Selection:
    """The rows of one release, read once, and what else went by: ids of judgements, kinds of policies by name."""

    def __init__(self, project: Project, filters: Filters) -> None:
        self.project = project
        self.filters = filters
        self.judgement_ids = array("q")
        self.policy_kinds: dict[str, str] = {}

    def judgements(self) -> JudgementQuerySet:
        return exclusions.counting(Judgement.objects.current().filter(source__in=self.filters.sources))

    def said(self) -> JudgementQuerySet:
        """What was said of its tasks; tags are not looked at."""
        return self.judgements().filter(task__project=self.project, task__purpose__in=self.filters.purposes)

    def excluded(self) -> int:
        """How many judgements would be in it if nobody had excluded them."""
        if self.filters.contents == "demonstrations":
            return 0
        # From the few that are excluded, not from all that was judged.
        rows = Exclusion.objects.current().filter(
            judgement__revised_by__isnull=True,
            judgement__task__project=self.project,
            judgement__task__purpose__in=self.filters.purposes,
            judgement__source__in=self.filters.sources,
        )
        return sum(map(self.filters.tags_allow, rows.values_list("judgement__task__tags", flat=True)))

    def tasks(self) -> QuerySet[Task]:
        """Also some whose judgements from these sources were all revised. To ask for current ones here would make
        SQLite look through every judgement that has no revision, for each task."""
        if self.filters.contents == "demonstrations":
            return Task.objects.none()
        said = Judgement.objects.filter(task=OuterRef("pk"), source__in=self.filters.sources)
        return Task.objects.filter(Exists(said), project=self.project, purpose__in=self.filters.purposes)

    def demonstrations(self) -> QuerySet[Response]:
        """Answers that people wrote and nobody judged."""
        if self.filters.contents == "rankings":
            return Response.objects.none()
        judged = TaskResponse.objects.filter(response=OuterRef("pk"), task__judgements__isnull=False)
        return Response.objects.filter(~Exists(judged), prompt__project=self.project, policy__kind=Policy.Kind.PEOPLE)

    def records(self) -> Iterator[Record]:
        """Judged rows by key, then demonstrations by content; memory holds one chunk."""
        positions = TaskResponse.objects.select_related("response__policy").order_by("position")
        tasks = (
            self.tasks()
            .select_related("prompt")
            .prefetch_related(
                Prefetch("positions", positions),
                Prefetch("judgements", self.judgements().select_related("annotator")),
            )
            .order_by(by_bytes("key"))
        )
        for task in tasks.iterator(chunk_size=CHUNK):
            if task.judgements.all() and self.filters.tags_allow(task.tags):
                self.judgement_ids.extend(judgement.pk for judgement in task.judgements.all())
                self.note_kinds(position.response for position in task.positions.all())
                yield judged_record(task)
        demonstrations = (
            self.demonstrations()
            .select_related("prompt", "policy")
            .order_by(by_bytes("prompt__content_hash"), by_bytes("text_hash"), by_bytes("policy__name"))
        )
        for response in demonstrations.iterator(chunk_size=CHUNK):
            if self.filters.tags_allow(response.prompt.tags):
                self.note_kinds([response])
                yield demonstration_record(response)

    def note_kinds(self, responses: Iterable[Response]) -> None:
        self.policy_kinds.update((response.policy.name, response.policy.kind) for response in responses)

    def left_out(self) -> str:
        """How many judgements each filter takes away, for someone who is left with nothing."""
        everything = Judgement.objects.current().filter(task__project=self.project)
        by_source = everything.filter(source__in=self.filters.sources)
        by_purpose = by_source.filter(task__purpose__in=self.filters.purposes)
        excluded = exclusions.excluded(by_purpose).count()
        found = {
            row["source"]: row["n"] for row in everything.order_by("source").values("source").annotate(n=Count("pk"))
        }
        return (
            f"of {sum(found.values())} judgements ({listed(found)}) the sources asked for "
            f"({', '.join(self.filters.sources)}) leave {by_source.count()}, "
            f"the purposes ({', '.join(self.filters.purposes)}) leave {by_purpose.count()}"
            + (f", of which {excluded} are excluded" if excluded else "")
            + (f", the tags ({', '.join(self.filters.tags)}) leave none" if self.filters.tags else "")
        )


def by_bytes(field: str) -> Collate:
    """Order a text by its UTF-8 bytes; PostgreSQL's own order depends on the locale of the database."""
    return Collate(field, "C" if connection.vendor == "postgresql" else "BINARY")


def listed(found: dict[str, int]) -> str:
    return ", ".join(f"{n} {name}" for name, n in found.items()) or "none at all"


def judged_record(task: Task) -> Record:
    judgements = [judgement_record(judgement) for judgement in task.judgements.all()]
    return {
        "key": task.key,
        "prompt": task.prompt.messages,
        "responses": [response_record(position.response) for position in task.positions.all()],
        "judgements": sorted(judgements, key=lambda judgement: str(judgement["uid"])),
        "tags": task.tags,
        "metadata": task.metadata,
        "split": task.prompt.split,
        "purpose": task.purpose,
        "generation": task.generation,
        "strategy": task.strategy,
        "score": task.score,
        "propensity": task.propensity,
        "known": task.known,
    }


def demonstration_record(response: Response) -> Record:
    prompt, policy = response.prompt, response.policy.name
    return {
        "key": content_key(prompt=prompt.messages, purpose="label", responses=[(policy, response.text)]),
        "prompt": prompt.messages,
        "responses": [response_record(response)],
        "judgements": [],
        "tags": sorted(prompt.tags),
        "metadata": {},
        "split": prompt.split,
        "purpose": "label",
        "generation": "",
        "strategy": "",
        "score": None,
        "propensity": None,
        "known": None,
    }


def response_record(response: Response) -> Record:
    return {"text": response.text, "policy": response.policy.name, "sampling": response.sampling}


def judgement_record(judgement: Judgement) -> Record:
    at = judgement.at
    return {
        "uid": judgement.uid,
        "annotator": judgement.annotator.name,
        "ranking": judgement.ranking,
        "strength": judgement.strength,
        "acceptable": judgement.acceptable,
        "ratings": judgement.ratings,
        "flags": judgement.flags,
        "reason": judgement.reason,
        "edited": judgement.edited,
        "spans": judgement.spans,
        "written": judgement.written,
        "seconds": judgement.seconds,
        "shown": judgement.shown,
        "at": at and at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "source": judgement.source,
        "guideline": judgement.guideline_version,
        "revision": judgement.revision,
        "weight": EQUAL_WEIGHT,
    }
