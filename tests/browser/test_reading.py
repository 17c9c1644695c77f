"""How a reader sets the page: size, colours, keys and language, each kept without a flash on the next page."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PHONE
from tests.browser.desk import at_desk
from tests.factories import PromptFactory, ResponseFactory, TaskFactory

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def colours(page):  # type: ignore[no-untyped-def]
    return page.evaluate("getComputedStyle(document.body).backgroundColor")


def test_size_and_colours_are_chosen_once_and_hold_on_the_next_page(visit, project, annotator):
    visitor = visit(annotator.user, color_scheme="light")
    page = visitor.open("/")
    light = colours(page)
    page.get_by_role("button", name="Reading").click()
    dialog = page.get_by_role("dialog", name="Reading")
    expect(dialog.locator("[data-reading-size]")).to_have_text("Text size 2 of 5")
    for step in (3, 4, 5):
        dialog.get_by_role("button", name="Larger").click()
        expect(dialog.locator("[data-reading-size]")).to_have_text(f"Text size {step} of 5")
    expect(dialog.get_by_role("button", name="Larger")).to_be_disabled()
    dialog.get_by_label("Dark").check()
    dark = colours(page)
    assert dark != light

    # Before any module has run, the next page already stands as it was wanted.
    page.route("**/js/reading.js", lambda route: route.abort())
    page.reload()
    assert colours(page) == dark
    assert page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--reading')") == "1.5625rem"
    visitor.trouble.clear()  # the script that the test held back


def test_plus_and_minus_set_the_size_unless_single_keys_are_off_or_a_text_is_typed(visit, project, annotator):
    page = visit(annotator.user).open("/")
    size = page.locator("html")
    page.keyboard.press("+")
    expect(size).to_have_attribute("data-size", "3")
    expect(page.locator("#announce")).to_have_text("Text size 3 of 5")
    page.keyboard.press("-")
    page.keyboard.press("-")
    expect(size).to_have_attribute("data-size", "1")
    page.get_by_role("button", name="Reading").click()
    page.get_by_label("Single keys act").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("+")
    expect(size).to_have_attribute("data-size", "1")


def test_the_language_is_a_form_that_needs_no_script_and_is_remembered(visit):
    page = visit(java_script_enabled=False).open("/accounts/login/")
    assert page.locator("html").get_attribute("lang") == "en"
    page.get_by_role("banner").get_by_role("button", name="Deutsch").first.click()
    expect(page.locator("html")).to_have_attribute("lang", "de")
    expect(page.get_by_role("heading", level=1)).to_have_text("Anmelden")
    page.reload()
    expect(page.locator("html")).to_have_attribute("lang", "de")


def test_the_browser_of_a_german_reader_is_answered_in_german(visit, project, annotator):
    page = visit(annotator.user, locale="de-DE").open("/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Meine Projekte")


@pytest.mark.parametrize("way", ["keyboard", "touch"])
def test_a_link_in_a_text_asks_before_it_leads_away(visit, project, annotator, way):
    prompt = PromptFactory(project=project, messages=[{"role": "user", "content": "[there](https://example.com/a)"}])
    task = TaskFactory(project=project, prompt=prompt, size=0)
    task.positions.create(response=ResponseFactory(prompt=prompt), position=0)
    task.positions.create(response=ResponseFactory(prompt=prompt), position=1)
    page = at_desk(visit(annotator.user, **(PHONE if way == "touch" else {})))
    link = page.get_by_role("link", name="there")
    expect(page.locator(".answer.is-current")).to_be_visible()
    if way == "touch":
        link.tap()
    else:
        link.press("Enter")
    dialog = page.get_by_role("dialog", name="This link leads to another site")
    expect(dialog).to_contain_text("https://example.com/a")
    expect(dialog.get_by_role("button", name="Stay here")).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    assert page.url.endswith("/projects/desk/desk/")
