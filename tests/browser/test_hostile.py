"""Hostile text on the desk, in a real browser with the Content-Security-Policy on."""

import re

import pytest
from playwright.sync_api import Page, expect

from annotation.actions import seats
from annotation.models import Judgement
from tests.annotation.hostile import HOSTILE
from tests.browser.desk import at_desk, press
from tests.factories import (
    AnnotatorFactory,
    MembershipFactory,
    ProjectFactory,
    PromptFactory,
    ResponseFactory,
    TaskFactory,
)

FORBIDDEN = (
    "script, img, svg, iframe, form, style, input, button, dialog, object, embed, video, mglyph, annotation-xml"
)

CONTROL = '<img src="data:," onerror="document.documentElement.dataset.ran = `yes`">'

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def annotator():  # type: ignore[no-untyped-def]
    project = ProjectFactory(slug="desk", name="Support answers")
    annotator = AnnotatorFactory()
    MembershipFactory(project=project, user=annotator.user, role="admin")
    project.guidelines.create(number=1, text="\n\n".join(HOSTILE))
    seats.acknowledge(project, by=annotator, number=1)
    prompt = PromptFactory(project=project, messages=[{"role": "user", "content": text} for text in HOSTILE])
    task = TaskFactory(project=project, prompt=prompt, size=0)
    for position in range(2):
        text = "\n\n".join(HOSTILE[position::2])
        task.positions.create(response=ResponseFactory(prompt=prompt, text=text), position=position)
    return annotator


@pytest.fixture(params=["enforced", "reported"])
def policy(request, settings):  # type: ignore[no-untyped-def]
    """Reported only, the policy stops nothing: then the sanitiser stands alone."""
    if request.param == "reported":
        settings.CONTENT_SECURITY_POLICY_REPORT_ONLY = settings.CONTENT_SECURITY_POLICY
        settings.CONTENT_SECURITY_POLICY = None
    return request.param


def assert_harmless(page: Page) -> None:
    expect(page).to_have_title(re.compile(r" · Flywheel$"))
    assert page.locator(".prose").locator(FORBIDDEN).count() == 0
    assert page.evaluate("document.title.includes('broken') || 'x' in window.location") is False


def test_hostile_text_runs_nothing_loads_nothing_and_leaves_the_desk_whole(visit, annotator, policy):
    """The fixture fails the test on any console error (a report is one), dialog or request to the outside."""
    visitor = visit(annotator.user)
    page = at_desk(visitor)
    assert_harmless(page)
    assert page.evaluate("document.querySelectorAll('[data-token]').length") == 2
    press(page, "g")
    expect(page.get_by_role("dialog", name="Guidelines").locator(".prose").first).to_be_visible()
    assert_harmless(page)
    press(page, "Escape", "b", "1", "a", "2", "Enter")
    expect(page.get_by_role("heading", name="That was the last one")).to_be_visible()

    uid = Judgement.objects.get().uid
    task = Judgement.objects.get().task_id
    for path in (f"/projects/desk/review/tasks/{task}/", "/projects/desk/mine/", f"/flywheel/desk/judgements/{uid}/"):
        assert_harmless(visitor.open(path))
    visitor.page.goto(visitor.server + "/projects/desk/settings/guidelines/")
    assert_harmless(visitor.page)

    # That this would have shown: written into the page by other means, a script runs when it is only reported.
    page.evaluate(f"document.body.insertAdjacentHTML('beforeend', {CONTROL!r})")
    if policy == "reported":
        expect(page.locator("html")).to_have_attribute("data-ran", "yes")
    visitor.trouble.clear()


def test_the_policy_allows_no_inline_script_or_style_and_nothing_from_outside(visit, annotator):
    visitor = visit(annotator.user)
    answer = visitor.page.goto(visitor.server + "/projects/desk/desk/")
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["img-src"] == policy["connect-src"] == "'self'"


@pytest.mark.parametrize("button", ["left", "middle"])
def test_a_link_asks_before_it_leads_away(visit, annotator, button):
    page = at_desk(visit(annotator.user))
    page.locator('.message .prose a[href^="https://example.com/pixel"]').click(button=button)
    dialog = page.get_by_role("dialog", name="This link leads to another site")
    expect(dialog).to_contain_text("https://example.com/pixel.png")
    assert dialog.get_by_role("link", name="Open it").get_attribute("rel") == "noopener noreferrer nofollow"
    dialog.get_by_role("button", name="Stay here").click()
    expect(dialog).to_be_hidden()
    assert page.url.endswith("/projects/desk/desk/")
