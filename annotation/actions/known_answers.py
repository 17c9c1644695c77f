"""Gold tasks out of what reviewers have settled."""

from django.contrib.auth.models import User
from django.db import transaction

from annotation.actions import audit, members, tasks
from annotation.exceptions import InvalidTask
from annotation.formats.row_judgements import Ranking
from annotation.models import Project, Skip, Task

SET = "set the known answer"  # as the reason of a skip
SOURCES = (Task.Purpose.LABEL, Task.Purpose.HEAD_TO_HEAD, Task.Purpose.GOLD)


@transaction.atomic
def adopt(task: Task, *, by: User, ranking: Ranking, explanation: str) -> Task:
    """Use the ranking as the known answer: of the task itself if it is a gold one, else of a gold task with the same
    answers, made if there is none. What was judged stays as it is; people meet the gold task at the project's rate,
    but for this one, who knows the answer.

    Raises:
        InvalidTask: the ranking orders nothing, or the task is a repeat or of the qualification set.
    """
    if task.purpose not in SOURCES:
        raise InvalidTask("A repeat or a qualification task makes no known answer; use the task that it came from.")
    if len(ranking) < 2:
        raise InvalidTask(
            "A known answer must order something: put one answer above another, or leave the box empty."
        )
    known = {"ranking": ranking, "explanation": explanation}
    gold = task if task.purpose == Task.Purpose.GOLD else _gold_like(task, known, by=by)
    if gold.known != known:
        audit.record("known answer changed", f"task {gold.pk}", by=by, before=gold.known, after=known)
        Task.objects.filter(pk=gold.pk).update(known=known)
        gold.known = known
    Skip.objects.get_or_create(task=gold, annotator=members.annotator_of(by), defaults={"reason": SET})
    return gold


def unshown(project: Project) -> int:
    """How many gold tasks nobody meets, as the project's rate of them is 0."""
    if project.gold_rate:
        return 0
    gold = Task.objects.filter(project=project, purpose=Task.Purpose.GOLD)
    return gold.exclude(state=Task.State.WITHDRAWN).count()


def _gold_like(task: Task, known: tasks.Known, *, by: User) -> Task:
    positions = task.positions.select_related("response__policy").order_by("position")
    gold, _ = tasks.create(
        task.project,
        prompt=task.prompt,
        responses=[position.response for position in positions],
        overlap=1,
        purpose=Task.Purpose.GOLD,
        audience=task.audience,
        known=known,
        by=by,
    )
    return gold
