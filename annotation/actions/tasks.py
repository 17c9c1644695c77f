"""Filing tasks: which prompts are put to people, with which of their responses, and why those."""

import heapq
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Count, Prefetch, QuerySet

from annotation.actions import audiences, audit
from annotation.exceptions import InvalidRow, InvalidTask
from annotation.formats.hashing import content_hash
from annotation.formats.row_judgements import parse_ranking
from annotation.formats.rows import MAX_RESPONSES, content_key
from annotation.formats.values import storable, text_of
from annotation.models import Audience, Project, Prompt, Response, Slot, Task, TaskResponse

BATCH = 500
MAX_OVERLAP = 1000
CHOSEN = (Task.Purpose.LABEL, Task.Purpose.HEAD_TO_HEAD)
# Each person who meets one gets a slot of their own.
ON_DEMAND = (Task.Purpose.GOLD, Task.Purpose.QUALIFICATION)

Known = dict[str, Any]  # {"ranking": [[1], [0, 2]], "explanation": "…"}


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A task to file, with why it was chosen."""

    prompt: Prompt
    responses: Sequence[Response]
    purpose: str = Task.Purpose.LABEL
    generation: str = ""
    strategy: str = ""
    score: float | None = None
    propensity: float | None = None
    priority: int = 0
    audience: Audience | None = None
    known: Known | None = None

    @property
    def key(self) -> str:
        """Asks for each response's policy: load it with the response."""
        texts = [(response.policy.name, response.text) for response in self.responses]
        return content_key(prompt=self.prompt.messages, purpose=self.purpose, responses=texts)


