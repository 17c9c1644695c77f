"""Makes the pictures of the desk from the real page, one of each state: `pytest tests/browser/screenshots_desk.py`.

Not collected by a plain `pytest`: the pictures change only when someone asks for it.
"""

import pytest
from playwright.sync_api import Page, expect

from annotation.actions import judgements, leases
from annotation.models import Annotator, Project, Slot, Task
from tests.browser import lumo
from tests.browser.conftest import PHONE
from tests.browser.desk import at_desk, press
from tests.browser.pictures import DEVICES, keep
from tests.factories import AnnotatorFactory, MembershipFactory

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

ADDRESS = "/projects/lumo/desk/"
RANKED = ["a", "1", "b", "1", "c", "3", "d", "4"]


@pytest.fixture
def annotator() -> Annotator:
    return lumo.noor()


def kept(page: Page) -> None:
    expect(page.locator("[data-saved]")).to_have_text("Draft kept")
    page.evaluate("scrollTo(0, 0)")


def open_desk(visit, annotator, project: Project, **options) -> Page:  # type: ignore[no-untyped-def]
    lumo.in_hand(project, by=annotator)
    return at_desk(visit(annotator.user, **options), ADDRESS)


@pytest.mark.parametrize("device", DEVICES)
def test_nothing_is_ranked_yet(visit, annotator, device):  # type: ignore[no-untyped-def]
    keep(open_desk(visit, annotator, lumo.lumo(annotator), **DEVICES[device]), f"desk-empty{device}")


def test_half_ranked(visit, annotator):  # type: ignore[no-untyped-def]
    page = open_desk(visit, annotator, lumo.lumo(annotator))
    press(page, "a", "2", "c", "3")
    kept(page)
    keep(page, "desk-half")


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_tie_and_the_line(visit, annotator, scheme, device):  # type: ignore[no-untyped-def]
    project = lumo.lumo(annotator, acceptability_asked=True, edit_asked=True, highlights_asked=True)
    page = open_desk(visit, annotator, project, color_scheme=scheme, **DEVICES[device])
    press(page, *RANKED, "]", "c")
    kept(page)
    keep(page, f"desk{'-dark' if scheme == 'dark' else ''}{device}")


def test_long_answers_are_folded(visit, annotator):  # type: ignore[no-untyped-def]
    keep(open_desk(visit, annotator, lumo.lumo(annotator, lumo.LONG)), "desk-folded")


@pytest.mark.parametrize("device", DEVICES)
def test_two_answers_and_how_much_better(visit, annotator, device):  # type: ignore[no-untyped-def]
    project = lumo.lumo(annotator, lumo.ALIKE, strength_asked=True)
    page = open_desk(visit, annotator, project, **DEVICES[device])
    press(page, "2")
    kept(page)
    keep(page, f"desk-pair{device}")


def test_the_difference_of_two_answers(visit, annotator):  # type: ignore[no-untyped-def]
    page = open_desk(visit, annotator, lumo.lumo(annotator, lumo.ALIKE, strength_asked=True))
    press(page, "a", "d")
    expect(page.locator("#answer-B .labels")).to_have_text("underlined: not in A")
    keep(page, "desk-difference")


@pytest.mark.parametrize("device", DEVICES)
def test_flags(visit, annotator, device):  # type: ignore[no-untyped-def]
    page = open_desk(visit, annotator, lumo.lumo(annotator), **DEVICES[device])
    press(page, "a", "1", "b", "2", "d", "Shift+F", "3")
    expect(page.locator("#answer-D .labels")).to_have_text("Off-topic")
    keep(page, f"desk-flags{device}")


def test_an_edit(visit, annotator):  # type: ignore[no-untyped-def]
    page = open_desk(visit, annotator, lumo.lumo(annotator, edit_asked=True))
    press(page, *RANKED, "Shift+E")
    text = page.get_by_label("The edited answer")
    text.fill(lumo.ANSWERS[0].replace("most likely ", "").replace(", best in", " in"))
    expect(page.locator("[data-changes] del")).to_have_count(2)
    keep(page, "desk-edit")


