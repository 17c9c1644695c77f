"""The whole story, in a real browser: people rank, a turn trains on it, the new generation waits to be ranked."""

import pytest
from django.core.management import call_command
from playwright.sync_api import expect

from annotation.actions import imports
from annotation.formats import rows
from annotation.models import Comparison, Membership, Policy, Project, Release, Slot
from flywheel.demo import corpus
from flywheel.models import Generation
from tests.browser.desk import ready, slot_on
from tests.factories import PASSWORD, MembershipFactory, ProjectFactory

pytestmark = [pytest.mark.browser, pytest.mark.training, pytest.mark.django_db(transaction=True)]

DEMONSTRATIONS = 120
RANKED = 6
SMALLEST = ["tiny_layers=1", "tiny_width=32", "epochs=1", "max_steps=8"]


@pytest.fixture
def project() -> Project:
    """A project with demonstrations, and a few tasks of four answers each that wait to be ranked."""
    project = ProjectFactory(slug="story", name="Story", responses_per_task=4)
    found = [rows.parse(row) for row in corpus.rows()][:DEMONSTRATIONS]
    Policy.objects.get_or_create(name=corpus.POLICY, defaults={"kind": Policy.Kind.PEOPLE})
    imports.import_rows(found, project=project, by=None)
    call_command("create_tasks", project="story", responses=4, overlap=1, limit=RANKED)
    return project


def test_ranking_a_release_a_turn_and_the_new_generation_in_the_queue(visit, project, capfd):
    annotator = MembershipFactory(project=project).user
    engineer = MembershipFactory(project=project, role=Membership.Role.ENGINEER).user

    page = visit().open("/")
    page.get_by_label("Username").fill(annotator.username)
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Rank in Story").click()
    expect(page.get_by_role("button", name="A, no place yet")).to_be_visible()
    for done in range(1, RANKED + 1):
        for key in "1224":
            page.keyboard.press(key)
        page.keyboard.press("Enter")
        if done < RANKED:
            expect(page.locator(".desk__counts strong").first).to_have_text(str(done))
    expect(page.locator("main")).to_contain_text("Nothing waits")
    assert Comparison.objects.filter(judgement__source="human", tie=True).count() == RANKED
    assert Comparison.objects.filter(judgement__source="human", tie=False).count() == 5 * RANKED

    knobs = [f"{kind}.{knob}" for kind in ("sft", "rm", "dpo") for knob in SMALLEST]
    settings = ["--min-judgements", str(RANKED), "--challenges", "20", "--set", "sample.max_new_tokens=16"]
    call_command("turn", "--project", "story", *settings, *(word for knob in knobs for word in ("--set", knob)))
    assert "wait to be ranked" in capfd.readouterr().out
    release = Release.objects.filter(judgements__annotator__user=annotator).distinct().get()
    candidate = Generation.objects.get(project=project, state=Generation.State.LABELLING)

    reader = visit(engineer).open("/projects/story/releases/")
    reader.get_by_role("link", name=release.name).click()
    expect(reader.locator("main")).to_contain_text(f"{RANKED} judgements")
    reader.goto(reader.url.split("/projects/")[0] + "/flywheel/")
    expect(reader.locator("main")).to_contain_text(candidate.policy.name)

    page.goto(page.url.split("/projects/")[0] + "/projects/story/desk/")
    ready(page)
    waiting = Slot.objects.get(token=slot_on(page)).task
    assert waiting.generation == candidate.policy.name
    assert waiting.purpose == "head_to_head"
    assert candidate.policy.name not in page.content()
