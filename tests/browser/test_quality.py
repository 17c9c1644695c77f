"""The quality pages in a real Chromium, of labels that people gave: PandaLM and UKPConvArg1 as the site imports and
measures them, and a small crowd of our own where those are not there."""

import gzip
from itertools import islice
from pathlib import Path
from xml.etree import ElementTree

import pytest
from django.core.management import call_command
from playwright.sync_api import Page, expect

from annotation.actions.quality.measuring import measure
from annotation.models import Annotator, Exclusion, Judgement, Project
from tests.annotation.review_rows import said
from tests.browser.conftest import DESKTOP, PHONE
from tests.browser.test_everyone import COLOURS, RULES, TOO_WIDE, TWO_FRAMES, complaints
from tests.factories import AnnotatorFactory, MembershipFactory, ProjectFactory, TaskFactory, UserFactory

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
ROWS = 500  # of a data set: its pages are as full, and it is there in seconds
ROUTES = ("", "people/", "people/{name}/", "agreement/", "items/", "guidelines/", "policies/", "tags/", "judgements/")
DRAWN = "[...document.querySelectorAll('.plot')].every((one) => one.querySelector('svg'))"
FLAT = [[0], [1]]


def imported(slug: str, path: Path, *, directory: Path) -> Project:
    """The first rows, by the command that anybody would use, measured."""
    part = directory / f"{slug}.jsonl"
    with gzip.open(path, "rt") as lines:
        part.write_text("".join(islice(lines, ROWS)))
    call_command("import_data", str(part), project=slug, create=True)
    return measured(Project.objects.get(slug=slug))


def measured(project: Project) -> Project:
    measure(project)
    return project


@pytest.fixture
def crowd() -> Project:
    """Three people on forty pairs: two who agree, one who says the reverse of every third; with times and reasons."""
    project = ProjectFactory(slug="crowd", name="A small crowd")
    people = [AnnotatorFactory(name=name) for name in ("ada", "ben", "chloe")]
    for number in range(40):
        task = TaskFactory(project=project, size=2, tags=["lamp" if number % 2 else "lang:de"])
        for person in people:
            turned = person.name == "chloe" and number % 3 == 0
            ranking = FLAT[::-1] if turned else FLAT
            at = f"2026-0{1 + number // 15}-{1 + number % 15:02}T10:00:00Z"
            said(
                task, ranking, by=person, seconds=20 + number, at=at, guideline_version=1 + number // 20, reason="So."
            )
    return measured(project)


def reviewer_of(project: Project):  # type: ignore[no-untyped-def]
    return MembershipFactory(project=project, user=UserFactory(username="mira"), role="admin").user


def opened(page: Page, address: str) -> Page:
    page.goto(address)
    page.wait_for_function(DRAWN)
    return page


def trouble_of(page: Page) -> list[str]:
    """What axe finds in light and dark, and what hangs over the edge."""
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    page.evaluate(TWO_FRAMES)
    found = complaints(page, RULES)
    page.emulate_media(color_scheme="dark")
    return found + complaints(page, COLOURS) + page.evaluate(TOO_WIDE)


def trouble_in(visit, project: Project, device) -> list[str]:  # type: ignore[no-untyped-def]
    visitor = visit(reviewer_of(project), **device)
    name = Annotator.objects.filter(measures__measurement__project=project).first().name
    found = []
    for route in ROUTES:
        path = f"/projects/{project.slug}/quality/{route.format(name=name)}"
        page = opened(visitor.page, visitor.server + path)
        expect(page.locator("h1")).to_have_count(1)
        expect(page.locator(".verdict")).to_have_count(1)
        found += [f"{path}: {sentence}" for sentence in trouble_of(page)]
    return found


DEVICES = pytest.mark.parametrize("device", [DESKTOP, PHONE], ids=["desktop", "phone"])


@DEVICES
@pytest.mark.parametrize("name", ["pandalm", "ukpconvarg"])
def test_each_page_of_imported_labels_is_clean(visit, shared_data, tmp_path, name, device):
    project = imported(name, shared_data / "native" / f"{name}.jsonl.gz", directory=tmp_path)
    assert trouble_in(visit, project, device) == []


@DEVICES
def test_each_page_of_a_small_crowd_is_clean(visit, crowd, device):
    assert trouble_in(visit, crowd, device) == []


def test_pandalm_says_what_was_published_of_it(visit, shared_data, tmp_path):
    call_command("import_data", str(shared_data / "native" / "pandalm.jsonl.gz"), project="pandalm", create=True)
    project = measured(Project.objects.get(slug="pandalm"))
    page = visit(reviewer_of(project)).open("/projects/pandalm/quality/")
    expect(page.get_by_role("row", name="Fleiss' kappa")).to_contain_text("0.86 (0.84 to")
    expect(page.get_by_role("row", name="All alike")).to_contain_text("88 % (86 to 90 %) n = 999 pairs")
    page.get_by_text("Cohen's kappa of 3 pairs of people").click()
    values = page.locator("details[open] tbody .fig__value").all_inner_texts()
    assert sorted(values) == ["0.85", "0.86", "0.88"]


