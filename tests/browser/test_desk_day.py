"""Whole days at the desk: one without a mouse, and one task by thumb on a phone."""

import re

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from annotation.models import Judgement, Project, Skip, Task
from tests.browser.conftest import PHONE
from tests.browser.desk import as_letters, at_desk, letters_on, press, ready, rung, wait_for_judgements
from tests.factories import PASSWORD, TaskFactory

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def tab_to(page: Page, role: str, name: str) -> None:
    """Only with Tab, as far as it takes."""
    wanted = page.get_by_role(role, name=name)  # type: ignore[arg-type]
    for _ in range(40):
        page.keyboard.press("Tab")
        if wanted.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError(f"Tab never came to {name}")


def letters_of(judgement: Judgement, positions: list[int]) -> str:
    return "".join(sorted("ABCDEFGHI"[judgement.shown.index(position)] for position in positions))


def test_a_whole_day_of_an_annotator_without_a_mouse(visit, project, annotator):
    project.guidelines.create(number=1, text="Prefer the answer that **helps**.")
    Project.objects.update(
        acceptability_asked=True, strength_asked=True, edit_asked=True, criteria=[{"name": "tone", "scale": 3}]
    )
    for priority, size in ((9, 3), (8, 2), (7, 4), (6, 1), (5, 0)):
        TaskFactory(project=project, size=size, priority=priority)
    page = visit().open("/")
    comes_in(page, annotator.user.username)
    judges_three(page)
    judges_a_pair(page)
    skips_four(page)
    judges_one_and_revises_it(page)
    writes_an_answer(page)
    assert Judgement.objects.current().count() == 4
    assert Task.objects.filter(state=Task.State.OPEN).count() == 1
    assert Judgement.objects.filter(at__lte=timezone.now()).count() == 5


def comes_in(page: Page, username: str) -> None:
    page.get_by_label("Username").focus()
    page.keyboard.type(username)
    press(page, "Tab")
    page.keyboard.type(PASSWORD)
    press(page, "Enter")
    expect(page.get_by_role("link", name="Rank in Support answers")).to_be_visible()
    tab_to(page, "link", "Rank in Support answers")
    press(page, "Enter")
    expect(page.get_by_role("heading", name="Guidelines of Support answers")).to_be_visible()
    tab_to(page, "button", "I have read them")
    press(page, "Enter")
    ready(page)


def judges_three(page: Page) -> None:
    """A tie, the line, a flag, ratings, a reason; an undo on the way."""
    press(page, "2", "1", "3", "z", "1")
    assert [letters_on(page, place) for place in ("1", "2", "3", "")] == ["BC", "A", "", ""]
    press(page, "]", "a", "f", "1", "Escape")
    press(page, "Enter")
    expect(page.get_by_role("alert")).to_contain_text("tone")
    press(page, "a", "t", "1", "2", "3")
    press(page, "r")
    page.keyboard.type("B and C help.")
    press(page, "Control+Enter")
    [first] = wait_for_judgements(page, 1)
    assert (as_letters(first), letters_of(first, first.acceptable)) == ([["B", "C"], ["A"]], "BC")
    assert [first.ratings["tone"][position] for position in first.shown] == [1, 2, 3]
    assert first.flags == [{"flag": "harmful", "response": first.shown[0]}]
    assert first.reason == "B and C help."


def judges_a_pair(page: Page) -> None:
    """How much better, and both good enough."""
    ready(page)
    press(page, "6", "[", "a", "t", "2", "2", "Enter")
    second = wait_for_judgements(page, 2)[1]
    assert (as_letters(second), second.strength, len(second.acceptable)) == ([["B"], ["A"]], 2, 2)


def skips_four(page: Page) -> None:
    ready(page)
    press(page, "s", "ArrowDown", "Tab", "Tab", "Enter")
    expect(page.locator("[data-answer]")).to_have_count(1)
    assert Skip.objects.get().reason.startswith("prompt")


def judges_one_and_revises_it(page: Page) -> None:
    """Rated and good enough; then, on second thoughts, not."""
    ready(page)
    press(page, "]", "t", "3", "Enter")
    wait_for_judgements(page, 3)
    ready(page)
    press(page, "Escape")
    page.locator(".desk").focus()
    press(page, "z")
    expect(page.locator(".desk__banner")).to_contain_text("You are revising")
    ready(page)
    press(page, "x", "Enter")
    expect(page.get_by_label("Your answer")).to_be_visible()
    assert Judgement.objects.current().get(revision=1).acceptable == []


def writes_an_answer(page: Page) -> None:
    """Their own, where there is none; then the queue is empty."""
    ready(page)
    tab_to(page, "textbox", "Your answer")
    page.keyboard.type("Hold the dial for five seconds.")
    press(page, "Control+Enter")
    expect(page.get_by_role("heading", name="That was the last one")).to_be_visible()


def swipe(page: Page, session, start: tuple[float, float], end: tuple[float, float]) -> None:  # type: ignore[no-untyped-def]
    (x, y), (to_x, to_y) = start, end
    path = [(x, y), (x + 10, y + 10), ((x + to_x) / 2, (y + to_y) / 2), (to_x, to_y), (to_x, to_y)]
    kinds = ["touchStart", *["touchMove"] * (len(path) - 1)]
    for kind, (at_x, at_y) in zip(kinds, path, strict=True):
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": at_x, "y": at_y}]})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def test_a_whole_task_by_thumb_at_360_pixels(visit, project, annotator):
    Project.objects.update(acceptability_asked=True)
    TaskFactory(project=project, size=4)
    visitor = visit(annotator.user, **PHONE)
    page = at_desk(visitor)
    session = visitor.context.new_cdp_session(page)
    cards = page.locator("[data-answer]:visible")
    expect(cards).to_have_count(1)
    page.get_by_role("button", name=re.compile("^Answer B")).tap()
    rung(page, "1").locator(".rung__place").tap()
    expect(cards).to_have_attribute("data-answer", "C")
    token, place = page.locator('[data-token="D"]').bounding_box(), rung(page, "2").bounding_box()
    assert token
    assert place
    middle = (place["x"] + place["width"] / 2, place["y"] + place["height"] - 16)
    swipe(page, session, (token["x"] + 12, token["y"] + 12), middle)
    expect(rung(page, "2").locator('[data-token="D"]')).to_be_visible()
    swipe(page, session, (token["x"] + 12, token["y"] + 12), (token["x"] + 15, token["y"] + 14))  # a trembling tap
    page.get_by_role("button", name="A, no place yet").tap()
    rung(page, "2").locator(".rung__place").tap()
    page.get_by_role("button", name="C, no place yet").tap()
    rung(page, "4").locator(".rung__place").tap()
    assert [letters_on(page, place) for place in ("1", "2", "3", "4", "")] == ["B", "AD", "", "C", ""]
    page.get_by_role("radio", name="Places 1 to 2").tap(force=True)
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    assert page.locator(".desk__dock").bounding_box()["height"] < 740 * 0.45  # type: ignore[index]
    for box in (
        page.locator("[data-token]").first.bounding_box(),
        page.get_by_role("button", name="Submit").bounding_box(),
    ):
        assert box
        assert min(box["width"], box["height"]) >= 24
    page.get_by_role("button", name="Submit").tap()
    expect(page.get_by_role("heading", name="That was the last one")).to_be_visible()
    judgement = Judgement.objects.get()
    assert as_letters(judgement) == [["B"], ["A", "D"], ["C"]]
    assert letters_of(judgement, judgement.acceptable) == "ABD"
