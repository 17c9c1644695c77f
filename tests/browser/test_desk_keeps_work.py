"""What happens to a person's work at the desk when something comes between, in a real browser."""

import re
from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone
from playwright.sync_api import Route, expect

from annotation.actions import leases, seats
from annotation.models import Draft, Judgement, Project, Skip, Slot
from tests.browser.desk import (
    as_letters,
    at_desk,
    letters_on,
    press,
    queue,
    ready,
    requests_to,
    wait_for_judgements,
)
from tests.factories import (
    AnnotatorFactory,
    MembershipFactory,
    TaskFactory,
    lease,
)

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_skipping_asks_for_a_reason_and_goes_on(visit, project, annotator):
    queue(project, tasks=2, size=2)
    page = at_desk(visit(annotator.user))
    first = page.locator("#judgement").get_attribute("action")
    page.keyboard.press("s")
    page.get_by_role("radio", name="Something else").check()
    page.get_by_label("In your words").fill("half of it is missing")
    page.keyboard.press("Enter")
    expect(page.locator("#judgement")).not_to_have_attribute("action", first)
    assert Skip.objects.get().reason == "other: half of it is missing"


def test_a_reload_restores_the_draft_and_the_same_task(visit, project, annotator):
    queue(project, tasks=3, size=3)
    page = at_desk(visit(annotator.user))
    action = page.locator("#judgement").get_attribute("action")
    with page.expect_response(re.compile("/draft/")) as answered:
        page.keyboard.press("2")
        page.keyboard.press("2")
    assert answered.value.status == 204
    page.reload()
    assert page.locator("#judgement").get_attribute("action") == action
    assert [letters_on(page, place) for place in ("1", "2", "3", "")] == ["", "AB", "", "C"]


def test_a_lease_lives_as_long_as_somebody_is_there(visit, project, annotator):
    """Ten minutes are a third of it: then it is renewed, unless nobody has moved anything since."""
    TaskFactory(project=project, size=3)
    visitor = visit(annotator.user)
    visitor.page.clock.install()
    page = at_desk(visitor)
    leased = Slot.objects.get().lease_expires_at
    page.keyboard.press("ArrowRight")
    with page.expect_response(re.compile("/draft/")) as renewed:
        page.clock.run_for("10:01")
    assert renewed.value.status == 204
    until = Slot.objects.get().lease_expires_at
    assert until > leased

    asked = requests_to(page, "/draft/")
    page.clock.run_for("30:03")
    assert (asked, Slot.objects.get().lease_expires_at) == ([], until)

    page.mouse.move(200, 200)
    with page.expect_response(re.compile("/draft/")):
        page.clock.run_for("10:01")
    assert Slot.objects.get().lease_expires_at > until


def test_a_lost_task_says_so_keeps_the_ranking_and_offers_the_next(visit, project, annotator):
    task, following = TaskFactory(project=project, size=3), TaskFactory(project=project, size=2)
    page = at_desk(visit(annotator.user))
    for key in "213":
        page.keyboard.press(key)
    thief = AnnotatorFactory()
    MembershipFactory(project=project, user=thief.user)
    Slot.objects.filter(task=task).update(lease_expires_at="2026-01-01T00:00Z")
    order = Slot.objects.get(task=task).order
    taken = leases.claim(project, by=thief)
    Slot.objects.filter(pk=taken.pk).update(order=list(reversed(taken.order)))
    with page.expect_response(re.compile("/submit/")) as answered:
        page.keyboard.press("Enter")
    assert answered.value.status == 409
    expect(page.get_by_role("alert")).to_contain_text("given to someone else")
    expect(page.get_by_role("alert")).to_contain_text("Your ranking: B, then A, then C.")
    assert [letters_on(page, str(place)) for place in (1, 2, 3)] == ["B", "A", "C"]
    draft = Draft.objects.get(annotator=annotator, task=task)
    assert draft.content["ranking"] == [[order[1]], [order[0]], [order[2]]]
    assert not Judgement.objects.exists()
    page.get_by_role("link", name="Take the next one").click()
    expect(page.locator("[data-answer]")).to_have_count(2)
    assert Slot.objects.get(task=following).annotator == annotator


