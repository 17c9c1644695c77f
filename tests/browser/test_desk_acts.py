"""Everything that one act of judging can say, by keys and by hand, in a real browser."""

import pytest
from playwright.sync_api import Page, expect

from annotation.models import Judgement, Project, Skip, Slot
from tests.browser.desk import as_letters, at_desk, letters_on, press, queue, slot_on, wait_for_judgements
from tests.factories import TaskFactory

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def line(page: Page) -> str:
    chosen = page.locator('input[name="line"]:checked')
    return chosen.get_attribute("value") if chosen.count() else ""


def acceptable(judgement: Judgement) -> str:
    return "".join(sorted("ABCDEFGHI"[judgement.slot.order.index(p)] for p in judgement.acceptable))


def test_the_line_goes_between_places_by_key_by_click_and_by_dragging(visit, project, annotator):
    Project.objects.update(acceptability_asked=True)
    queue(project, tasks=2, size=3)
    page = at_desk(visit(annotator.user))
    press(page, "2", "1", "3", "Enter")
    expect(page.get_by_role("alert")).to_have_text("Say which answers are good enough to send.")
    press(page, "]", "]")
    assert line(page) == "2"
    press(page, "[")
    assert line(page) == "1"
    press(page, "x")
    assert line(page) == "0"
    page.locator('[data-gap="2"]').click()
    assert line(page) == "2"
    handle, target = page.locator('[data-gap="2"]').bounding_box(), page.locator('[data-gap="1"]').bounding_box()
    assert handle
    assert target
    page.mouse.move(handle["x"] + 20, handle["y"] + 6)
    page.mouse.down()
    page.mouse.move(target["x"] + 20, target["y"] + 6, steps=6)
    page.mouse.up()
    expect(page.locator('[data-gap="1"]')).to_have_class("gap is-line")
    assert [letters_on(page, place) for place in "123"] == ["B", "A", "C"]
    press(page, "Enter")
    [judgement] = wait_for_judgements(page, 1)
    assert (as_letters(judgement), acceptable(judgement)) == ([["B"], ["A"], ["C"]], "B")


def test_undo_and_redo_go_through_all_that_was_chosen(visit, project, annotator):
    Project.objects.update(acceptability_asked=True)
    TaskFactory(project=project, size=3)
    page = at_desk(visit(annotator.user))
    press(page, "2", "]", "1")
    assert [letters_on(page, place) for place in ("1", "2", "")] == ["B", "A", "C"]
    press(page, "z", "z")
    assert ([letters_on(page, place) for place in ("2", "")], line(page)) == (["A", "BC"], "")
    press(page, "y", "y")
    assert ([letters_on(page, place) for place in ("1", "2", "")], line(page)) == (["B", "A", "C"], "1")
    page.get_by_role("button", name="Undo").click()
    assert letters_on(page, "") == "BC"
    expect(page.locator("[data-saved]")).to_have_text("Draft kept")


def test_the_order_as_shown_is_asked_about_once(visit, project, annotator):
    TaskFactory(project=project, size=3)
    page = at_desk(visit(annotator.user))
    press(page, "1", "2", "3", "Enter")
    expect(page.get_by_role("alert")).to_have_text("This is the order as shown. Press Enter again to send it.")
    assert not Judgement.objects.exists()
    press(page, "Enter")
    expect(page.get_by_role("heading", name="That was the last one")).to_be_visible()
    assert as_letters(Judgement.objects.get()) == [["A"], ["B"], ["C"]]


def test_a_letter_that_is_a_card_marks_it_and_with_shift_acts(visit, project, annotator):
    TaskFactory(project=project, size=6)
    page = at_desk(visit(annotator.user))
    press(page, "f")
    expect(page.locator("#answer-F")).to_be_focused()
    press(page, "?")
    keys = page.locator("[data-keys] kbd")
    expect(keys.filter(has_text="Shift+F")).to_be_visible()
    expect(keys.filter(has_text="Shift+D")).to_be_visible()
    press(page, "Escape", "Shift+F")
    expect(page.get_by_role("region", name="Flags").get_by_role("group", name="Flags of F")).to_be_visible()


def test_one_answer_is_judged_good_enough_and_none_is_written(visit, project, annotator):
    Project.objects.update(acceptability_asked=True)
    TaskFactory(project=project, size=1, priority=1)
    TaskFactory(project=project, size=0)
    page = at_desk(visit(annotator.user))
    press(page, "Enter")
    expect(page.get_by_role("alert")).to_be_visible()
    press(page, "]", "Enter")
    expect(page.get_by_label("Your answer")).to_be_visible()
    page.get_by_label("Your answer").fill("Turn the dial.")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("heading", name="That was the last one")).to_be_visible()
    first, second = Judgement.objects.order_by("pk")
    assert (first.ranking, first.acceptable, second.written) == ([[0]], [0], "Turn the dial.")


def test_a_placement_is_told_to_those_who_listen(visit, project, annotator):
    TaskFactory(project=project, size=3)
    page = at_desk(visit(annotator.user))
    press(page, "b", "2")
    expect(page.locator("#announce")).to_have_text("B, place 2. 2 still need a place.")


def test_answers_side_by_side_or_stacked_is_remembered(visit, project, annotator):
    TaskFactory(project=project, size=2)
    page = at_desk(visit(annotator.user))
    tops = lambda: [card.bounding_box()["y"] for card in page.locator("[data-answer]").all()]  # noqa: E731
    first, second = tops()
    assert first == second
    press(page, "v")
    first, second = tops()
    assert first < second
    page.reload()
    expect(page.locator("[data-ready].is-stacked")).to_be_visible()


def test_a_skip_that_does_not_arrive_is_sent_again_by_enter(visit, project, annotator):
    queue(project, tasks=2, size=2)
    visitor = visit(annotator.user)
    visitor.page.route("**/skip/", lambda route: route.abort())
    page = at_desk(visitor)
    first = slot_on(page)
    press(page, "1", "2", "s")
    page.get_by_role("radio", name="Something else").check()
    page.keyboard.press("Enter")
    expect(page.locator("#skip")).to_contain_text("The server does not answer.")
    page.unroute("**/skip/")
    page.keyboard.press("Enter")
    expect(page.locator("[data-desk]")).not_to_have_attribute("data-slot", first)
    assert (Skip.objects.get().task_id, Judgement.objects.count()) == (Slot.objects.get(token=first).task_id, 0)
    visitor.trouble.clear()