def test_highlights(visit, annotator):  # type: ignore[no-untyped-def]
    page = open_desk(visit, annotator, lumo.lumo(annotator, highlights_asked=True))
    press(page, "d", "h", "Enter", "Enter")
    expect(page.get_by_label("Comment on the highlight")).to_be_focused()
    page.keyboard.type("Not so: the warranty covers it.")
    expect(page.locator("#answer-D .labels")).to_have_text("highlights: 1")
    keep(page, "desk-highlights")


def test_ratings(visit, annotator):  # type: ignore[no-untyped-def]
    page = open_desk(visit, annotator, lumo.lumo(annotator, lumo.ANSWERS[1:3], criteria=lumo.CRITERIA))
    press(page, "a", "1", "2", "a", "t", "5", "3", "2")
    kept(page)
    keep(page, "desk-ratings")


def test_one_answer_on_a_phone(visit, annotator):  # type: ignore[no-untyped-def]
    asked = {"criteria": lumo.CRITERIA, "acceptability_asked": True, "edit_asked": True}
    page = open_desk(visit, annotator, lumo.lumo(annotator, lumo.ANSWERS[:1], **asked), **PHONE)
    page.locator("#answer-A .rating__choice", has_text="4").tap()
    kept(page)
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    keep(page, "desk-one-phone")


def test_an_answer_of_ones_own(visit, annotator):  # type: ignore[no-untyped-def]
    page = open_desk(visit, annotator, lumo.lumo(annotator, []))
    page.get_by_label("Your answer").fill(lumo.ANSWERS[1])
    kept(page)
    keep(page, "desk-written")


@pytest.mark.parametrize("device", DEVICES)
def test_something_is_missing(visit, annotator, device):  # type: ignore[no-untyped-def]
    page = open_desk(visit, annotator, lumo.lumo(annotator), **DEVICES[device])
    press(page, "a", "2", "c", "3", "Enter")
    expect(page.get_by_role("alert")).to_be_visible()
    keep(page, f"desk-missing{device}")


def test_the_task_was_lost(visit, annotator):  # type: ignore[no-untyped-def]
    page = open_desk(visit, annotator, lumo.lumo(annotator))
    press(page, *RANKED)
    kept(page)
    thief = AnnotatorFactory()
    project = Project.objects.get()
    MembershipFactory(project=project, user=thief.user)
    Slot.objects.filter(state=Slot.State.LEASED).update(lease_expires_at="2026-01-01T00:00Z")
    leases.claim(project, by=thief, among=Task.objects.filter(priority=1))
    press(page, "Enter")
    expect(page.get_by_role("alert")).to_contain_text("given to someone else")
    keep(page, "desk-refused")


def test_a_revision(visit, annotator):  # type: ignore[no-untyped-def]
    slot = lumo.in_hand(lumo.lumo(annotator), by=annotator)
    judgements.submit(
        slot.pk, by=annotator, submission_key=slot.submission_key, ranking=[[0, 1], [2], [3]], seconds=74
    )
    keep(at_desk(visit(annotator.user), f"/projects/lumo/slots/{slot.token}/"), "desk-revision")


def test_keys(visit, annotator):  # type: ignore[no-untyped-def]
    project = lumo.lumo(annotator, acceptability_asked=True, edit_asked=True, highlights_asked=True)
    page = open_desk(visit, annotator, project)
    press(page, "?")
    expect(page.get_by_role("dialog")).to_be_visible()
    keep(page, "desk-keys")


def test_guidelines_to_confirm(visit, annotator):  # type: ignore[no-untyped-def]
    project = lumo.lumo(annotator)
    project.guidelines.create(number=3, text=lumo.GUIDELINES, changes="The shorter one wins when both help alike.")
    keep(visit(annotator.user).open(ADDRESS), "desk-guidelines")


def test_end_of_the_queue(visit, annotator):  # type: ignore[no-untyped-def]
    lumo.lumo(annotator)
    Task.objects.filter(state=Task.State.OPEN).update(state=Task.State.WITHDRAWN)
    keep(visit(annotator.user).open(ADDRESS), "desk-end")