def test_nothing_that_reaches_the_browser_names_a_policy(visit, project, annotator):
    task = TaskFactory(project=project, size=3)
    names = []
    for item in task.positions.select_related("response__policy"):
        item.response.policy.name = f"zebra-{item.position}"
        item.response.policy.save()
        names.append(item.response.policy.name)
    visitor = visit(annotator.user)
    seen: list[str] = []
    visitor.page.on("response", lambda response: seen.append(response.url + str(response.headers)))
    page = at_desk(visitor)
    page.keyboard.press("1")
    assert not any(name in text for name in names for text in [page.content(), *seen])


@pytest.mark.parametrize("text", ["A long tale. " * 80_000, "=" * 1_000_000], ids=["words", "one run"])
def test_a_megabyte_of_text_is_folded_and_does_not_stop_the_desk(visit, project, annotator, text):
    task = TaskFactory(project=project, size=2)
    response = task.positions.first().response
    response.text = text
    response.save()
    page = at_desk(visit(annotator.user))
    heights = [card.bounding_box()["height"] for card in page.locator("[data-text]").all()]
    assert max(heights) < 500
    page.keyboard.press("u")
    assert max(card.bounding_box()["height"] for card in page.locator("[data-text]").all()) > 10_000
    page.keyboard.press("u")
    page.keyboard.press("1")
    page.keyboard.press("2")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="That was the last one")).to_be_visible()


def test_guidelines_and_keys_open_and_close_by_key(visit, project, annotator):
    project.guidelines.create(number=3, text="Prefer the answer that **helps**.")
    seats.acknowledge(project, by=annotator, number=3)
    TaskFactory(project=project, size=2)
    page = at_desk(visit(annotator.user))
    page.keyboard.press("g")
    expect(page.get_by_role("dialog", name="Guidelines version 3")).to_be_visible()
    page.keyboard.press("1")
    page.keyboard.press("Escape")
    assert letters_on(page, "") == "AB"
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="How to rank")).to_be_visible()
    expect(page.locator("[data-keys]")).not_to_contain_text("show long answers whole")
    expect(page.get_by_role("button", name="Last submission")).to_have_count(0)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="How to rank")).to_be_hidden()


def test_a_lease_of_someone_else_is_a_page_with_a_sentence(visit, project, annotator):
    slot = lease(TaskFactory(project=project).slots.get(), AnnotatorFactory())
    page = visit(annotator.user).open(f"/projects/desk/slots/{slot.token}/")
    expect(page.get_by_role("alert")).to_have_text("There is no such task that is yours.")


def test_in_a_browser_of_another_language_ties_stay_ties(visit, project, annotator):
    queue(project, tasks=1, size=3)
    page = at_desk(visit(annotator.user, locale="de-DE"))
    for key in "122":
        page.keyboard.press(key)
    assert [letters_on(page, str(place)) for place in (1, 2, 3)] == ["A", "BC", ""]


def test_keys_pressed_while_the_ranking_is_under_way_change_neither_task(visit, project, annotator):
    queue(project, tasks=3, size=3)
    visitor = visit(annotator.user)
    held: list[Route] = []
    visitor.page.route("**/submit/", lambda route: held.append(route))  # noqa: PLW0108  # playwright marks the function
    page = at_desk(visitor)
    with page.expect_request("**/submit/"):
        press(page, "3", "1", "2", "Enter")
    press(page, "b", "1", "Backspace", "Enter", "s")
    assert [letters_on(page, str(place)) for place in (1, 2, 3)] == ["B", "C", "A"]
    assert not page.locator("#skip").is_visible()
    assert len(held) == 1
    held[0].continue_()
    [judgement] = wait_for_judgements(page, 1)
    assert as_letters(judgement) == [["B"], ["C"], ["A"]]
    assert letters_on(page, "") == "ABC"
    page.unroute("**/submit/")
    press(page, "1", "1", "1", "Enter")
    assert as_letters(wait_for_judgements(page, 2)[1]) == [["A", "B", "C"]]