def test_from_a_figure_to_a_judgement_and_back_by_keyboard(visit, crowd):
    page = visit(reviewer_of(crowd)).open("/projects/crowd/quality/people/?sort=agreement")
    page.get_by_role("link", name="chloe").focus()
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("chloe")
    page.get_by_role("row", name="Agreement with others").first.get_by_role("link").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".verdict")).to_have_text("Judgements by chloe.")
    expect(page.locator("tbody tr")).to_have_count(40)
    page.locator("tbody tr").first.get_by_role("link", name="Question").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".review-judgement:target")).to_contain_text("chloe")


def test_ticked_judgements_are_excluded_with_a_reason_and_count_again(visit, crowd):
    page = visit(reviewer_of(crowd)).open("/projects/crowd/quality/judgements/?annotator=chloe")
    newest = Judgement.objects.filter(annotator__name="chloe").latest("pk")
    page.get_by_role("checkbox", name=f"Judgement of chloe on task {newest.task_id}").check()
    page.get_by_role("button", name="Exclude those ticked").click()
    page.get_by_role("textbox").fill("Clicked through.")
    page.get_by_role("button", name="Exclude").click()
    expect(page.get_by_role("status").first).to_contain_text("1 judgement counts no more.")
    assert Exclusion.objects.current().get().judgement == newest
    page.get_by_role("link", name="Excluded", exact=True).click()
    expect(page.locator("tbody tr")).to_contain_text("Clicked through.")
    page.locator("tbody").get_by_role("checkbox").check()
    page.get_by_role("button", name="Let those ticked count again").click()
    page.get_by_role("button", name="Let them count").click()
    expect(page.get_by_role("status").first).to_contain_text("1 judgement counts again.")
    assert not Exclusion.objects.current().exists()


def test_new_figures_are_asked_for_and_come(visit, crowd):
    page = visit(reviewer_of(crowd)).open("/projects/crowd/quality/")
    page.get_by_role("button", name="Measure again").click()
    expect(page.get_by_text("New figures were asked for")).to_be_visible()
    measure(crowd)
    page.reload()
    expect(page.get_by_text("New figures were asked for")).to_be_hidden()


def test_a_plot_is_saved_as_svg_png_and_csv(visit, crowd):
    visitor = visit(reviewer_of(crowd))
    page = opened(visitor.page, f"{visitor.server}/projects/crowd/quality/tags/")
    saved = {}
    for kind in ("SVG", "PNG", "CSV"):
        with page.expect_download() as download:
            page.locator('[data-plot="slices"]').get_by_role("button", name=kind).click()
        assert download.value.suggested_filename == f"crowd-slices.{kind.lower()}"
        saved[kind] = Path(download.value.path()).read_bytes()
    drawing = ElementTree.fromstring(saved["SVG"])  # noqa: S314  # our own
    assert "lang:de" in [element.text for element in drawing.iter("{http://www.w3.org/2000/svg}text")]
    assert b"var(" not in saved["SVG"]
    assert saved["PNG"].startswith(b"\x89PNG")
    lines = saved["CSV"].decode().splitlines()
    assert lines[0] == "name,value,low,high,n"
    assert {line.split(",")[0] for line in lines[1:]} == {"lamp", "lang:de"}


def test_reasons_stand_side_by_side_where_there_is_room_and_are_folded_on_a_phone(visit, crowd):
    wide = visit(reviewer_of(crowd), **DESKTOP).open("/projects/crowd/quality/items/")
    expect(wide.get_by_text("So.", exact=True).first).to_be_visible()
    expect(wide.get_by_text("3 reasons that people gave").first).to_be_hidden()
    narrow = visit(MembershipFactory(project=crowd, role="reviewer").user, **PHONE).open(
        "/projects/crowd/quality/items/"
    )
    expect(narrow.get_by_text("So.", exact=True).first).to_be_hidden()
    narrow.get_by_text("3 reasons that people gave").first.tap()
    expect(narrow.get_by_text("So.", exact=True).first).to_be_visible()


def test_without_script_every_number_stands_in_a_table(visit, crowd):
    page = visit(reviewer_of(crowd), java_script_enabled=False).open("/projects/crowd/quality/")
    expect(page.get_by_role("button", name="SVG").first).to_be_hidden()
    page.get_by_text("The plot as numbers").first.click()
    expect(page.locator("details[open] tbody tr").first).to_be_visible()
