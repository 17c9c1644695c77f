"""Judged rows for tests of releases."""

from collections.abc import Sequence
from typing import Any

from annotation.formats.rows import judgement_uid
from annotation.models import Annotator, Judgement, Policy, Project, Prompt, Response, Task, TaskResponse


def judged(
    project: Project,
    *,
    key: str,
    ranking: list[list[int]],
    annotators: Sequence[str] = ("ann",),
    texts: Sequence[str] = ("one", "two", "three"),
    policies: Sequence[str] | None = None,
    messages: list[dict[str, str]] | None = None,
    task: dict[str, Any] | None = None,
    **judgement: Any,
) -> Task:
    """A finished task with the same judgement by each annotator."""
    prompt = prompt_of(project, messages or [{"role": "user", "content": f"Question {key}?"}])
    row = Task.objects.create(project=project, prompt=prompt, key=key, **(task or {}))
    for position, text in enumerate(texts):
        name = policies[position] if policies else f"policy-{position}"
        policy, _ = Policy.objects.get_or_create(name=name)
        response, _ = Response.objects.get_or_create(prompt=prompt, policy=policy, text=text)
        TaskResponse.objects.create(task=row, response=response, position=position)
    for name in annotators:
        judge(row, by=name, ranking=ranking, **judgement)
    return row


def judge(task: Task, *, by: str, **judgement: Any) -> Judgement:
    annotator, _ = Annotator.objects.get_or_create(name=by)
    uid = judgement_uid(task_key=task.key, annotator=by, revision=judgement.get("revision", 0))
    return Judgement.objects.create(task=task, annotator=annotator, uid=uid, **judgement)


def demonstrated(project: Project, *, question: str, text: str) -> Response:
    policy, _ = Policy.objects.get_or_create(name="writers", defaults={"kind": Policy.Kind.PEOPLE})
    prompt = prompt_of(project, [{"role": "user", "content": question}])
    return Response.objects.create(prompt=prompt, policy=policy, text=text)


def prompt_of(project: Project, messages: list[dict[str, str]]) -> Prompt:
    made = Prompt(project=project, messages=messages).set_identity()
    found = Prompt.objects.filter(project=project, content_hash=made.content_hash).first()
    if found is None:
        made.save()
    return found or made