@dataclass(kw_only=True)
class TasksCreated:
    """`known` tasks were there already; `reopened` ones among them had fewer slots than the overlap, and got them;
    `others` among them are for another audience, and were left as they are. `warnings` are sentences."""

    made: int = 0
    known: int = 0
    reopened: int = 0
    others: int = 0
    too_few_responses: int = 0
    warnings: list[str] = field(default_factory=list)

    def add(self, filed: "TasksCreated") -> None:
        self.made += filed.made
        self.known += filed.known
        self.reopened += filed.reopened
        self.others += filed.others


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A prompt picked by a strategy, with the probability of that."""

    prompt_id: int
    propensity: float
    score: float | None = None


@dataclass(frozen=True, kw_only=True)
class Eligible:
    prompt_id: int
    content_hash: str


Strategy = Callable[[Sequence[Eligible], int, int], list[Choice]]


def at_random(eligible: Sequence[Eligible], limit: int, seed: int) -> list[Choice]:
    """Every prompt with the same chance, decided by its hash and the seed: the same on every database."""
    count = min(limit, len(eligible))
    chosen = heapq.nsmallest(count, eligible, key=lambda prompt: content_hash([seed, prompt.content_hash]))
    return [Choice(prompt_id=prompt.prompt_id, propensity=count / len(eligible)) for prompt in chosen]


STRATEGIES: dict[str, Strategy] = {"random": at_random}


def create(
    project: Project,
    *,
    prompt: Prompt,
    responses: Sequence[Response],
    overlap: int,
    purpose: str = Task.Purpose.LABEL,
    generation: str = "",
    strategy: str = "",
    score: float | None = None,
    propensity: float | None = None,
    priority: int = 0,
    audience: Audience | None = None,
    known: Known | None = None,
    by: User | None = None,
) -> tuple[Task, bool]:
    """File one task; positions are the order of `responses`. False: it was there already (by its key), and got the
    slots that it lacked, unless it is for another audience. Gold and qualification tasks take their `known` answer,
    and no slots yet.

    Raises:
        InvalidTask: responses that nobody can rank, an overlap that nobody can fill, or a known answer that is
            missing, misplaced or does not rank these responses.
    """
    _check_overlap(overlap)
    plan = Plan(
        prompt=prompt,
        responses=responses,
        purpose=purpose,
        generation=generation,
        strategy=strategy,
        score=score,
        propensity=propensity,
        priority=priority,
        audience=audience,
        known=known,
    )
    _check_plan(plan)
    with transaction.atomic():
        filed = _file([plan], project=project, overlap=overlap)
        if filed.made:
            audit.record("task created", f"project {project.slug}", by=by, key=plan.key)
    return Task.objects.get(project=project, key=plan.key), bool(filed.made)


def create_for_prompts(
    project: Project,
    *,
    responses: int,
    overlap: int,
    strategy: str = "random",
    seed: int = 0,
    limit: int | None = None,
    purpose: str = Task.Purpose.LABEL,
    audience: Audience | None = None,
    skills_from_tags: str = "",
    by: User | None = None,
    progress: Callable[[int], None] | None = None,
) -> TasksCreated:
    """File a task of `responses` different answers for each prompt that has as many, or for `limit` prompts of the
    strategy's choice; of none, to be answered by people, for each prompt. The same call again adds nothing. Each
    batch is kept as it is made: interrupted, call again. Tags of a prompt that begin with `skills_from_tags` are
    skills that its task asks for, beside those of the audience. What is there for another audience stays as it is.

    Raises:
        InvalidTask: the numbers or the strategy make no sense.
    """
    _check_request(responses=responses, overlap=overlap, strategy=strategy, limit=limit, purpose=purpose)
    prompts = _askable(project, purpose=purpose)
    eligible = _eligible(prompts, responses=responses)
    total = TasksCreated(too_few_responses=prompts.count() - len(eligible))
    choices = STRATEGIES[strategy](eligible, limit or len(eligible), seed)
    for_whom = _Audiences(project, every=audience, prefix=skills_from_tags)
    for batch in _batches(choices):
        plans = [
            replace(plan, purpose=purpose, audience=for_whom.of(plan.prompt))
            for plan in _plans(batch, responses=responses, strategy=strategy, seed=seed)
        ]
        with transaction.atomic():
            total.add(_file(plans, project=project, overlap=overlap))
        if progress:
            progress(len(batch))
    total.warnings = audiences.unpeopled(project, for_whom.named)
    asked: dict[str, Any] = {"responses": responses, "overlap": overlap, "strategy": strategy, "seed": seed}
    asked |= {"purpose": purpose, "audience": str(audience or "everyone"), "limit": limit}
    audit.record("tasks created", f"project {project.slug}", by=by, **asked, **vars(total))
    return total


def _check_request(*, responses: int, overlap: int, strategy: str, limit: int | None, purpose: str) -> None:
    if strategy not in STRATEGIES:
        raise InvalidTask(f"There is no strategy {strategy!r}: choose {' or '.join(sorted(STRATEGIES))}.")
    if not 0 <= responses <= MAX_RESPONSES:
        raise InvalidTask(f"A task holds 0 to {MAX_RESPONSES} responses, not {responses}.")
    if purpose not in CHOSEN:
        raise InvalidTask(f"Tasks of purpose {purpose!r} are not made from prompts: choose {' or '.join(CHOSEN)}.")
    if limit is not None and limit < 1:
        raise InvalidTask(f"The limit is {limit}; make it 1 or more, or leave it out for all prompts.")
    _check_overlap(overlap)


def _askable(project: Project, *, purpose: str) -> "QuerySet[Prompt]":
    """Prompts that may be put to people for this purpose: one whose answer is known is asked on demand alone."""
    prompts = Prompt.objects.filter(project=project)
    if purpose != Task.Purpose.LABEL:
        return prompts
    return prompts.exclude(pk__in=Task.objects.filter(project=project, purpose__in=ON_DEMAND).values("prompt"))


def _eligible(prompts: "QuerySet[Prompt]", *, responses: int) -> list[Eligible]:
    """Those that have as many different answers."""
    counted = prompts.annotate(texts=Count("responses__text_hash", distinct=True)).filter(texts__gte=responses)
    return [
        Eligible(prompt_id=pk, content_hash=digest)
        for pk, digest in counted.values_list("pk", "content_hash").iterator()
    ]


class _Audiences:
    """For whom the task of a prompt is; each audience is looked up once."""

    def __init__(self, project: Project, *, every: Audience | None, prefix: str) -> None:
        self.project, self.every, self.prefix = project, every, prefix
        self.found: dict[tuple[str, ...], Audience | None] = {(): every}

    @property
    def named(self) -> list[Audience]:
        return [audience for audience in self.found.values() if audience]

    def of(self, prompt: Prompt) -> Audience | None:
        skills = tuple(sorted({tag for tag in prompt.tags if self.prefix and str(tag).startswith(self.prefix)}))
        if skills not in self.found:
            named = self.every or Audience()
            self.found[skills] = audiences.of(
                self.project, people=named.people, groups=named.groups, skills=[*named.skills, *skills]
            )
        return self.found[skills]


def _plans(batch: Sequence[Choice], *, responses: int, strategy: str, seed: int) -> list[Plan]:
    with_policy = Prefetch("responses", Response.objects.select_related("policy").order_by("pk"))
    prompts = Prompt.objects.prefetch_related(with_policy).in_bulk([choice.prompt_id for choice in batch])
    plans = []
    for choice in batch:
        prompt = prompts[choice.prompt_id]
        picked, chance = _picked(prompt, count=responses, seed=seed)
        plans.append(
            Plan(
                prompt=prompt,
                responses=picked,
                strategy=strategy,
                score=choice.score,
                propensity=choice.propensity * chance,
            )
        )
    return plans


def _picked(prompt: Prompt, *, count: int, seed: int) -> tuple[list[Response], float]:
    """`count` responses with different texts, each set as likely, and that likelihood; in the order of their text
    hashes, so that a position says nothing about where a response came from."""
    by_text: dict[str, Response] = {}
    for response in prompt.responses.all():
        by_text.setdefault(response.text_hash, response)
    chosen = heapq.nsmallest(count, by_text, key=lambda text: content_hash([seed, prompt.content_hash, text]))
    return [by_text[text] for text in sorted(chosen)], 1 / math.comb(len(by_text), count)


def _file(plans: Sequence[Plan], *, project: Project, overlap: int) -> TasksCreated:
    """Write the tasks that are new, and the slots that any of them lacks. Safe against a second process doing the
    same: whoever comes second finds the rows there."""
    by_key = {plan.key: plan for plan in plans}
    known = set(Task.objects.filter(project=project, key__in=by_key).values_list("key", flat=True))
    new = [_task(plan, key=key, project=project, overlap=overlap) for key, plan in by_key.items() if key not in known]
    Task.objects.bulk_create(new, ignore_conflicts=True)
    tasks: Iterable[Any] = Task.objects.filter(project=project, key__in=by_key).annotate(n_slots=Count("slots"))
    filed = TasksCreated(made=len(new), known=len(known))
    lacking: list[Slot] = []
    positions = []
    reopened = []
    for task in tasks:
        if task.key not in known:
            positions += [
                TaskResponse(task=task, response=response, position=position)
                for position, response in enumerate(by_key[task.key].responses)
            ]
        if task.key in known and task.audience_id != _audience_id(by_key[task.key]):
            filed.others += task.purpose not in ON_DEMAND
            continue
        if task.n_slots < overlap and task.state != Task.State.WITHDRAWN and task.purpose not in ON_DEMAND:
            lacking += [Slot(task=task, number=number) for number in range(task.n_slots + 1, overlap + 1)]
            reopened += [task.pk] if task.key in known else []
    TaskResponse.objects.bulk_create(positions, ignore_conflicts=True)
    Slot.objects.bulk_create(lacking, ignore_conflicts=True)
    filed.reopened = Task.objects.filter(pk__in=reopened).recount() if reopened else 0
    return filed


def _audience_id(plan: Plan) -> int | None:
    return plan.audience.pk if plan.audience else None


def _task(plan: Plan, *, key: str, project: Project, overlap: int) -> Task:
    return Task(
        project=project,
        prompt=plan.prompt,
        key=key,
        purpose=plan.purpose,
        overlap=1 if plan.purpose in ON_DEMAND else overlap,
        generation=plan.generation,
        strategy=plan.strategy,
        score=plan.score,
        propensity=plan.propensity,
        priority=plan.priority,
        audience=plan.audience,
        known=plan.known,
        tags=plan.prompt.tags,
    )


def _check_overlap(overlap: int) -> None:
    if not 1 <= overlap <= MAX_OVERLAP:
        raise InvalidTask(f"An overlap of {overlap} makes no task: give 1 to {MAX_OVERLAP} people.")


def _check_plan(plan: Plan) -> None:
    if len(plan.responses) > MAX_RESPONSES:
        raise InvalidTask(f"A task holds 0 to {MAX_RESPONSES} responses, not {len(plan.responses)}.")
    if len({response.text_hash for response in plan.responses}) < len(plan.responses):
        raise InvalidTask("Two of the responses have the same text: nobody can rank them; leave one out.")
    if any(response.prompt_id != plan.prompt.pk for response in plan.responses):
        raise InvalidTask("One of the responses answers another prompt; a task has one prompt.")
    _check_known(plan)


def _check_known(plan: Plan) -> None:
    if plan.purpose not in ON_DEMAND:
        if plan.known is not None:
            raise InvalidTask("Only gold and qualification tasks have a known answer; leave it out.")
        return
    if plan.known is None:
        raise InvalidTask(f"A {plan.purpose} task needs its known answer.")
    try:
        storable(plan.known, "known")
        text_of(plan.known.get("explanation", ""), "known.explanation")
        ranking = parse_ranking(plan.known.get("ranking"), size=len(plan.responses))
    except InvalidRow as error:
        raise InvalidTask(f"The known answer cannot be used: {error}.") from None
    if len(ranking) < 2:
        raise InvalidTask("The known answer orders nothing: put one response above another.")


def _batches(choices: Iterable[Choice]) -> Iterator[list[Choice]]:
    waiting = iter(choices)
    while batch := list(islice(waiting, BATCH)):
        yield batch
