"""The answers that were judged: who wrote them and how long they are."""

from array import array
from dataclasses import dataclass

import numpy as np
from django.db.models.functions import Length

from annotation.actions.quality.reading import CHUNK
from annotation.models import Policy, Project, Task, TaskResponse
from annotation.stats.said import Floats, Said, Whole


@dataclass(frozen=True, kw_only=True)
class Answers:
    """`policies` (T, K), indices of `names`, and `keys` (T, K), the responses' own; -1 where a task has no such
    answer. `lengths` (T, K), in characters, NaN there. `prompts` (T,), the prompts' keys, -1 without an answer."""

    policies: Whole
    keys: Whole
    lengths: Floats
    prompts: Whole
    names: tuple[str, ...]


def answers_of(project: Project, *, said: Said) -> Answers:
    rows = Placed()
    fields = ("task_id", "position", "response_id", "response__policy_id", "length", "task__prompt_id")
    placed = TaskResponse.objects.filter(task__project=project, task__purpose__in=Task.LABELS).order_by()
    measured = placed.annotate(length=Length("response__text")).values_list(*fields)
    for row in measured.iterator(chunk_size=CHUNK):
        rows.add(row)
    return rows.of(said)


class Placed:
    def __init__(self) -> None:
        self.tasks, self.responses, self.policies = array("q"), array("q"), array("q")
        self.positions, self.lengths, self.prompts = array("b"), array("q"), array("q")

    def add(self, row: tuple[int, ...]) -> None:
        task, position, response, policy, length, prompt = row
        self.tasks.append(task)
        self.positions.append(position)
        self.responses.append(response)
        self.policies.append(policy)
        self.lengths.append(length)
        self.prompts.append(prompt)

    def of(self, said: Said) -> Answers:
        """Of the tasks that something was said of, at the positions that anybody ranked."""
        shape = (said.number_of_tasks, said.ranks.shape[1])
        tasks = np.frombuffer(self.tasks, dtype=np.int64)
        positions = np.frombuffer(self.positions, dtype=np.int8)
        rows = np.searchsorted(said.task_ids, tasks)
        inside = np.isin(tasks, said.task_ids) & (positions < shape[1])
        place = (rows[inside], positions[inside])
        ids, policies = np.unique(np.frombuffer(self.policies, dtype=np.int64)[inside], return_inverse=True)
        answers = Answers(
            policies=np.full(shape, -1, dtype=np.int64),
            keys=np.full(shape, -1, dtype=np.int64),
            lengths=np.full(shape, np.nan),
            prompts=np.full(shape[0], -1, dtype=np.int64),
            names=named(ids),
        )
        answers.policies[place] = policies
        answers.keys[place] = np.frombuffer(self.responses, dtype=np.int64)[inside]
        answers.lengths[place] = np.frombuffer(self.lengths, dtype=np.int64)[inside]
        answers.prompts[rows[inside]] = np.frombuffer(self.prompts, dtype=np.int64)[inside]
        return answers


def named(ids: Whole) -> tuple[str, ...]:
    names = dict(Policy.objects.filter(pk__in=ids.tolist()).values_list("pk", "name"))
    return tuple(names[key] for key in ids.tolist())
