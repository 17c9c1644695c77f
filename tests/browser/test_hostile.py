"""Hostile text on the desk, in a real browser with the Content-Security-Policy on."""

import pytest
from playwright.sync_api import expect

from tests.annotation.hostile import HOSTILE
from tests.factories import (
    AnnotatorFactory,
    MembershipFactory,
    ProjectFactory,
    PromptFactory,
    ResponseFactory,
    TaskFactory,
)

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def annotator():  # type: ignore[no-untyped-def]
    project = ProjectFactory(slug="desk", name="Support answers")
    annotator = AnnotatorFactory()
    MembershipFactory(project=project, user=annotator.user)
    project.guidelines.create(number=1, text="\n\n".join(HOSTILE))
    prompt = PromptFactory(project=project, messages=[{"role": "user", "content": text} for text in HOSTILE])
    task = TaskFactory(project=project, prompt=prompt, size=0)
    for position in range(2):
        text = "\n\n".join(HOSTILE[position::2])
        task.positions.create(response=ResponseFactory(prompt=prompt, text=text), position=position)
    return annotator


def test_hostile_text_runs_nothing_loads_nothing_and_leaves_the_desk_whole(visit, annotator):
    """The fixture fails the test on any console error, dialog or request to the outside."""
    page = visit(annotator.user).open("/projects/desk/desk/")
    expect(page).to_have_title("Support answers · Flywheel")
    assert page.locator(".prose").locator("script, img, svg, iframe, form, style, input, button, dialog").count() == 0
    assert page.evaluate("document.querySelectorAll('[data-token]').length") == 2
    for key in "12":
        page.keyboard.press(key)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="That was the last one")).to_be_visible()
    expect(page).to_have_title("Support answers · Flywheel")


def test_the_policy_allows_no_inline_script_or_style_and_nothing_from_outside(visit, annotator):
    visitor = visit(annotator.user)
    answer = visitor.page.goto(visitor.server + "/projects/desk/desk/")
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["img-src"] == policy["connect-src"] == "'self'"


@pytest.mark.parametrize("button", ["left", "middle"])
def test_a_link_asks_before_it_leads_away(visit, annotator, button):
    page = visit(annotator.user).open("/projects/desk/desk/")
    page.locator('.message .prose a[href^="https://example.com/pixel"]').click(button=button)
    dialog = page.get_by_role("dialog", name="This link leads to another site")
    expect(dialog).to_contain_text("https://example.com/pixel.png")
    assert dialog.get_by_role("link", name="Open it").get_attribute("rel") == "noopener noreferrer nofollow"
    dialog.get_by_role("button", name="Stay here").click()
    expect(dialog).to_be_hidden()
    assert page.url.endswith("/projects/desk/desk/")
