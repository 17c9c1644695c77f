"""How a person ranks at the desk, in a real browser."""

import pytest
from playwright.sync_api import Page, expect

from annotation.models import Judgement, Project, Skip
from tests.browser.conftest import PHONE
from tests.browser.desk import as_letters, at_desk, letters_on, queue, rung, wait_for_judgements
from tests.factories import (
    PASSWORD,
    TaskFactory,
)

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_person_signs_in_and_ranks_with_the_keyboard_alone(visit, project, annotator):
    queue(project, tasks=2, size=4)
    visitor = visit()
    page = visitor.open("/")
    page.get_by_label("Username").fill(annotator.user.username)
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Rank in Support answers").click()
    expect(page.locator(".answer.is-current")).to_be_visible()
    first = page.locator("#judgement").get_attribute("action")
    for key in ["1", "2", "2", "c", "4", "4"]:
        page.keyboard.press(key)
    assert [letters_on(page, str(place)) for place in (1, 2, 3, 4)] == ["A", "B", "", "CD"]
    page.keyboard.press("Enter")
    [judgement] = wait_for_judgements(page, 1)
    assert as_letters(judgement) == [["A"], ["B"], ["C", "D"]]
    assert judgement.seconds is not None
    assert page.locator("#judgement").get_attribute("action") != first
    assert [url for url in visitor.requested if url.endswith("/desk/")] == [page.url]


def test_enter_goes_to_what_is_missing_and_says_so(visit, project, annotator):
    TaskFactory(project=project, size=4)
    page = at_desk(visit(annotator.user))
    page.keyboard.press("1")
    page.keyboard.press("c")
    page.keyboard.press("2")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("B and D still need a place.")
    expect(page.locator("#answer-B")).to_be_focused()
    assert not Judgement.objects.exists()


def test_backspace_takes_a_place_away_and_arrows_move_between_cards(visit, project, annotator):
    TaskFactory(project=project, size=4)
    page = at_desk(visit(annotator.user))
    page.keyboard.press("a")
    page.keyboard.press("3")
    page.keyboard.press("a")
    page.keyboard.press("Backspace")
    assert letters_on(page, "") == "ABCD"
    page.keyboard.press("ArrowRight")
    expect(page.locator("#answer-B")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(page.locator("#answer-D")).to_be_focused()
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#answer-C")).to_be_focused()


def test_clicking_tokens_and_rungs_ranks(visit, project, annotator):
    TaskFactory(project=project, size=3)
    page = at_desk(visit(annotator.user))
    page.locator('[data-token="B"]').click()
    rung(page, "1").locator(".rung__place").click()
    page.locator('[data-token="A"]').click()
    rung(page, "2").locator(".rung__place").click()
    rung(page, "2").locator(".rung__place").click()
    assert [letters_on(page, str(place)) for place in (1, 2, 3)] == ["B", "AC", ""]
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_role("heading", name="That was the last one")).to_be_visible()
    assert as_letters(Judgement.objects.get()) == [["B"], ["A", "C"]]


def test_dragging_tokens_onto_rungs_ranks(visit, project, annotator):
    TaskFactory(project=project, size=2)
    page = at_desk(visit(annotator.user))
    drag(page, "B", "1")
    drag(page, "A", "1")
    assert letters_on(page, "1") == "AB"
    drag(page, "A", "2")
    assert [letters_on(page, "1"), letters_on(page, "2")] == ["B", "A"]
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="That was the last one")).to_be_visible()
    assert as_letters(Judgement.objects.get()) == [["B"], ["A"]]


def drag(page: Page, letter: str, place: str) -> None:
    start = page.locator(f'[data-token="{letter}"]').bounding_box()
    end = rung(page, place).locator("[data-tokens]").bounding_box()
    assert start
    assert end
    page.mouse.move(start["x"] + 10, start["y"] + 10)
    page.mouse.down()
    page.mouse.move(start["x"] + 22, start["y"] + 16, steps=4)
    page.mouse.move(end["x"] + end["width"] - 12, end["y"] + end["height"] / 2, steps=12)
    page.mouse.up()
    expect(rung(page, place).locator(f'[data-token="{letter}"]')).to_be_visible()


def test_the_cards_stay_where_they_are_while_ranking(visit, project, annotator):
    TaskFactory(project=project, size=4)
    page = at_desk(visit(annotator.user))
    before = [card.bounding_box() for card in page.locator("[data-answer]").all()]
    for key in "4321":
        page.keyboard.press(key)
    assert [card.bounding_box() for card in page.locator("[data-answer]").all()] == before


def test_without_ties_a_second_answer_on_a_rung_changes_places(visit, project, annotator):
    Project.objects.update(ties_allowed=False)
    TaskFactory(project=project, size=3)
    page = at_desk(visit(annotator.user))
    for key in ["1", "2", "c", "1"]:
        page.keyboard.press(key)
    assert [letters_on(page, place) for place in ("1", "2", "")] == ["C", "B", "A"]


