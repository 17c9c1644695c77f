"""From nothing to the first judgement: an admin in one browser, somebody new in another."""

import json

import pytest
from django.core.cache import cache
from playwright.sync_api import expect

from annotation.models import Judgement, Membership
from tests.browser.conftest import PHONE
from tests.browser.desk import as_letters, press, ready, wait_for_judgements
from tests.factories import MembershipFactory, UserFactory

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

ROWS = [{"prompt": f"Question {n}?", "responses": [f"one {n}", f"two {n}", f"three {n}"]} for n in range(2)]
DATA = {
    "name": "questions.jsonl",
    "mimeType": "application/json",
    "buffer": "\n".join(map(json.dumps, [*ROWS, {"prompt": 7}])).encode(),
}


@pytest.fixture(autouse=True)
def nobody_tried_yet():  # type: ignore[no-untyped-def]
    cache.clear()
    yield
    cache.clear()


def test_from_a_name_and_a_file_to_the_first_judgement_of_somebody_who_was_invited(visit):
    admin = visit(UserFactory(username="boss", is_superuser=True)).open("/")
    admin.get_by_role("link", name="New project").click()
    admin.get_by_label("Name", exact=True).fill("Short answers")
    admin.get_by_label("Data file").set_input_files(DATA)
    admin.get_by_role("button", name="Make the project").click()
    expect(admin.get_by_text("3 rows were read, 1 was rejected.")).to_be_visible()
    expect(admin.get_by_role("region", name="Rejected rows")).to_contain_text("prompt")

    admin.get_by_role("link", name="Guidelines").click()
    admin.get_by_label("Guidelines, in Markdown").press_sequentially("Prefer the **shorter** one.")
    expect(admin.locator("#preview strong")).to_have_text("shorter")
    admin.get_by_role("button", name="Save as a new version").click()
    expect(admin.get_by_text("Version 1 is out.")).to_be_visible()
    admin.get_by_role("link", name="Invitations").click()
    admin.get_by_role("button", name="Make a link").click()
    link = admin.get_by_label("Invitation link").input_value()

    visitor = visit()
    page = visitor.open(link.removeprefix(visitor.server))
    page.get_by_role("button", name="Make an account and join").click()
    page.get_by_label("Username").fill("newcomer")
    page.get_by_label("Password", exact=True).fill("a-long-pass-phrase")
    page.get_by_label("Password (again)").fill("a-long-pass-phrase")
    page.get_by_role("button", name="Make the account and join").click()
    page.get_by_role("link", name="Rank in Short answers").click()
    expect(page.get_by_text("Prefer the shorter one.")).to_be_visible()
    page.get_by_role("button", name="I have read them").click()
    ready(page)
    press(page, "a", "2", "b", "1", "c", "3", "Enter")
    [judgement] = wait_for_judgements(page, 1)
    assert as_letters(judgement) == [["B"], ["A"], ["C"]]
    assert judgement.annotator.user.username == "newcomer"
    assert judgement.guideline_version == 1

    admin.get_by_role("link", name="Members").click()
    expect(admin.get_by_role("row", name="newcomer")).to_contain_text("annotator")


def test_everything_works_without_script_on_a_phone(visit):
    membership = MembershipFactory(role="admin", project__slug="lumo", project__name="Lumo")
    project = membership.project
    page = visit(membership.user, java_script_enabled=False, **PHONE).open("/projects/lumo/settings/guidelines/")
    page.get_by_label("Guidelines, in Markdown").fill("Be *kind*.")
    page.get_by_role("button", name="Preview").click()
    expect(page.locator("#preview em")).to_have_text("kind")
    page.get_by_role("button", name="Save as a new version").click()
    expect(page.get_by_text("Version 1 is out.")).to_be_visible()

    page.get_by_role("link", name="Settings").click()
    page.get_by_label("Name of criterion 1").fill("kindness")
    page.get_by_role("button", name="Another row").click()
    page.get_by_label("Name of criterion 2").fill("truth")
    page.get_by_label("Overlap", exact=True).fill("2")
    page.get_by_role("button", name="Save the settings").click()
    expect(page.get_by_text("Saved.", exact=True)).to_be_visible()
    project.refresh_from_db()
    assert [criterion["name"] for criterion in project.criteria] == ["kindness", "truth"]
    assert project.overlap == 2
    page.get_by_role("link", name="Pause…").click()
    page.get_by_role("button", name="Pause it").click()
    expect(page.get_by_role("heading", name="The project is paused")).to_be_visible()
    assert not Judgement.objects.exists()
    assert Membership.objects.count() == 1
