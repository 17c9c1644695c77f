"""Simulated annotators at the real desk: they lease and submit as people do, and every judgement says `simulated`."""

from collections.abc import Callable, Sequence

from django.db.models import QuerySet

from annotation.actions import judgements, leases
from annotation.models import Annotator, Judgement, Project, Prompt, Slot, Task
from flywheel.demo.annotators import ANNOTATORS, SimulatedAnnotator
from flywheel.demo.corpus import TOPIC_OF
from flywheel.exceptions import NotReady

Progress = Callable[[int], object]


def label(
    project: Project,
    *,
    tasks: "QuerySet[Task]",
    annotators: Sequence[SimulatedAnnotator] = ANNOTATORS,
    progress: Progress | None = None,
) -> int:
    """Fill what is open on these tasks; how many judgements were made. A second call goes on where it stopped.

    Raises:
        NotReady: a prompt that the demo's rubric knows nothing about.
    """
    check_known(tasks)
    at_work = [(simulated, annotator_row(simulated)) for simulated in annotators]
    made = 0
    while at_work:
        for simulated, row in list(at_work):
            slot = leases.claim(project, by=row, among=tasks)
            if slot is None:
                at_work.remove((simulated, row))
                continue
            judge(slot, simulated=simulated, row=row)
            made += 1
            if progress:
                progress(made)
    return made


def judge(slot: Slot, *, simulated: SimulatedAnnotator, row: Annotator) -> Judgement:
    positions = slot.task.positions.select_related("response").order_by("position")
    return judgements.submit(
        slot.pk,
        by=row,
        submission_key=slot.submission_key,
        ranking=simulated.rank(question_of(slot.task.prompt), [item.response.text for item in positions]),
        source=Judgement.Source.SIMULATED,
    )


def annotator_row(simulated: SimulatedAnnotator) -> Annotator:
    row, _ = Annotator.objects.get_or_create(name=simulated.name, defaults={"user": None})
    return row


def check_known(tasks: "QuerySet[Task]") -> None:
    for task in tasks.select_related("prompt"):
        if question_of(task.prompt) not in TOPIC_OF:
            raise NotReady(
                "--simulate-labels judges by the rubric of the demo, which knows only the demo's questions; this "
                "project asks others, so its labels must come from people: leave the option out."
            )


def question_of(prompt: Prompt) -> str:
    return prompt.last_message