@pytest.mark.parametrize("arrived", [True, False], ids=["it had arrived", "it had not"])
def test_after_a_lost_connection_enter_sends_the_same_submission_again(visit, project, annotator, arrived):
    queue(project, tasks=2, size=3)
    visitor = visit(annotator.user)
    lost: list[Route] = []

    def lose(route: Route) -> None:
        lost.append(route)
        if len(lost) > 1:
            return route.continue_()
        if arrived:
            route.fetch()
        return route.abort()

    visitor.page.route("**/submit/", lose)
    page = at_desk(visitor)
    press(page, "3", "1", "2", "Enter")
    expect(page.get_by_role("alert")).to_contain_text("The server does not answer. Your work stays here")
    visitor.trouble.clear()  # the browser's own line about the request that failed
    assert [letters_on(page, place) for place in "123"] == ["B", "C", "A"]
    page.keyboard.press("Enter")
    [judgement] = wait_for_judgements(page, 1)
    assert as_letters(judgement) == [["B"], ["C"], ["A"]]


def test_a_session_that_ended_keeps_the_ranking_until_one_signed_in_again(visit, project, annotator):
    queue(project, tasks=2, size=3)
    visitor = visit(annotator.user)
    page = at_desk(visitor)
    cookies = visitor.context.cookies()
    visitor.context.clear_cookies(name=settings.SESSION_COOKIE_NAME)
    press(page, "3", "1", "2", "Enter")
    link = page.get_by_role("link", name="Sign in (new tab)")
    expect(link).to_have_attribute("href", "/accounts/login/?next=%2Fprojects%2Fdesk%2Fdesk%2F")
    link.focus()
    with visitor.context.expect_page() as opened:
        page.keyboard.press("Enter")
    expect(opened.value.get_by_label("Password")).to_be_visible()
    visitor.context.add_cookies(cookies)
    page.bring_to_front()
    assert [letters_on(page, place) for place in "123"] == ["B", "C", "A"]
    expect(page.locator(".answer.is-current")).to_be_focused()
    page.keyboard.press("Enter")
    assert as_letters(wait_for_judgements(page, 1)[0]) == [["B"], ["C"], ["A"]]
    assert len(visitor.context.pages) == 2


def test_what_a_second_tab_says_is_kept_and_opens_as_a_revision(visit, project, annotator):
    queue(project, tasks=2, size=3)
    visitor = visit(annotator.user)
    page = at_desk(visitor)
    second = visitor.context.new_page()
    second.goto(page.url)
    ready(second)
    press(page, "2", "1", "3", "Enter")
    [first] = wait_for_judgements(page, 1)
    with second.expect_response(re.compile("/submit/")) as answered:
        press(second, "3", "2", "1", "Enter")
    assert answered.value.status == 409
    expect(second.get_by_role("alert")).to_contain_text("perhaps in another tab. What you sent here is kept")
    second.get_by_role("link", name="Open your judgement").click()
    ready(second)
    assert [letters_on(second, place) for place in "123"] == ["C", "B", "A"]
    press(second, "Enter")
    expect(second.get_by_text("Your revision is kept.").first).to_be_visible()
    assert second.url.endswith("/projects/desk/desk/")
    expect(second.locator("#announce")).to_have_text("Your revision is kept.")
    first.refresh_from_db()
    assert as_letters(first.revised_by) == [["C"], ["B"], ["A"]]


def test_who_fails_the_last_of_the_qualification_set_is_told_on_a_page(visit, project, annotator):
    Project.objects.update(qualification_pass=1.0)
    known = {"ranking": [[0], [1]], "explanation": ""}
    task = TaskFactory(project=project, size=2, purpose="qualification", known=known, overlap=0)
    queue(project, tasks=1, size=2)
    page = at_desk(visit(annotator.user))
    first = task.slots.get().order.index(0)
    with page.expect_response(re.compile("/submit/")) as answered:
        press(page, *("21" if first == 0 else "12"), "Enter")
    assert answered.value.status == 200
    expect(page.get_by_text("A reviewer of the project sees how it went")).to_be_visible()
    expect(page.get_by_role("navigation", name="Main")).to_be_visible()
    assert page.locator("[data-desk]").count() == 0
    assert Judgement.objects.get().task == task


def test_the_red_notice_goes_once_the_server_answers_again(visit, project, annotator):
    queue(project, tasks=1, size=3)
    visitor = visit(annotator.user)
    visitor.page.route("**/submit/", lambda route: route.abort())
    page = at_desk(visitor)
    press(page, "3", "1", "2", "Enter")
    expect(page.locator("[data-saved]")).to_have_text("Draft kept")
    expect(page.get_by_role("alert").filter(has_text="The server does not answer")).to_have_count(0)
    visitor.trouble.clear()


