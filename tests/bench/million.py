"""A seeded project of any size for the benchmark of the quality pages: people who differ in care, pace and taste for
the first place, six policies of known strength, tags, versions of the guidelines, gold and repeats."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
from numpy.random import Generator

from annotation.models import (
    Annotator,
    Guideline,
    Judgement,
    Policy,
    Project,
    Prompt,
    Response,
    Seat,
    Slot,
    Task,
    TaskResponse,
)

STRENGTHS = (0.0, 0.3, 0.5, 0.8, 1.2, 1.6)  # of the policies, in log-odds
START = datetime(2026, 1, 5, 8, tzinfo=UTC)
DAYS = 180
TASKS_A_PROMPT, VOTES = 5, 4
GUIDELINES = 3
GOLD, REPEATS = 0.01, 0.01  # shares of the tasks
OPEN = 0.01
CARELESS, ADVERSARIAL = 0.3, 0.1
PART = 5_000  # rows in one statement


@dataclass(frozen=True, kw_only=True)
class Crowd:
    """`sense` (J,): how much of the difference in quality each person sees; 0 guesses, below 0 turns it round."""

    ids: list[int]
    sense: np.ndarray
    pace: np.ndarray


def made(slug: str, *, judgements: int, people: int, seed: int = 0) -> Project:
    chance = np.random.default_rng(seed)
    project = Project.objects.create(
        slug=slug, name=slug, overlap=VOTES, gold_rate=GOLD, repeat_rate=REPEATS, criteria=[]
    )
    for number in range(1, GUIDELINES + 1):
        Guideline.objects.create(project=project, number=number, text=f"Version {number}")
    crowd = crowd_of(project, people=people, chance=chance)
    policies = [Policy.objects.get_or_create(name=f"{slug}-policy-{i}")[0].pk for i in range(len(STRENGTHS))]
    number = judgements // VOTES
    prompts, responses = written(project, prompts=-(-number // TASKS_A_PROMPT), policies=policies, slug=slug)
    for first in range(0, number, PART):
        batch = range(first, min(first + PART, number))
        judged(project, batch, prompts=prompts, responses=responses, crowd=crowd, chance=chance)
    return project


def crowd_of(project: Project, *, people: int, chance: Generator) -> Crowd:
    names = [f"anon-{number:016x}" for number in range(people)]
    Annotator.objects.bulk_create([Annotator(name=name) for name in names], ignore_conflicts=True)
    ids = list(Annotator.objects.filter(name__in=names).order_by("name").values_list("pk", flat=True))
    Seat.objects.bulk_create(Seat(project=project, annotator_id=key) for key in ids)
    sense = chance.normal(1.5, 0.3, people)
    careless, adversarial = int(CARELESS * people), int(ADVERSARIAL * people)
    sense[:careless] = 0
    sense[careless : careless + adversarial] *= -1
    return Crowd(ids=ids, sense=chance.permutation(sense), pace=chance.lognormal(3.4, 0.4, people))


def written(project: Project, *, prompts: int, policies: list[int], slug: str) -> tuple[list[int], np.ndarray]:
    """Keys of the prompts, and (P, 6) of their responses."""
    keys: list[int] = []
    responses = []
    for first in range(0, prompts, PART // 5):
        numbers = range(first, min(first + PART // 5, prompts))
        made = Prompt.objects.bulk_create(prompt(project, number, slug) for number in numbers)
        keys += [item.pk for item in made]
        answers = Response.objects.bulk_create(
            Response(
                prompt=item, policy_id=policy, text=f"{item.pk} {i} " + "word " * (5 + (item.pk * (i + 3)) % 60)
            ).set_identity()
            for item in made
            for i, policy in enumerate(policies)
        )
        responses += [answer.pk for answer in answers]
    return keys, np.array(responses).reshape(-1, len(policies))


def prompt(project: Project, number: int, slug: str) -> Prompt:
    text = f"{slug}: question number {number}, with the words that a question has?"
    made = Prompt(project=project, messages=[{"role": "user", "content": text}], tags=[f"topic-{number % 20}"])
    return made.set_identity()


def judged(
    project: Project, numbers: range, *, prompts: list[int], responses: np.ndarray, crowd: Crowd, chance: Generator
) -> None:
    sizes = chance.choice([2, 3, 4], size=len(numbers), p=[0.5, 0.2, 0.3])
    chosen = [chance.permutation(len(STRENGTHS))[:size] for size in sizes]
    tasks = Task.objects.bulk_create(
        new_task(project, number, prompts=prompts, policies=policies, chance=chance)
        for number, policies in zip(numbers, chosen, strict=True)
    )
    TaskResponse.objects.bulk_create(
        [
            TaskResponse(task=task, position=place, response_id=responses[number // TASKS_A_PROMPT][policy])
            for number, task, policies in zip(numbers, tasks, chosen, strict=True)
            for place, policy in enumerate(policies)
        ],
        batch_size=PART,
    )
    Slot.objects.bulk_create(Slot(task=task, number=1) for task in tasks if task.state == Task.State.OPEN)
    said = [
        item
        for number, task, policies in zip(numbers, tasks, chosen, strict=True)
        for item in votes(task, number=number, policies=policies, crowd=crowd, chance=chance)
    ]
    Judgement.objects.bulk_create(said, batch_size=PART)
    asked_again(tasks, said, chance=chance)


def asked_again(tasks: list[Task], said: list[Judgement], *, chance: Generator) -> None:
    """Some tasks are put to one of their people once more, who mostly say the same."""
    chosen = [said[VOTES * i] for i in range(len(tasks)) if chance.random() < REPEATS]
    repeats = Task.objects.bulk_create(
        Task(
            project_id=first.task.project_id,
            prompt_id=first.task.prompt_id,
            key=f"repeat-{first.task_id}",
            purpose=Task.Purpose.REPEAT,
            repeats=first.task,
            state=Task.State.DONE,
        )
        for first in chosen
    )
    Judgement.objects.bulk_create(
        Judgement(
            task=task,
            annotator_id=first.annotator_id,
            uid=f"again-{first.uid}",
            ranking=first.ranking if chance.random() < 0.8 else first.ranking[::-1],
            at=first.at,
        )
        for task, first in zip(repeats, chosen, strict=True)
    )


def new_task(project: Project, number: int, *, prompts: list[int], policies: np.ndarray, chance: Generator) -> Task:
    is_open, is_gold = chance.random() < OPEN, chance.random() < GOLD
    return Task(
        project=project,
        prompt_id=prompts[number // TASKS_A_PROMPT],
        key=f"task-{number}",
        purpose=Task.Purpose.GOLD if is_gold else Task.Purpose.LABEL,
        known={"ranking": [[i] for i in np.argsort(-policies).tolist()]} if is_gold else None,
        state=Task.State.OPEN if is_open else Task.State.DONE,
        tags=[f"topic-{number // TASKS_A_PROMPT % 20}"],
        overlap=VOTES,
        filled=VOTES - is_open,
    )


def votes(task: Task, *, number: int, policies: np.ndarray, crowd: Crowd, chance: Generator) -> Iterator[Judgement]:
    quality = np.array(STRENGTHS)[policies] + chance.normal(0, 0.7, policies.size)
    for person in chance.choice(len(crowd.ids), size=VOTES, replace=False):
        shown = chance.permutation(policies.size)
        seen = crowd.sense[person] * quality + chance.gumbel(0, 0.6, policies.size)
        seen[shown[0]] += 0.1
        at = START + timedelta(days=DAYS * chance.random())
        yield Judgement(
            task=task,
            annotator_id=crowd.ids[person],
            uid=f"{number}-{person}",
            ranking=tied(seen),
            shown=shown.tolist(),
            seconds=float(crowd.pace[person] * chance.lognormal(0, 0.5)),
            guideline_version=1 + GUIDELINES * (at - START) // timedelta(days=DAYS + 1),
            at=at,
        )


def tied(seen: np.ndarray) -> list[list[int]]:
    """Best first; what is hardly better is equal."""
    order = np.argsort(-seen).tolist()
    groups = [[order[0]]]
    for before, position in pairwise(order):
        if seen[before] - seen[position] < 0.1:
            groups[-1].append(position)
        else:
            groups.append([position])
    return [sorted(group) for group in groups]
