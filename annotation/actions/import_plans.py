"""What a batch of rows would add, decided before anything is written, so that a refused row leaves no trace."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from annotation.actions.pseudonyms import pseudonym
from annotation.exceptions import InvalidRow
from annotation.formats import rows, values
from annotation.formats.hashing import content_hash
from annotation.formats.row_judgements import RowJudgement
from annotation.formats.rows import Row, RowResponse
from annotation.models import Annotator, Judgement, Project, Task, TaskResponse

LONGEST_ANNOTATOR = 64
DEMONSTRATIONS = "demonstrations"

Content = tuple[str, tuple[tuple[str, str], ...]]


@dataclass(frozen=True, kw_only=True)
class Naming:
    """Who wrote and who judged, where a file does not say or should not."""

    policy: str = ""
    policy_kind: str = ""
    keep_annotator_ids: bool = False

    def settle(self, row: Row) -> Row:
        """The row with every policy and annotator under its final name.

        Raises:
            InvalidRow: two annotators of the row come to the same name, or a kept id is too long.
        """
        judgements = [
            replace(judgement, annotator=self.annotator(judgement.annotator, index))
            for index, judgement in enumerate(row.judgements)
        ]
        if len({judgement.annotator for judgement in judgements}) < len(judgements):
            raise InvalidRow("one annotator has two judgements on this row: an annotator judges a task once")
        return replace(row, judgements=judgements, responses=[self.response(item) for item in row.responses])

    def annotator(self, name: str | None, index: int) -> str:
        name = name or f"unnamed-{index}"
        if not self.keep_annotator_ids:
            return pseudonym(name)
        if len(name) > LONGEST_ANNOTATOR:
            raise InvalidRow(f"judgements[{index}].annotator: an id that is kept has at most 64 characters")
        return name

    def response(self, response: RowResponse) -> RowResponse:
        if response.policy != rows.UNKNOWN_POLICY:
            return response
        kind = self.policy_kind or response.kind
        policy = self.policy or (DEMONSTRATIONS if kind == "people" else rows.UNKNOWN_POLICY)
        return replace(response, policy=policy, kind=kind)


@dataclass(kw_only=True)
class PlannedTask:
    """A task by its key, known or to be made; `said` by annotator, `new` what is to be added."""

    key: str
    row: Row
    content: Content
    task: Task | None = None
    said: dict[str, RowJudgement] = field(default_factory=dict)
    new: list[RowJudgement] = field(default_factory=list)


@dataclass(kw_only=True)
class Plan:
    rows: list[Row] = field(default_factory=list)
    tasks: dict[str, PlannedTask] = field(default_factory=dict)
    known_tasks: int = 0
    known_judgements: list[RowJudgement] = field(default_factory=list)


def plan(batch: Sequence[Row], *, project: Project, reject: Callable[[int, str], None]) -> Plan:
    """`reject` is told the index of each row that contradicts what is known, and why."""
    planned = Plan(tasks=known_tasks(project, {row.key for row in batch}))
    for index, row in enumerate(batch):
        try:
            refuse_strangers(row.audience)
            add_row(planned, row)
        except InvalidRow as error:
            reject(index, str(error))
    return planned


def add_row(planned: Plan, row: Row) -> None:
    """
    Raises:
        InvalidRow: its id is known with another content, or an annotator has said something else before.
    """
    key, content = row.key, content_of(row)
    task = planned.tasks.get(key)
    if task is not None and task.content != content:
        raise InvalidRow(f"id: {values.shortened(key)} is known with another prompt or other responses")
    refuse_other_facts(row, task)
    known = [] if task is None else [item for item in row.judgements if is_known(item, task)]
    new = [item for item in row.judgements if task is None or str(item.annotator) not in task.said]
    planned.rows.append(row)
    if not row.becomes_task:
        return
    if task is None:
        task = planned.tasks[key] = PlannedTask(key=key, row=row, content=content)
    else:
        planned.known_tasks += 1
    task.new += new
    task.said |= {str(item.annotator): item for item in new}
    planned.known_judgements += known


def refuse_strangers(audience: dict[str, list[str]] | None) -> None:
    """
    Raises:
        InvalidRow: a task for people of whom one is no annotator here.
    """
    people = audience.get("people", []) if audience else []
    if people:
        known = set(Annotator.objects.filter(name__in=people).values_list("name", flat=True))
        if missing := [name for name in people if name not in known]:
            raise InvalidRow(f"audience.people: there is no annotator {missing[0]!r}; name people by their pseudonym")


def refuse_other_facts(row: Row, task: PlannedTask | None) -> None:
    """
    Raises:
        InvalidRow: the row's task is there with another known answer or for other people.
    """
    for name in ("known", "audience"):
        given, kept = getattr(row, name), task and getattr(task.row, name)
        if task and given is not None and given != kept:
            raise InvalidRow(f"{name}: the task of this row has {'another one' if kept else 'none'}; it is kept")


def is_known(judgement: RowJudgement, task: PlannedTask) -> bool:
    before = task.said.get(str(judgement.annotator))
    if before is None:
        return False
    if before != judgement:
        raise InvalidRow(
            f"annotator {values.shortened(judgement.annotator)} has judged this row before, and not the same; "
            "what is known is kept"
        )
    return True


def content_of(row: Row) -> Content:
    return row.prompt_hash, tuple((response.policy, content_hash(response.text)) for response in row.responses)


def known_tasks(project: Project, keys: Iterable[str]) -> dict[str, PlannedTask]:
    tasks = list(Task.objects.filter(project=project, key__in=keys).select_related("prompt", "audience"))
    contents, said = contents_of(tasks), said_of(tasks)
    return {
        task.key: PlannedTask(
            key=task.key,
            row=Row(prompt=task.prompt.messages, known=task.known, audience=audience_of(task)),
            content=(task.prompt.content_hash, tuple(contents[task.pk])),
            task=task,
            said=said[task.pk],
        )
        for task in tasks
    }


def audience_of(task: Task) -> dict[str, list[str]] | None:
    if task.audience is None:
        return None
    return {kind: names for kind in rows.AUDIENCES if (names := getattr(task.audience, kind))}


def contents_of(tasks: Sequence[Task]) -> dict[int, list[tuple[str, str]]]:
    contents = defaultdict(list)
    positions = TaskResponse.objects.filter(task__in=tasks).order_by("task", "position")
    fields = ("task_id", "response__policy__name", "response__text_hash")
    for task_id, policy, text_hash in positions.values_list(*fields):
        contents[task_id].append((policy, text_hash))
    return contents


def said_of(tasks: Sequence[Task]) -> dict[int, dict[str, RowJudgement]]:
    said: dict[int, dict[str, RowJudgement]] = defaultdict(dict)
    for judgement in Judgement.objects.current().filter(task__in=tasks).select_related("annotator"):
        said[judgement.task_id][judgement.annotator.name] = as_row(judgement)
    return said


def as_row(judgement: Judgement) -> RowJudgement:
    return RowJudgement(
        annotator=judgement.annotator.name,
        ranking=judgement.ranking,
        strength=judgement.strength,
        acceptable=judgement.acceptable,
        ratings=judgement.ratings,
        flags=judgement.flags,
        reason=judgement.reason,
        edited=judgement.edited,
        spans=judgement.spans,
        written=judgement.written,
        seconds=judgement.seconds,
        shown=judgement.shown,
        at=values.moment(judgement.at.isoformat(), "at") if judgement.at else None,
        source=judgement.source,
        guideline=judgement.guideline_version,
        revision=judgement.revision,
    )


def pairs_of(judgements: Iterable[RowJudgement]) -> tuple[int, int]:
    """How many strict comparisons and ties they come to."""
    strict = ties = 0
    for judgement in judgements:
        sizes = [len(group) for group in judgement.ranking]
        tied = sum(size * (size - 1) // 2 for size in sizes)
        ties += tied
        strict += sum(sizes) * (sum(sizes) - 1) // 2 - tied
    return strict, ties
