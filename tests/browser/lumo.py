"""The project that the pictures show: a support desk for a lamp, half way through a day."""

from typing import Any

from django.utils import timezone

from annotation.actions import leases, seats
from annotation.models import Annotator, Guideline, Judgement, Project, Slot, Task
from tests.factories import (
    AnnotatorFactory,
    MembershipFactory,
    PolicyFactory,
    ProjectFactory,
    PromptFactory,
    ResponseFactory,
    TaskFactory,
    UserFactory,
)

CONVERSATION = [
    {"role": "system", "content": "You answer questions about the Lumo desk lamp. Be brief and exact."},
    {"role": "user", "content": "My lamp flickers when I dim it below 20 %. Is it broken?"},
    {"role": "assistant", "content": "That can be settled quickly. Is it the L2 or the L3?"},
    {"role": "user", "content": "The L3, bought in May. It only happens in the evening."},
]
ANSWERS = [
    """It is most likely not broken. Below 20 % the L3 switches to a slower dimming mode, and on a busy circuit \
you can see that as flicker, often in the evening.

1. Plug the lamp into another socket, best in another room.
2. Hold the dial for **five seconds** until the light blinks twice: this turns the fast mode on.
3. If it still flickers, the power supply is at fault, and your warranty covers it until May next year.""",
    """Hold the dial for five seconds to turn on fast dimming. If that does not help:

```text
settings > light > dimming > fast
```

sets the same in the app. Otherwise it is the power supply, which the warranty covers.""",
    """Flickering lamps are usually a sign of a loose bulb. Please tighten the bulb and try again. If this does not \
help, replace it.""",
    """Yes, it is broken. Throw it away and buy the L4, which has no such trouble and comes in four colours. \
Would you like me to tell you more about the colours?""",
]
ALIKE = [
    """It is not broken. Hold the dial for five seconds until the light blinks twice, then dim it again. If it still \
flickers, the warranty covers the power supply.""",
    """It is probably not broken. Hold the dial for ten seconds until the light blinks twice, then dim it slowly. \
If it still flickers, buy a new power supply.""",
]
LONG = [
    "\n\n".join([ANSWERS[0], "### Why it happens", ALIKE[0], ALIKE[1], "### If nothing helps", ANSWERS[1]]),
    ANSWERS[2],
    "\n\n".join([ANSWERS[1], "### In more detail", *(ALIKE[0],) * 6]),
    ANSWERS[3],
]
CRITERIA = [
    {"name": "correct", "scale": 5, "description": "Is all of it true of the L3?"},
    {"name": "kind", "scale": 3, "required": False, "description": "Would you like to be answered so?"},
]
GUIDELINES = """Prefer the answer that **solves the problem** of the person who asks, is true, and wastes no words.

- An answer that sends people to buy something is never the best one.
- When two answers help alike, the shorter one wins.
- Equal is an answer too: put both on one rung.
"""
DONE_TODAY, WAITING = 41, 139


def noor() -> Annotator:
    return AnnotatorFactory(user=UserFactory(username="noor"))


def lumo(annotator: Annotator, texts: list[str] = ANSWERS, **asked: Any) -> Project:
    """The first task has these answers; many more wait, and some are done."""
    project = ProjectFactory(slug="lumo", name="Lumo support", **asked)
    Guideline.objects.create(project=project, number=2, text=GUIDELINES, changes="Ties are allowed now.")
    MembershipFactory(project=project, user=annotator.user)
    seats.acknowledge(project, by=annotator, number=2)
    lamp_task(project, texts)
    for _ in range(DONE_TODAY):
        done(TaskFactory(project=project, size=0), by=annotator)
    for _ in range(WAITING):
        TaskFactory(project=project, size=0)
    return project


def lamp_task(
    project: Project, texts: list[str] = ANSWERS, *, messages: list[dict[str, str]] = CONVERSATION, **fields: Any
) -> Task:
    prompt = PromptFactory(project=project, messages=messages)
    task = TaskFactory(project=project, prompt=prompt, size=0, priority=1, **fields)
    for position, text in enumerate(texts):
        response = ResponseFactory(prompt=prompt, policy=PolicyFactory(), text=text)
        task.positions.create(response=response, position=position)
    return task


def done(task: Task, *, by: Annotator) -> None:
    now = timezone.now()
    task.slots.update(state=Slot.State.FILLED, annotator=by, filled_at=now)
    Judgement.objects.create(task=task, annotator=by, ranking=[[0]], slot=task.slots.get(), at=now)
    Task.objects.filter(pk=task.pk).recount()


def in_hand(project: Project, *, by: Annotator) -> Slot:
    """The first task, its answers in the order in which they stand here: pictures are the same each time."""
    slot = leases.claim(project, by=by)
    assert slot is not None
    Slot.objects.filter(pk=slot.pk).update(order=list(range(slot.task.positions.count())))
    slot.refresh_from_db()
    return slot
