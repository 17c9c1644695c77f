"""Makes the pictures in docs/images from the real pages: `pytest tests/browser/screenshots.py`.

Not collected by a plain `pytest`: the pictures change only when someone asks for it.
"""

from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import Page

from annotation.actions import leases, seats
from annotation.models import Guideline, Judgement, Project, Slot, Task
from flywheel.actions import generations
from tests.browser.conftest import DESKTOP, PHONE
from tests.browser.desk import at_desk
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
from tests.flywheel.doubles import challenge_tasks, generation, member, vote

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
MAX_BYTES = 250_000
DEVICES = {"": DESKTOP, "-phone": PHONE}

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
    """Flickering lamps are usually a sign of a loose bulb. Please tighten the bulb and try again. If this does not \
help, replace it.""",
    """Hold the dial for five seconds to turn on fast dimming. If that does not help:

```text
settings > light > dimming > fast
```

sets the same in the app. Otherwise it is the power supply, which the warranty covers.""",
    """Yes, it is broken. Throw it away and buy the L4, which has no such trouble and comes in four colours. \
Would you like me to tell you more about the colours?""",
]
GUIDELINES = "Prefer the answer that **solves the problem** of the person who asks, is true, and wastes no words."


@pytest.fixture
def annotator():  # type: ignore[no-untyped-def]
    return AnnotatorFactory(user=UserFactory(username="noor"))


@pytest.fixture
def project(annotator) -> Project:  # type: ignore[no-untyped-def]
    project = ProjectFactory(slug="lumo", name="Lumo support")
    Guideline.objects.create(project=project, number=2, text=GUIDELINES)
    MembershipFactory(project=project, user=annotator.user)
    seats.acknowledge(project, by=annotator, number=2)
    prompt = PromptFactory(project=project, messages=CONVERSATION)
    responses = [ResponseFactory(prompt=prompt, policy=PolicyFactory(), text=text) for text in ANSWERS]
    task = TaskFactory(project=project, prompt=prompt, size=0, priority=1)
    for position, response in enumerate(responses):
        task.positions.create(response=response, position=position)
    for _ in range(180):
        TaskFactory(project=project, size=0)
    for task in Task.objects.filter(project=project, priority=0)[:41]:
        task.slots.all().delete()
        Judgement.objects.create(task=task, annotator=annotator, ranking=[[0]], at=timezone.now())
    Task.objects.filter(judgements__isnull=False).update(state=Task.State.DONE, filled=1)
    return project


def keep(page: Page, name: str, *, full_page: bool = False) -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    path = IMAGES / f"{name}.png"
    page.evaluate("document.fonts.ready")
    page.screenshot(path=path, full_page=full_page)
    assert path.stat().st_size < MAX_BYTES


@pytest.mark.parametrize("device", DEVICES)
def test_sign_in(visit, device):  # type: ignore[no-untyped-def]
    keep(visit(**DEVICES[device]).open("/"), f"sign-in{device}")


@pytest.mark.parametrize("device", DEVICES)
def test_queue(visit, project, annotator, device):  # type: ignore[no-untyped-def]
    other = ProjectFactory(slug="letters", name="Letters to customers")
    MembershipFactory(project=other, user=annotator.user, role="reviewer")
    keep(visit(annotator.user, **DEVICES[device]).open("/"), f"queue{device}")


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_desk(visit, project, annotator, device, scheme):  # type: ignore[no-untyped-def]
    visitor = visit(annotator.user, color_scheme=scheme, **DEVICES[device])
    slot = leases.claim(project, by=annotator)
    Slot.objects.filter(pk=slot.pk).update(order=[0, 2, 1, 3])
    page = at_desk(visitor, "/projects/lumo/desk/")
    for key in ["a", "1", "b", "1", "c", "3", "c"]:
        page.keyboard.press(key)
    page.locator("[data-saved]", has_text="Draft kept").wait_for()
    page.evaluate("scrollTo(0, 0)")
    keep(page, f"desk{'-dark' if scheme == 'dark' else ''}{device}")


@pytest.mark.parametrize("device", DEVICES)
def test_end_of_the_queue(visit, project, annotator, device):  # type: ignore[no-untyped-def]
    Task.objects.filter(project=project, state=Task.State.OPEN).update(state=Task.State.WITHDRAWN)
    keep(visit(annotator.user, **DEVICES[device]).open("/projects/lumo/desk/"), f"end{device}")


@pytest.mark.parametrize("device", DEVICES)
def test_the_loop(visit, device):  # type: ignore[no-untyped-def]
    project = ProjectFactory(slug="lumo", name="Lumo support", overlap=1)
    engineer = MembershipFactory(project=project, role="engineer").user
    first = generation(project)
    generations.make_incumbent(first)
    second = generation(project)
    challenge_tasks(project, second, count=32)
    vote(project, second, by=member(project), wins=24, losses=8)
    generations.promote(project)
    third = generation(project)
    challenge_tasks(project, third, count=30)
    vote(project, third, by=member(project), wins=8, losses=4)
    keep(visit(engineer, **DEVICES[device]).open("/flywheel/lumo/"), f"flywheel{device}", full_page=True)
