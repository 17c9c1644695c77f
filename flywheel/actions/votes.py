"""What people said when a generation's answers stood, blinded, beside its parent's."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import QuerySet

from annotation.actions import exclusions
from annotation.models import Comparison, Judgement, Task, TaskResponse
from annotation.models.judgements import JudgementQuerySet
from annotation.stats.win_rates import Tally, WinRate, win_rate_by_prompt
from flywheel.models import Generation

Outcomes = defaultdict[int, Counter[str]]  # by prompt: wins, ties, losses


@dataclass(frozen=True, kw_only=True)
class Standing:
    """`votes`: judgements by people at the desk; `simulated`: judgements that count for nothing here."""

    win_rate: WinRate
    votes: int
    simulated: int
    tasks_open: int

    @property
    def tasks_decided(self) -> bool:
        return self.tasks_open == 0


def standing(generation: Generation) -> Standing:
    return standings([generation])[generation.pk]


def standings(generations: Sequence[Generation]) -> dict[int, Standing]:
    """How each generation of one project does against its parent, in four queries. Only what people said at the
    desk, blinded, has a vote; what was imported or simulated has none."""
    tasks = head_to_head(generations)
    owners, waiting = meetings(generations, tasks=tasks)
    judgements = Judgement.objects.current().filter(task__in=tasks.values("pk"))
    simulated = judgements.filter(source=Judgement.Source.SIMULATED)
    by_people, by_none = counted(at_desk(judgements), owners), counted(simulated, owners)
    outcomes = outcomes_of(at_desk(judgements), owners)
    return {
        one.pk: Standing(
            win_rate=win_rate_by_prompt(tallies(outcomes[one.pk])),
            votes=by_people[one.pk],
            simulated=by_none[one.pk],
            tasks_open=waiting[one.pk],
        )
        for one in generations
    }


def at_desk(judgements: JudgementQuerySet) -> JudgementQuerySet:
    """A place on the task was taken for it: an imported row may call itself human, but takes none. What was excluded
    does not count."""
    return exclusions.counting(judgements.filter(source=Judgement.Source.HUMAN, slot__isnull=False))


def head_to_head(generations: Sequence[Generation]) -> "QuerySet[Task]":
    """By the policies that wrote the answers, not by a name that may change."""
    return Task.objects.filter(
        project__in={one.project_id for one in generations},
        purpose=Task.Purpose.HEAD_TO_HEAD,
        positions__response__policy__in=[one.policy_id for one in generations],
    ).exclude(state=Task.State.WITHDRAWN)


def meetings(
    generations: Sequence[Generation], *, tasks: "QuerySet[Task]"
) -> tuple[dict[int, Generation], Counter[int]]:
    """The generation that each task sets against its parent, and how many of these are open, by generation."""
    by_policies = {
        frozenset((one.policy_id, one.parent.policy_id)): one for one in generations if one.parent is not None
    }
    met: defaultdict[tuple[int, str], set[int]] = defaultdict(set)
    answers = TaskResponse.objects.filter(task__in=tasks.values("pk"))
    for task, state, policy in answers.values_list("task_id", "task__state", "response__policy_id").order_by():
        met[task, state].add(policy)
    owners = {task: by_policies[pair] for (task, _), both in met.items() if (pair := frozenset(both)) in by_policies}
    waiting = Counter(owners[task].pk for task, state in met if state == Task.State.OPEN and task in owners)
    return owners, waiting


def counted(judgements: "QuerySet[Judgement]", owners: dict[int, Generation]) -> Counter[int]:
    return Counter(owners[task].pk for task in judgements.values_list("task_id", flat=True) if task in owners)


def outcomes_of(judgements: "QuerySet[Judgement]", owners: dict[int, Generation]) -> dict[int, Outcomes]:
    """By generation and prompt: how often it won, lost or tied against its parent."""
    found: defaultdict[int, Outcomes] = defaultdict(lambda: defaultdict(Counter))
    rows = Comparison.objects.filter(judgement__in=judgements).values_list(
        "judgement__task_id", "judgement__task__prompt_id", "winner__policy_id", "tie"
    )
    for task, prompt, winner, tie in rows:
        if one := owners.get(task):
            outcome = "ties" if tie else "wins" if winner == one.policy_id else "losses"
            found[one.pk][prompt][outcome] += 1
    return found


def tallies(outcomes: Outcomes) -> list[Tally]:
    return [Tally(wins=each["wins"], ties=each["ties"], losses=each["losses"]) for each in outcomes.values()]
