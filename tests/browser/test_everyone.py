"""WCAG 2.2 AA as far as a program can tell: axe-core on every page, light and dark, wide and on a phone."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import DESKTOP, PHONE
from tests.browser.desk import at_desk, press
from tests.browser.pages import ELSEWHERE, PAGES, World, routes, world
from tests.flywheel.conftest import trainer  # noqa: F401  # a fixture

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
}
# After the first the sizes are known, and with them what scrolls.
TWO_FRAMES = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
TOO_WIDE = """
() => {
  const { scrollWidth, clientWidth } = document.documentElement;
  if (scrollWidth <= clientWidth) return [];
  const isOut = (one) => one.getBoundingClientRect().right > clientWidth + 1;
  const out = [...document.body.querySelectorAll("*")].filter(isOut);
  return [`${scrollWidth} pixels`, ...out.slice(0, 5).map((one) => one.outerHTML.slice(0, 90))];
}
"""
COLOURS = {"runOnly": {"type": "rule", "values": ["color-contrast"]}, "resultTypes": ["violations"]}


def complaints(page: Page, options: dict) -> list[str]:  # type: ignore[type-arg]
    """Which heading follows which in a text (its blocks have `dir`) is for its author to say."""
    found = Axe().run(page, options=options).response["violations"]
    nodes = [(each["id"], f"{node['target'][0]} {node['html'][:120]}") for each in found for node in each["nodes"]]
    return [f"{rule}: {what}" for rule, what in nodes if rule != "heading-order" or 'dir="auto"' not in what]


def test_every_address_is_looked_at():
    assert routes() == {shown.route for shown in PAGES} | ELSEWHERE


@pytest.fixture
def here(trainer) -> World:  # type: ignore[no-untyped-def]  # noqa: F811
    return world()


@pytest.mark.parametrize("device", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_axe_finds_nothing_on_any_page(visit, here, device):
    people = {"admin": here.admin, "annotator": here.annotator.user, "stranger": here.stranger, "": None}
    visitors = {who: visit(user, **device) for who, user in people.items()}
    found = {}
    for shown in PAGES:
        page = visitors[shown.who].open(shown.address(here))
        name = f"{shown.name} ({page.url})"
        expect(page.locator("h1")).to_have_count(1)
        page.emulate_media(color_scheme="light", reduced_motion="reduce")
        page.evaluate(TWO_FRAMES)
        found[name] = complaints(page, RULES)
        page.emulate_media(color_scheme="dark")
        found[f"{name}, dark"] = complaints(page, COLOURS)
        found[f"{name}, too wide"] = page.evaluate(TOO_WIDE)
    listed = [f"{name}: {sentence}" for name, sentences in found.items() for sentence in sentences]
    assert not listed, "\n".join(listed)


def test_axe_finds_nothing_in_the_dialogs_of_the_desk(visit, here):
    """Each open in turn, and the sentences that say what is missing."""
    visitor = visit(here.annotator.user)
    page = at_desk(visitor, f"/projects/desk/slots/{here.slot.token}/")
    dialogs = page.evaluate("[...document.querySelectorAll('dialog[popover]')].map((one) => one.id)")
    assert {"keys", "skip", "guidelines", "reading"} <= set(dialogs)
    found = []
    for name in dialogs:
        page.evaluate("(name) => document.getElementById(name).showPopover()", name)
        found += [f"{name}: {sentence}" for sentence in complaints(page, RULES)]
        page.evaluate("(name) => document.getElementById(name).hidePopover()", name)
    page.locator("#desk").focus()  # a dialog that was hidden keeps the focus for a moment
    press(page, "Enter")
    expect(page.locator("#desk-notice").get_by_role("alert")).to_be_visible()
    assert not found + complaints(page, RULES)