def test_skipping_without_a_reason_says_so_in_the_page(visit, project, annotator):
    queue(project, tasks=1, size=3)
    page = at_desk(visit(annotator.user))
    press(page, "s")
    page.get_by_role("button", name="Skip it").click()
    expect(page.get_by_role("alert").filter(has_text="Say why you skip this task.")).to_be_visible()
    expect(page.locator("#skip [name=reason]").first).to_be_focused()
    assert not Skip.objects.exists()


def test_what_the_server_never_got_comes_back_from_this_browser(visit, project, annotator):
    queue(project, tasks=2, size=3)
    visitor = visit(annotator.user)
    visitor.page.route("**/draft/", lambda route: route.abort())
    page = at_desk(visitor)
    press(page, "2", "2")
    expect(page.locator("[data-saved]")).to_contain_text("Kept in this browser")
    visitor.trouble.clear()
    page.unroute("**/draft/")
    page.reload()
    ready(page)
    assert [letters_on(page, place) for place in ("1", "2", "3", "")] == ["", "AB", "", "C"]
    expect(page.locator("[data-saved]")).to_have_text("Draft kept")
    visitor.trouble.clear()
    assert Draft.objects.get(annotator=annotator).content["places"]


PORTAL = '<!doctype html><title>Free WLAN</title><main class="notice"><h1>Accept our terms</h1></main>'


def test_a_network_that_answers_with_a_page_of_its_own_takes_nothing_away(visit, project, annotator):
    queue(project, tasks=2, size=3)
    visitor = visit(annotator.user)
    for address in ("**/draft/", "**/submit/"):
        visitor.page.route(address, lambda route: route.fulfill(status=200, content_type="text/html", body=PORTAL))
    page = at_desk(visitor)
    press(page, "3", "1", "2")
    expect(page.locator("[data-saved]")).to_contain_text("Kept in this browser")
    press(page, "Enter")
    expect(page.get_by_role("alert")).to_contain_text("The server does not answer. Your work stays here")
    page.reload()
    ready(page)
    assert [letters_on(page, place) for place in "123"] == ["B", "C", "A"]
    assert not Judgement.objects.exists()
    for address in ("**/draft/", "**/submit/"):
        page.unroute(address)
    press(page, "Enter")
    assert as_letters(wait_for_judgements(page, 1)[0]) == [["B"], ["C"], ["A"]]


@pytest.mark.parametrize(("days", "place"), [(1, "1"), (-1, "2")], ids=["newer", "older"])
def test_this_browsers_copy_comes_before_a_draft_from_another_device_only_if_that_is_older(
    visit, project, annotator, days, place
):
    queue(project, tasks=1, size=2)
    visitor = visit(annotator.user)
    held: list[Route] = []
    visitor.page.route("**/draft/", lambda route: held.append(route))  # noqa: PLW0108  # playwright marks the function
    page = at_desk(visitor)
    with page.expect_request("**/draft/"):
        press(page, "2")
    slot = Slot.objects.get()
    Draft.objects.create(task=slot.task, annotator=annotator, content={"places": {str(slot.order[0]): 1}})
    Draft.objects.update(updated_at=timezone.now() + timedelta(days=days))
    page = at_desk(visitor)
    assert letters_on(page, place) == "A"


def test_a_closed_tab_sends_its_draft_on_the_way_out(visit, project, annotator):
    queue(project, tasks=1, size=3)
    visitor = visit(annotator.user)
    page = at_desk(visitor)
    press(page, "2")
    page.goto("about:blank")
    page = at_desk(visitor)
    assert letters_on(page, "2") == "A"


def test_a_key_held_down_submits_nothing_unseen(visit, project, annotator):
    queue(project, tasks=2, size=2)
    page = at_desk(visit(annotator.user))
    for slot in Slot.objects.filter(state=Slot.State.OPEN):
        Draft.objects.create(task=slot.task, annotator=annotator, content={"ranking": [[0], [1]]})
    for key in ["1", "2"]:
        page.keyboard.press(key)
    page.keyboard.down("Enter")
    wait_for_judgements(page, 1)
    expect(page.locator(".desk")).to_be_focused()
    page.keyboard.down("Enter")
    page.keyboard.up("Enter")
    page.keyboard.press("2")
    expect(page.locator("[data-saved]")).to_have_text("Draft kept")
    assert Judgement.objects.count() == 1
