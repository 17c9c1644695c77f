"""Writes a planned batch in a few statements each of which takes the whole batch."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice

from annotation.actions import audiences, exclusions
from annotation.actions.comparisons import comparisons_of
from annotation.actions.import_plans import Plan, PlannedTask, pairs_of
from annotation.actions.import_report import ImportReport, Seen
from annotation.formats.hashing import content_hash
from annotation.formats.row_judgements import RowJudgement
from annotation.formats.rows import Message, Row, RowResponse, judgement_uid
from annotation.models import (
    Annotator,
    Comparison,
    Judgement,
    Policy,
    Project,
    Prompt,
    Response,
    Slot,
    Task,
    TaskResponse,
)

ResponseKey = tuple[int, int, str]  # prompt id, policy id, hash of the text
PART = 5000  # names in one query; SQLite takes at most 32,766


class BatchWriter:
    """Adds what a plan holds to the project and counts it in the report."""

    def __init__(self, project: Project, *, report: ImportReport) -> None:
        self.project, self.report = project, report
        self.seen = {"prompts": Seen(), "responses": Seen()}
        self.policies: dict[str, int] = {}
        self.withdrawn = exclusions.withdrawn_annotators()

    def write(self, plan: Plan) -> None:
        self.add_policies(plan.rows)
        prompts = self.add_prompts(plan.rows)
        responses = self.add_responses(plan.rows, prompts)
        changed = [task for task in plan.tasks.values() if task.new or task.task is None]
        self.add_tasks([task for task in changed if task.task is None], prompts, responses)
        self.add_judgements(changed)
        self.report.known["tasks"] += plan.known_tasks
        self.count_judgements(self.report.known, plan.known_judgements)

    def add_policies(self, rows: Sequence[Row]) -> None:
        kinds = {item.policy: item.kind for row in rows for item in row.responses if item.policy not in self.policies}
        if not kinds:
            return
        policies = [Policy(name=name, kind=kind) for name, kind in sorted(kinds.items())]
        Policy.objects.bulk_create(policies, ignore_conflicts=True)
        self.policies |= dict(Policy.objects.filter(name__in=kinds).values_list("name", "id"))

    def add_prompts(self, rows: Sequence[Row]) -> dict[str, int]:
        """Ids of the rows' prompts by content hash; their tags grow by the rows' tags."""
        messages: dict[str, list[Message]] = {}
        tags: dict[str, list[str]] = defaultdict(list)
        for row in rows:
            messages[row.prompt_hash] = row.prompt
            tags[row.prompt_hash] += row.tags
        prompts = Prompt.objects.filter(project=self.project, content_hash__in=messages)
        known = {prompt.content_hash: prompt for prompt in prompts.only("content_hash", "tags")}
        new = [
            Prompt(project=self.project, messages=value, tags=united([], tags[hash_])).set_identity()
            for hash_, value in messages.items()
            if hash_ not in known
        ]
        Prompt.objects.bulk_create(new, ignore_conflicts=True)
        grown = [prompt for hash_, prompt in known.items() if not set(tags[hash_]) <= set(prompt.tags)]
        for prompt in grown:
            prompt.tags = united(prompt.tags, tags[prompt.content_hash])
        Prompt.objects.bulk_update(grown, ["tags"])
        ids = dict(prompts.values_list("content_hash", "id"))
        self.count("prompts", ids, known)
        return ids

    def add_responses(self, rows: Sequence[Row], prompts: dict[str, int]) -> dict[ResponseKey, int]:
        """Ids of the rows' responses by (prompt id, policy id, hash of the text)."""
        wanted: dict[ResponseKey, RowResponse] = {}
        for row in rows:
            for item in row.responses:
                key = (prompts[row.prompt_hash], self.policies[item.policy], content_hash(item.text))
                wanted.setdefault(key, item)
        known = self.response_ids(wanted)
        new = [
            Response(prompt_id=key[0], policy_id=key[1], text=item.text, text_hash=key[2], sampling=item.sampling)
            for key, item in wanted.items()
            if key not in known
        ]
        Response.objects.bulk_create(new, ignore_conflicts=True)
        ids = self.response_ids(wanted) if new else known
        self.count("responses", ids, known)
        return ids

    def response_ids(self, wanted: Iterable[ResponseKey]) -> dict[ResponseKey, int]:
        wanted = set(wanted)
        prompts = {prompt for prompt, _, _ in wanted}
        found = {}
        for hashes in parts({text_hash for _, _, text_hash in wanted}):
            fields = ("prompt_id", "policy_id", "text_hash", "id")
            matching = Response.objects.filter(prompt_id__in=prompts, text_hash__in=hashes)
            for prompt, policy, text_hash, key in matching.values_list(*fields):
                found[prompt, policy, text_hash] = key
        return {key: found[key] for key in wanted & found.keys()}

    def add_tasks(
        self,
        planned: Sequence[PlannedTask],
        prompts: dict[str, int],
        responses: dict[ResponseKey, int],
    ) -> None:
        for item in planned:
            item.task = self.new_task(item.row, key=item.key, prompt_id=prompts[item.row.prompt_hash])
        Task.objects.bulk_create(task for task in (item.task for item in planned) if task)
        positions = [
            TaskResponse(
                task=item.task,
                position=position,
                response_id=responses[
                    prompts[item.row.prompt_hash], self.policies[response.policy], content_hash(response.text)
                ],
            )
            for item in planned
            for position, response in enumerate(item.row.responses)
        ]
        TaskResponse.objects.bulk_create(positions)
        self.report.added["tasks"] += len(planned)

    def new_task(self, row: Row, *, key: str, prompt_id: int) -> Task:
        return Task(
            project=self.project,
            prompt_id=prompt_id,
            key=key,
            state=Task.State.DONE,
            purpose=row.purpose,
            generation=row.generation,
            strategy=row.strategy,
            score=row.score,
            propensity=row.propensity,
            tags=row.tags,
            metadata=row.metadata,
            known=row.known,
            audience=audiences.of(self.project, **row.audience) if row.audience else None,
        )

    def add_judgements(self, changed: Sequence[PlannedTask]) -> None:
        annotators = annotator_ids({str(item.annotator) for task in changed for item in task.new})
        new = [
            new_judgement(item, task=task.task, annotator_id=annotators[str(item.annotator)])
            for task in changed
            for item in task.new
            if task.task
        ]
        Judgement.objects.bulk_create(new)
        exclusions.stay_withdrawn([judgement for judgement in new if judgement.annotator_id in self.withdrawn])
        by_position = responses_by_position(changed)
        comparisons = (
            comparison
            for judgement in new
            for comparison in comparisons_of(judgement, responses=by_position[judgement.task_id])
        )
        while part := list(islice(comparisons, PART)):
            Comparison.objects.bulk_create(part)
        self.count_judgements(self.report.added, [item for task in changed for item in task.new])
        self.count_filled(changed)

    def count_filled(self, changed: Sequence[PlannedTask]) -> None:
        """A task that came in judged asks for as many judgements as it has; one with slots, or one that gets them as
        people meet it because its answer is known, counts those alone."""
        sizes = {task.task.pk: len(task.said) for task in changed if task.task and task.task.known is None}
        # Locked before the slots are looked for: `create_tasks` may be giving a task its slots at this moment.
        tasks = Task.objects.filter(pk__in=sizes).select_for_update(no_key=True).order_by("pk")
        locked = {task.pk: task for task in tasks.only("pk")}
        slotted = set(Slot.objects.filter(task__in=locked).values_list("task_id", flat=True))
        imported = [task for pk, task in locked.items() if pk not in slotted]
        for task in imported:
            task.overlap = task.filled = sizes[task.pk]
        Task.objects.bulk_update(imported, ["overlap", "filled"], batch_size=PART // 20)

    def count(self, kind: str, ids: dict[str, int] | dict[ResponseKey, int], known: object) -> None:
        seen = self.seen[kind]
        for key, value in ids.items():
            if seen.add(value):
                counter = self.report.known if key in known else self.report.added  # type: ignore[operator]
                counter[kind] += 1

    def count_judgements(self, counter: "dict[str, int]", judgements: Sequence[RowJudgement]) -> None:
        strict, ties = pairs_of(judgements)
        counter["judgements"] += len(judgements)
        counter["strict"] += strict
        counter["ties"] += ties


def annotator_ids(names: set[str]) -> dict[str, int]:
    ids: dict[str, int] = {}
    for part in parts(names):
        Annotator.objects.bulk_create([Annotator(name=name) for name in part], ignore_conflicts=True)
        ids |= dict(Annotator.objects.filter(name__in=part).values_list("name", "id"))
    return ids


def new_judgement(item: RowJudgement, *, task: Task, annotator_id: int) -> Judgement:
    return Judgement(
        task=task,
        annotator_id=annotator_id,
        uid=judgement_uid(task_key=task.key, annotator=str(item.annotator), revision=item.revision),
        revision=item.revision,
        source=item.source,
        ranking=item.ranking,
        strength=item.strength,
        acceptable=item.acceptable,
        ratings=item.ratings,
        flags=item.flags,
        reason=item.reason,
        edited=item.edited,
        spans=item.spans,
        written=item.written,
        seconds=item.seconds,
        shown=item.shown,
        guideline_version=item.guideline,
        at=datetime.fromisoformat(item.at) if item.at else None,
    )


def responses_by_position(planned: Sequence[PlannedTask]) -> dict[int, list[Response]]:
    """Stand-ins that know their primary key alone: comparisons need no more."""
    tasks = [item.task for item in planned if item.task]
    by_position = defaultdict(list)
    rows = TaskResponse.objects.filter(task__in=tasks).order_by("task", "position")
    for task_id, response_id in rows.values_list("task_id", "response_id"):
        by_position[task_id].append(Response(pk=response_id))
    return by_position


def united(tags: Sequence[str], more: Sequence[str]) -> list[str]:
    return list(dict.fromkeys([*tags, *more]))


def parts(names: set[str]) -> Iterator[list[str]]:
    """The names in an order that is the same for every import, so that two of them cannot lock each other out."""
    ordered = iter(sorted(names))
    while part := list(islice(ordered, PART)):
        yield part
