"""The next task that is there already, and submissions that are opened again, in a real browser."""

import re

import pytest
from playwright.sync_api import expect

from annotation.models import Judgement, Project, Slot, Task
from tests.browser.desk import (
    as_letters,
    at_desk,
    kept_next,
    letters_on,
    press,
    queue,
    ready,
    requests_of,
    slot_on,
    wait_for_judgements,
)
from tests.factories import AnnotatorFactory, TaskFactory, lease

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_after_a_submission_the_next_task_is_there_without_another_request(visit, project, annotator):
    queue(project, tasks=3, size=2)
    long = TaskFactory(project=project, size=2, priority=-1)
    for item in long.positions.select_related("response"):
        item.response.text = f"A tale {item.position}. " * 600
        item.response.save()
    visitor = visit(annotator.user)
    page = at_desk(visitor)
    for count in (1, 2, 3):
        reserve = kept_next(page)
        with page.expect_response(re.compile(r"/submit/")) as sent:
            press(page, "2", "1", "Enter")
        assert sent.value.headers["desk-next"] == reserve
        wait_for_judgements(page, count)
        assert slot_on(page) == reserve
        assert sent.value.request.headers["desk-counts"] == page.locator("[data-desk]").get_attribute("data-counts")
    expect(page.locator(".desk.is-folding .is-cut")).to_have_count(2)
    assert len([url for url in visitor.requested if url.endswith("/desk/")]) == 1


def test_three_submissions_are_three_requests_for_each_brings_the_task_after_the_next(visit, project, annotator):
    queue(project, tasks=6, size=2)
    page = at_desk(visit(annotator.user))
    reserve = kept_next(page)
    asked = requests_of(page)
    for count in (1, 2, 3):
        press(page, "2", "1", "Enter")
        wait_for_judgements(page, count)
        assert slot_on(page) == reserve
        reserve = kept_next(page)
    assert asked == ["POST"] * 3
    expect(page.locator(".desk__counts")).to_have_text("3 done today · 3 wait")


def test_the_queue_ends_after_its_last_task_and_is_asked_only_once_for_more(visit, project, annotator):
    queue(project, tasks=3, size=2)
    page = at_desk(visit(annotator.user))
    kept_next(page)
    asked = requests_of(page)
    press(page, "2", "1", "Enter")
    wait_for_judgements(page, 1)
    kept_next(page)
    with page.expect_response(re.compile(r"/desk/\?after=")) as nothing:
        press(page, "2", "1", "Enter")
        wait_for_judgements(page, 2)
    assert nothing.value.status == 204
    press(page, "2", "1", "Enter")
    expect(page.get_by_role("heading", name="That was the last one")).to_be_visible()
    expect(page.locator(".lead")).to_contain_text("You did 3 tasks today")
    assert asked == ["POST", "POST", "GET", "POST"]
    assert Judgement.objects.count() == 3


def test_a_known_answer_is_told_on_the_kept_task_and_the_one_after_it_is_kept_too(visit, project, annotator):
    queue(project, tasks=3, size=2)
    page = at_desk(visit(annotator.user))
    reserve = kept_next(page)
    known = {"ranking": [[0, 1]], "explanation": "Both are right."}
    Task.objects.filter(slots__token=slot_on(page)).update(purpose=Task.Purpose.GOLD, known=known)
    Project.objects.update(gold_feedback=True)
    press(page, "2", "1", "Enter")
    expect(page.locator(f'[data-slot="{reserve}"] [data-feedback]')).to_contain_text("Both are right.")
    assert kept_next(page) not in ("", reserve)
    press(page, "2", "1", "Enter")
    expect(page.locator(f'[data-slot="{reserve}"]')).to_have_count(0)
    expect(page.locator("[data-feedback]")).to_have_count(0)


def test_after_a_skip_the_next_task_is_kept_again(visit, project, annotator):
    queue(project, tasks=4, size=2)
    page = at_desk(visit(annotator.user))
    skipped = slot_on(page)
    reserve = kept_next(page)
    press(page, "s")
    page.get_by_role("radio", name="Something else").check()
    page.get_by_label("In your words").fill("half of it is missing")
    press(page, "Enter")
    expect(page.locator(f'[data-slot="{reserve}"]')).to_be_visible()
    assert kept_next(page) not in ("", skipped, reserve)


def test_a_next_task_that_was_lost_meanwhile_is_replaced(visit, project, annotator):
    queue(project, tasks=3, size=2)
    page = at_desk(visit(annotator.user))
    reserve = Slot.objects.get(token=kept_next(page))
    other = lease(reserve, AnnotatorFactory())
    press(page, "2", "1", "Enter")
    wait_for_judgements(page, 1)
    assert slot_on(page) not in ("", str(other.token))


def test_the_last_submission_is_opened_with_z_and_revised(visit, project, annotator):
    queue(project, tasks=2, size=3)
    page = at_desk(visit(annotator.user))
    press(page, "2", "1", "3", "Enter")
    wait_for_judgements(page, 1)
    following = slot_on(page)
    press(page, "z")
    expect(page.locator(".desk__banner")).to_contain_text("You are revising what you submitted")
    ready(page)
    assert [letters_on(page, place) for place in "123"] == ["B", "A", "C"]
    press(page, "a", "1", "Enter")
    expect(page.locator(f'[data-slot="{following}"]')).to_be_visible()
    assert page.url.endswith("/projects/desk/desk/")
    old, new = Judgement.objects.order_by("revision")
    assert (as_letters(old), as_letters(new)) == ([["B"], ["A"], ["C"]], [["A", "B"], ["C"]])
    assert old.revised_by == new


def test_what_is_locked_is_read_and_not_changed(visit, project, annotator):
    queue(project, tasks=1, size=3)
    page = at_desk(visit(annotator.user))
    press(page, "2", "1", "3", "Enter")
    expect(page.get_by_role("heading", name="That was the last one")).to_be_visible()
    page.get_by_role("link", name="My submissions").click()
    Project.objects.update(revisions_locked=True)
    page.get_by_role("link", name="Question").click()
    ready(page)
    expect(page.locator(".desk__banner")).to_contain_text("can no longer be revised")
    press(page, "a", "3", "Enter")
    assert [letters_on(page, place) for place in "123"] == ["B", "A", "C"]
    assert page.get_by_role("button", name="Save the revision").count() == 0
    assert Judgement.objects.count() == 1


def test_new_guidelines_are_confirmed_before_the_next_task(visit, project, annotator):
    project.guidelines.create(number=1, text="Prefer the answer that **helps**.")
    queue(project, tasks=2, size=2)
    visitor = visit(annotator.user)
    page = visitor.open("/projects/desk/desk/")
    with page.expect_response(re.compile(r"/desk/\?after=")):
        page.get_by_role("button", name="I have read them").click()
        ready(page)
    project.guidelines.create(number=2, text="Be exact.", changes="Exact counts more.")
    press(page, "2", "1", "Enter")
    expect(page.get_by_text("Exact counts more.")).to_be_visible()
    expect(page.get_by_role("navigation", name="Main")).to_be_visible()
    page.get_by_role("button", name="I have read them").click()
    ready(page)
    press(page, "g")
    expect(page.get_by_role("dialog", name="Guidelines version 2")).to_contain_text("Be exact.")