def test_one_key_judges_a_pair_when_strength_is_asked(visit, project, annotator):
    Project.objects.update(strength_asked=True)
    TaskFactory(project=project, size=2)
    page = at_desk(visit(annotator.user))
    page.keyboard.press("6")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="That was the last one")).to_be_visible()
    judgement = Judgement.objects.get()
    assert (as_letters(judgement), judgement.strength) == ([["B"], ["A"]], 2)


def test_with_script_off_the_plain_form_ranks_skips_and_ends(visit, project, annotator):
    queue(project, tasks=2, size=3)
    page = visit(annotator.user, java_script_enabled=False).open("/projects/desk/desk/")
    for letter, rank in (("A", 2), ("B", 1), ("C", 2)):
        page.get_by_role("group", name=f"Rank of {letter}").get_by_label(str(rank)).check()
    page.get_by_role("button", name="Submit").click()
    [judgement] = wait_for_judgements(page, 1)
    assert as_letters(judgement) == [["B"], ["A", "C"]]
    page.get_by_role("button", name="Skip").click()
    page.get_by_label("The prompt makes no sense").check()
    page.get_by_role("button", name="Skip it").click()
    expect(page.get_by_role("heading", name="That was the last one")).to_be_visible()
    assert Skip.objects.get().reason == "prompt"


def test_a_phone_shows_one_card_at_a_time_and_ranks_by_tapping(visit, project, annotator):
    TaskFactory(project=project, size=3)
    page = at_desk(visit(annotator.user, **PHONE))
    cards = page.locator("[data-answer]:visible")
    expect(cards).to_have_count(1)
    page.get_by_role("button", name="Answer B").tap()
    expect(cards).to_have_attribute("data-answer", "B")
    rung(page, "1").locator(".rung__place").tap()
    expect(cards).to_have_attribute("data-answer", "C")
    rung(page, "2").locator(".rung__place").tap()
    rung(page, "3").locator(".rung__place").tap()
    assert [letters_on(page, str(place)) for place in (1, 2, 3)] == ["B", "C", "A"]
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    page.get_by_role("button", name="Submit").tap()
    expect(page.get_by_role("heading", name="That was the last one")).to_be_visible()
    assert as_letters(Judgement.objects.get()) == [["B"], ["C"], ["A"]]


def test_on_a_phone_the_next_card_begins_at_its_first_line(visit, project, annotator):
    task = TaskFactory(project=project, size=2)
    for item in task.positions.select_related("response"):
        item.response.text = f"Tale {item.position}. " * 500
        item.response.save()
    page = at_desk(visit(annotator.user, **PHONE))
    page.evaluate("scrollTo(0, 2000)")
    page.get_by_role("button", name="Answer B").tap()
    bar = page.locator("[data-letters]").bounding_box()
    card = page.locator("#answer-B").bounding_box()
    assert bar
    assert card
    assert bar["y"] + bar["height"] <= card["y"] < 200


def test_a_finger_drags_a_token_and_scrolls_nothing(visit, project, annotator):
    TaskFactory(project=project, size=2)
    visitor = visit(annotator.user, **PHONE)
    page = at_desk(visitor)
    start = page.locator('[data-token="B"]').bounding_box()
    end = rung(page, "2").bounding_box()
    assert start
    assert end
    session = visitor.context.new_cdp_session(page)
    path = [(start["x"] + 12, start["y"] + 12), (start["x"] + 30, start["y"] + 24)]
    path += [(end["x"] + end["width"] / 2, end["y"] + end["height"] - 12)] * 2
    for kind, (x, y) in zip(["touchStart", "touchMove", "touchMove", "touchMove"], path, strict=True):
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    expect(rung(page, "2").locator('[data-token="B"]')).to_be_visible()
    assert page.evaluate("scrollY") == 0


def test_on_a_phone_the_choice_of_seven_is_one_row(visit, project, annotator):
    project.strength_asked = True
    project.save()
    queue(project, tasks=1, size=2)
    page = at_desk(visit(annotator.user, **PHONE))
    choices = page.locator(".preference__choice")
    boxes = [choices.nth(n).bounding_box() for n in range(7)]
    assert len({box["y"] for box in boxes}) == 1
    assert all(box["width"] >= 40 and box["height"] >= 40 for box in boxes)
    assert page.locator(".desk__dock").bounding_box()["height"] < PHONE["viewport"]["height"] * 0.3
    shown = page.locator(".preference__short:visible").all_inner_texts()
    assert "".join(shown) == "123=567"
    assert page.locator(".preference__ends").inner_text().split() == ["A", "better", "B", "better"]
    assert page.get_by_role("radio", name="B is clearly better").count() == 1
    choices.nth(5).click()
    page.get_by_role("button", name="Submit").click()
    expect(page.locator("main")).to_contain_text("Nothing waits")
    [judgement] = Judgement.objects.all()
    assert (as_letters(judgement), judgement.strength) == ([["B"], ["A"]], 2)
