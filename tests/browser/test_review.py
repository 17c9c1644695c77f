"""A reviewer in a real Chromium: from the list to the judgements to a decision and back, by keyboard."""

import pytest
from playwright.sync_api import expect

from annotation.models import Adjudication, Judgement
from tests.annotation.review_rows import disputed, said
from tests.factories import MembershipFactory, TaskFactory

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_reviewer_settles_a_dispute_by_keyboard_and_finds_their_place_again(visit, project):
    agreed = TaskFactory(project=project)
    said(agreed, [[0], [1], [2]])
    said(agreed, [[0], [1], [2]])
    task = disputed(project, question="Does the lamp flicker?", tags=["lamp"])
    before = list(Judgement.objects.order_by("pk").values())
    page = visit(MembershipFactory(project=project, role="reviewer").user).open("/projects/desk/review/?tag=lamp")
    keyboard = page.keyboard
    expect(page.locator(".verdict")).to_contain_text("1 task is disputed; 1 awaits a decision.")

    page.get_by_role("link", name="Does the lamp flicker?").focus()
    keyboard.press("Enter")
    expect(page.locator(".verdict")).to_contain_text("2 people differ on 3 of 3 pairs of answers")
    expect(page.locator(".review-order")).to_contain_text(["A better than  > B", "C better than  > B"])
    expect(page.locator(".places tbody tr td")).to_have_text(["1", "2", "3", "3", "2", "1"])

    page.get_by_role("button", name="Decide").focus()
    keyboard.press("Enter")
    expect(page.get_by_label("Why")).to_be_focused()  # a decision needs its reason
    for letter, down in (("A", 1), ("B", 0), ("C", 1)):
        page.get_by_role("group", name=f"Place of {letter}").get_by_role("radio", name="1").focus()
        keyboard.press("Space")
        for _ in range(down):
            keyboard.press("ArrowRight")
    keyboard.press("Tab")
    keyboard.type("B names the cause.")
    keyboard.press("Tab")
    keyboard.press("Enter")

    expect(page.locator(".verdict")).to_contain_text("Decided by")
    expect(page.locator(".places__decided")).to_contain_text("Decision")
    made = Adjudication.objects.get()
    assert (made.task, made.ranking, made.reason) == (task, [[1], [0, 2]], "B names the cause.")
    assert list(Judgement.objects.order_by("pk").values()) == before

    page.get_by_role("link", name="Back to the review").focus()
    keyboard.press("Enter")
    expect(page.locator(".verdict")).to_contain_text("1 task is disputed; 0 await a decision.")
    assert "tag=lamp" in page.url
    page.get_by_role("link", name="Decided").focus()
    keyboard.press("Enter")
    expect(page.locator(".review-task .badge--good")).to_have_text("decided")
