"""Judged tasks for the tests of the reviewers' pages."""

from typing import Any

from annotation.formats.rows import judgement_uid
from annotation.models import Annotator, Judgement, Project, Task
from tests.factories import AnnotatorFactory, TaskFactory


def said(task: Task, ranking: list[list[int]], *, by: Annotator | None = None, **fields: Any) -> Judgement:
    """One judgement as it stands after the desk, without the slot that it came by."""
    annotator = by or AnnotatorFactory()
    revision = fields.get("revision", 0)
    uid = judgement_uid(task_key=task.key, annotator=annotator.name, revision=revision)
    return Judgement.objects.create(task=task, annotator=annotator, ranking=ranking, uid=uid, **fields)


def disputed(project: Project, *, question: str = "Is it broken?", **fields: Any) -> Task:
    """Three answers, two people, opposite orders."""
    task = TaskFactory(project=project, size=3, prompt__messages=[{"role": "user", "content": question}], **fields)
    Task.objects.filter(pk=task.pk).update(state=Task.State.DONE)
    task.refresh_from_db()
    said(task, [[0], [1], [2]])
    said(task, [[2], [1], [0]])
    return task
