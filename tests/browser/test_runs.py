"""A run's page in a real Chromium: its plots, what they become as files, and the curves of a run that goes on."""

from pathlib import Path
from xml.etree import ElementTree

import pytest
from playwright.sync_api import expect

from annotation.models import Membership
from tests.browser.conftest import DESKTOP, PHONE
from tests.browser.test_everyone import COLOURS, RULES, TOO_WIDE, complaints
from tests.factories import MembershipFactory
from tests.training import run_rows
from training.ml.run.rundir import RunDirectory
from training.models import Run

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PLOTS = ["loss", "learning rate", "tokens", "accuracies", "reliability"]


@pytest.fixture
def engineer():
    return MembershipFactory(role=Membership.Role.ENGINEER).user


def opened(visit, user, run, **options):
    return visit(user, **options).open(f"/training/runs/{run.pk}/")


@pytest.mark.parametrize("device", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_plots_stand_over_their_tables_and_axe_finds_nothing(visit, engineer, device):
    page = opened(visit, engineer, run_rows.done(), **device)
    expect(page.get_by_role("img")).to_have_count(len(PLOTS))
    expect(page.get_by_role("img", name="loss, 60: 0.7 –")).to_be_visible()
    expect(page.locator("main svg style")).to_have_count(0)
    page.get_by_text("The curves as numbers").click()
    expect(page.locator("[data-numbers] tbody tr")).to_have_count(20)
    page.get_by_text("in bold what was set").click()
    for scheme, rules in (("light", RULES), ("dark", COLOURS)):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        assert complaints(page, rules) == []
    assert page.evaluate(TOO_WIDE) == []


def test_a_plot_is_saved_as_svg_png_and_csv(visit, engineer, tmp_path):
    report = {"held_out": run_rows.held_out()}
    report["held_out"]["baselines"]["=1+1"] = {"value": 0.5, "low": 0.4, "high": 0.6, "n_pairs": 45, "n_prompts": 9}
    page = opened(visit, engineer, run_rows.done(report=report))
    plot = page.locator('[data-plot="accuracies"]')
    saved = {}
    for format in ("SVG", "PNG", "CSV"):
        with page.expect_download() as download:
            plot.get_by_role("button", name=format).click()
        assert download.value.suggested_filename == f"rm-done-accuracies.{format.lower()}"
        saved[format] = Path(download.value.path()).read_bytes()
    drawing = ElementTree.fromstring(saved["SVG"])  # noqa: S314  # our own
    assert drawing.tag == "{http://www.w3.org/2000/svg}svg"
    texts = [element.text for element in drawing.iter("{http://www.w3.org/2000/svg}text")]
    assert "this run" in texts
    assert b"var(" not in saved["SVG"]
    assert b"currentColor" not in saved["SVG"]
    assert saved["PNG"].startswith(b"\x89PNG")
    assert len(saved["PNG"]) > 5000
    lines = saved["CSV"].decode().splitlines()
    assert lines[0] == "name,value,low,high,n"
    accuracy = report["held_out"]["accuracy"]
    assert lines[1] == f"this run,{accuracy['value']},{accuracy['low']},{accuracy['high']},45"
    assert "'=1+1,0.5,0.4,0.6,45" in lines  # PostgreSQL sorts the keys of a report


def test_curves_grow_while_the_run_goes_on_and_its_end_is_said(visit, engineer):
    run = run_rows.running(steps=0)
    page = opened(visit, engineer, run)
    expect(page.get_by_text("Nothing has been measured yet.")).to_be_visible()
    directory = RunDirectory(Path(run.directory))
    run_rows.measure(directory, steps=range(1, 11))
    expect(page.get_by_role("img", name="loss, 10: 0.7 –")).to_be_visible()
    expect(page.get_by_text("Nothing has been measured yet.")).to_be_hidden()
    directory.append_metrics({"step": 10, "steps": run_rows.STEPS, "held_out_loss": 0.65})
    expect(page.get_by_role("img", name="held_out_loss, 1: 0.65 –")).to_be_visible()
    run_rows.measure(directory, steps=range(11, 41))
    expect(page.get_by_role("img", name="loss, 40: 0.7 –")).to_be_visible()
    expect(page.get_by_text("The run has ended.")).to_be_hidden()
    Run.objects.update(state=Run.State.DONE, report={"headline": "It is as good as it gets."})
    page.get_by_role("link", name="Show what came out").click()
    expect(page.locator(".verdict")).to_have_text("It is as good as it gets.")


@pytest.mark.parametrize("device", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_policy_that_learned_shows_reward_against_distance_and_folds_most_curves(visit, engineer, device):
    page = opened(visit, engineer, run_rows.learned(), **device)
    plot = page.get_by_role("img", name="Reward against the distance from the base")
    expect(plot).to_be_visible()
    expect(plot.get_by_text("● held-out reward")).to_be_visible()
    expect(page.get_by_role("img", name="held_out_gold, 7:")).to_be_visible()
    expect(page.get_by_role("img", name="ratio_first")).to_have_count(0)
    page.get_by_text("More curves").click()
    expect(page.get_by_role("img", name="ratio_first, 60:")).to_be_visible()
    page.get_by_text("The plot as numbers").click()
    expect(page.locator('[data-plot="frontier"] ~ details tbody tr')).to_have_count(7)
    for scheme, rules in (("light", RULES), ("dark", COLOURS)):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        assert complaints(page, rules) == []
    assert page.evaluate(TOO_WIDE) == []


def test_a_policy_that_is_learning_shows_hostile_answers_as_text(visit, engineer):
    run = run_rows.learning(steps=10, text="<img src=x onerror=alert(1)> **bold**")
    page = opened(visit, engineer, run)
    expect(page.get_by_text("<img src=x onerror=alert(1)> **bold** (10)")).to_be_visible()
    expect(page.get_by_role("img", name="reward, 10:")).to_be_visible()
    RunDirectory(Path(run.directory)).append_metrics(run_rows.step_of_ppo(11))
    expect(page.get_by_role("img", name="reward, 11:")).to_be_visible()


def test_a_plot_that_cannot_be_drawn_is_a_script_error(visit, engineer):
    run = run_rows.running(steps=0)
    visitor = visit(engineer)
    page = visitor.open(f"/training/runs/{run.pk}/")
    page.evaluate("() => { Plot.plot = () => { throw new Error('no such mark'); }; }")
    with page.expect_event("pageerror") as error:
        run_rows.measure(RunDirectory(Path(run.directory)), steps=range(1, 11))
    assert "no such mark" in error.value.message
    visitor.trouble.clear()


def test_without_script_the_tables_stand_alone(visit, engineer):
    page = opened(visit, engineer, run_rows.done(), java_script_enabled=False)
    expect(page.get_by_role("row", name="always the longer answer")).to_be_visible()
    expect(page.get_by_role("button", name="SVG").first).to_be_hidden()
    page.get_by_text("The curves as numbers").click()
    expect(page.locator("[data-numbers] tbody tr")).to_have_count(20)
