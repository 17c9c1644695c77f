"""Runs as pages: who may see them, what they say of each kind, and what a page that is open asks for."""

from pathlib import Path

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from annotation.models import Membership
from tests.factories import MembershipFactory, ProjectFactory, UserFactory
from tests.flywheel.doubles import generation
from tests.training import run_rows
from training.ml.run.rundir import RunDirectory
from training.models import Artifact, Run

pytestmark = pytest.mark.django_db
Role = Membership.Role
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def engineer(client):
    user = MembershipFactory(role=Role.ENGINEER).user
    client.force_login(user)
    return client


def page(client, run):
    response = client.get(reverse("training:run", args=[run.pk]))
    assert response.status_code == 200
    return response.content.decode()


def text_of(html):
    return " ".join(html.split())


ADDRESSES = ("training:runs", "training:run", "training:metrics")


def statuses(client, run):
    return [
        client.get(reverse(name, args=[] if name == "training:runs" else [run.pk])).status_code for name in ADDRESSES
    ]


@pytest.mark.parametrize(
    ("role", "status"), [(Role.ANNOTATOR, 404), (Role.REVIEWER, 404), (Role.ENGINEER, 200), (Role.ADMIN, 200)]
)
def test_runs_are_for_engineers_and_admins_of_any_project(client, role, status):
    run = run_rows.done()
    client.force_login(MembershipFactory(role=role).user)
    assert statuses(client, run) == [status] * 3
    assert (reverse("training:runs") in client.get("/").content.decode()) == (status == 200)


def test_staff_and_those_who_were_given_the_right_see_runs_too(client):
    run = run_rows.done()
    client.force_login(UserFactory(is_staff=True))
    assert statuses(client, run) == [200] * 3
    allowed = UserFactory()
    allowed.user_permissions.add(Permission.objects.get(codename="view_run"))
    client.force_login(allowed)
    assert statuses(client, run) == [200] * 3
    client.force_login(UserFactory(is_staff=True, is_active=False))
    assert statuses(client, run) == [302] * 3


def test_strangers_are_asked_to_sign_in(client):
    assert statuses(client, run_rows.done()) == [302] * 3


def test_what_is_not_there_is_404(engineer):
    assert engineer.get("/training/runs/7/").status_code == 404
    assert engineer.get("/training/runs/7/metrics.json").status_code == 404
    assert engineer.get("/training/runs/../../etc/metrics.json").status_code == 404


def test_runs_are_only_looked_at(engineer):
    run = run_rows.done()
    assert [engineer.post(reverse(f"training:{name}", args=[run.pk])).status_code for name in ("run", "metrics")] == [
        405,
        405,
    ]


def test_a_trained_reward_model_reads_like_a_notebook(engineer):
    run = run_rows.done()
    html = text_of(page(engineer, run))
    assert f'<p class="verdict" lang="en">{run.report["headline"]}</p>' in html
    assert (
        "python manage.py train_rm --release aaaaaaaaaaaa --base tiny --seed 17 --set ties=davidson epochs=2.0"
        in html
    )
    for warning in run.report["warnings"]:
        assert warning.replace("'", "&#x27;") in html
    accuracy = run.report["held_out"]["accuracy"]
    assert f"{100 * accuracy['value']:.1f} %" in html
    assert f"{100 * accuracy['low']:.1f} % to {100 * accuracy['high']:.1f} %" in html
    for words in (
        "always the longer answer",
        "people with each other",
        "By strength of the preference",
        "By annotator",
        "By source",
        "annotator-1",
        "shop-g0 | shop-g1",
        "Expected calibration error",
        "token ceiling",
        "tokens per second",
        "4,100",
        "peak memory mb",
        "d" * 64,
        "b" * 64,
        "(0.1.0)",
    ):
        assert words in html, words
    assert "It has not taken a step" not in html


def test_shares_are_rounded_as_the_headline_rounds_them(engineer):
    accuracy = {"value": 0.64953, "low": 0.5, "high": 0.99999, "n_pairs": 9, "n_prompts": 3}
    html = page(engineer, run_rows.done(report={"held_out": {"accuracy": accuracy}}))
    assert "65.0 %" in html
    assert "50.0 % to 100.0 %" in html


def test_the_command_is_one_that_the_command_line_takes(engineer):
    from training.management.train import assignments
    from training.ml import knobs
    from training.views import repeat

    run = run_rows.done()
    words = repeat.command(run, base=None, processes=1).split()
    given = words[words.index("--set") + 1 :]
    assert knobs.as_json(knobs.parse("rm", assignments(given))) == run.config["knobs"]


def test_files_that_were_read_are_named_and_belong_to_the_command(engineer):
    files = [{"role": "data", "path": "more.jsonl", "hash": "e" * 64}, {"role": "mix"}, 3]
    run = run_rows.running(kind="sft", release_hash="", config={"knobs": {}, "files": files})
    html = text_of(page(engineer, run))
    assert "train_sft --data more.jsonl --base tiny --seed 17" in html
    assert f'<dt>data</dt><dd class="mono">more.jsonl<br><span class="quiet">{"e" * 64}</span></dd>' in html


def test_a_base_and_what_was_trained_from_it_know_each_other(engineer):
    base = run_rows.done("rm-first")
    first = base.artifacts.get()
    run = run_rows.done("rm-second", base=first.path)
    Artifact.objects.filter(run=run).update(parent=first)
    assert f'<a class="mono" href="{reverse("training:run", args=[base.pk])}">{first.name}</a>' in page(engineer, run)
    assert f"--base {first.name} --seed 17" in page(engineer, run)
    assert f"rm from {first.name}, begun" in engineer.get(reverse("training:runs")).content.decode()
    assert reverse("training:run", args=[run.pk]) in page(engineer, base)


def test_release_and_generations_are_linked_for_those_who_may_open_them(client):
    project, other = ProjectFactory(), ProjectFactory()
    made = generation(project)
    run = made.reward_model.run
    run.release_hash = run_rows.RELEASE
    run.save()
    release = project.releases.create(hash=run_rows.RELEASE, name="kettle-aaaa", path="x")
    links = [
        reverse("annotation:release", args=[project.slug, release.name]),
        reverse("flywheel:generation", args=[project.slug, made.number]),
    ]
    client.force_login(MembershipFactory(project=project, role=Role.ENGINEER).user)
    assert all(link in page(client, run) for link in links)
    client.force_login(MembershipFactory(project=other, role=Role.ADMIN).user)
    assert not any(link in page(client, run) for link in links)
    assert release.name not in page(client, run)


def test_a_fine_tuning_shows_its_losses(engineer):
    report = {"headline": "Loss went down.", "held_out": {"loss_before": 3.2104, "loss_after": 1.5, "n": 12}}
    html = text_of(page(engineer, run_rows.done("sft-1", kind="sft", report=report)))
    assert "<dt>loss before</dt><dd>3.21</dd>" in html
    assert "<dt>n</dt><dd>12</dd>" in html
    assert "Parts of the pairs" not in html
    assert "Calibration" not in html


def test_what_a_later_version_reports_is_shown_by_its_names(engineer):
    held_out = {
        "accuracy": {"value": 0.7, "low": 0.6, "high": 0.8, "n_pairs": 9, "n_prompts": 3},
        "heads": {"clarity": {"value": 0.712, "low": 0.6, "high": 0.8, "n_pairs": 31, "n_prompts": 9}},
        "later": {"one": {"two": 0.25}},
        "ensemble": {
            "members": [{"value": 0.5, "low": 0.4, "high": 0.6, "n_pairs": 31, "n_prompts": 9}] * 2,
            "spread": 0.125,
            "conservative": {"kind": "lowest", "value": None, "n_pairs": 0},
        },
    }
    report = {"held_out": held_out, "forgetting": {"before": 2.0, "after": 2.25}, "note": "kept"}
    html = text_of(page(engineer, run_rows.done(report=report)))
    assert "By the criterion of each head" in html
    assert '<th scope="row">clarity</th> <td class="num">71.2 %</td>' in html
    assert "<dt>later one two</dt><dd>0.25</dd>" in html
    assert "<dt>ensemble members 2</dt><dd>50.0 % (40.0 % to 60.0 %) on 31 pairs of 9 prompts</dd>" in html
    assert "<dt>ensemble conservative</dt><dd>–</dd>" in html
    assert "<dt>ensemble conservative kind</dt><dd>lowest</dd>" in html
    assert "<h3>forgetting</h3>" in html
    assert "<dt>after</dt><dd>2.25</dd>" in html
    assert "<dt>note</dt><dd>kept</dd>" in html


@pytest.mark.parametrize(
    "report",
    [
        {"held_out": "none", "warnings": "none", "base": 3, "versions": []},
        {"held_out": {"accuracy": 0.7, "baselines": [1], "slices": {"tags": [], "strength": {"parts": "x"}}}},
        {"held_out": {"calibration": {"bins": [1, {"low": "a"}, {"low": 0.5, "high": 1, "n": "x"}]}}},
        {"held_out": {"accuracy": {"value": None, "low": None, "high": None, "n_pairs": 0, "n_prompts": 0}}},
        {"resolved": None, "data": [1, [2, {"a": 3}]], "train": {}},
    ],
)
def test_a_report_that_is_not_as_expected_is_shown_as_far_as_it_goes(engineer, report):
    page(engineer, run_rows.done(report=report))


def test_a_run_that_is_under_way_says_how_far_it_is(engineer):
    run = run_rows.running(steps=12)
    html = text_of(page(engineer, run))
    assert "Step 12 of 60." in html
    assert f'data-curves="{reverse("training:metrics", args=[run.pk])}"' in html
    assert '<th scope="row" class="num">12</th>' in html
    assert "data-ended" not in html


def test_a_run_that_has_not_begun_or_whose_directory_is_gone_is_shown_too(engineer):
    queued = run_rows.running(steps=0, state=Run.State.QUEUED)
    assert "It has not taken a step yet." in page(engineer, queued)
    Run.objects.filter(pk=queued.pk).update(directory="/nowhere/at/all")
    assert "It has not taken a step yet." in page(engineer, queued)


def test_a_run_that_was_stopped_says_how_it_goes_on(engineer):
    html = text_of(page(engineer, run_rows.running(state=Run.State.STOPPED)))
    assert "It was stopped; the same command goes on from its last checkpoint." in html
    assert "goes on from its last checkpoint" not in text_of(page(engineer, run_rows.running("ppo-2")))


@pytest.mark.parametrize("kind", [*Run.Kind.values, "later"])
def test_every_kind_has_a_page(engineer, kind):
    run = run_rows.running(kind=kind, config={})
    assert run.name in page(engineer, run)


def test_a_failed_run_says_why(engineer):
    run = run_rows.running(state=Run.State.FAILED, error="the loss stopped being a number at step 3")
    html = page(engineer, run)
    assert "It could not be trained." in html
    assert "the loss stopped being a number at step 3" in html


def test_hostile_text_stays_text(engineer):
    report = {"headline": HOSTILE, "warnings": [HOSTILE], HOSTILE: {HOSTILE: HOSTILE}, "held_out": {HOSTILE: HOSTILE}}
    run = run_rows.done(report=report, base=HOSTILE, error=HOSTILE, config={"knobs": {HOSTILE: HOSTILE}})
    report["held_out"] |= {"slices": {HOSTILE: {"parts": [{"name": HOSTILE, "value": 1.0}]}}}
    report["held_out"] |= {"baselines": {HOSTILE: {"value": 1.0}}}
    Run.objects.filter(pk=run.pk).update(report=report)
    assert HOSTILE not in page(engineer, run)
    assert HOSTILE not in engineer.get(reverse("training:runs")).content.decode()


def test_the_page_allows_images_of_its_own_making_and_nothing_else_from_elsewhere(engineer):
    policy = engineer.get(reverse("training:run", args=[run_rows.done().pk]))["Content-Security-Policy"]
    allowed = dict(part.strip().split(" ", 1) for part in policy.split(";") if part.strip())
    assert allowed["img-src"] == "'self' blob:"
    assert allowed["script-src"] == allowed["style-src"] == allowed["connect-src"] == "'self'"


@pytest.mark.parametrize("children", [1, 5])
def test_the_number_of_queries_does_not_grow(engineer, django_assert_num_queries, children):
    run = run_rows.done()
    parent = run.artifacts.get()
    for number in range(children):
        made = run_rows.done(f"rm-{number}", report={})
        Artifact.objects.filter(run=made).update(parent=parent)
    engineer.get(reverse("training:run", args=[run.pk]))
    with django_assert_num_queries(13):
        engineer.get(reverse("training:run", args=[run.pk]))


def metrics(client, run, **query):
    response = client.get(reverse("training:metrics", args=[run.pk]), query)
    assert response.status_code == 200
    return response.json()


def test_an_open_page_asks_for_what_is_new(engineer):
    run = run_rows.running(steps=30)
    first = metrics(engineer, run)
    assert (first["state"], first["ended"], len(first["points"])) == ("running", False, 30)
    assert metrics(engineer, run, after=30)["points"] == []
    run_rows.measure(RunDirectory(Path(run.directory)), steps=range(31, 34))
    news = metrics(engineer, run, after=30)["points"]
    assert [point["step"] for point in news] == [31, 32, 33]
    assert set(news[0]) == {"step", "steps", "loss", "learning_rate", "tokens"}
    Run.objects.update(state=Run.State.DONE)
    assert metrics(engineer, run, after=33) == {"state": "done", "ended": True, "points": []}


def test_where_the_directory_is_not_the_report_has_kept_the_curve(engineer):
    curve = [{"step": 1, "loss": 0.7}, {"step": 40, "loss": 0.42}, "odd", {"loss": 1}]
    run = run_rows.done(report={"curve": curve})
    assert len(metrics(engineer, run)["points"]) == run_rows.STEPS
    Run.objects.update(directory="/nowhere/at/all")
    assert metrics(engineer, run)["points"] == curve[:2]
    assert metrics(engineer, run, after=1)["points"] == curve[1:2]
    html = text_of(page(engineer, run))
    assert '<th scope="row" class="num">40</th><td class="num">0.42</td>' in html
    assert "<h3>curve</h3>" not in html
    Run.objects.update(report={"curve": "none"})
    assert metrics(engineer, run)["points"] == []


@pytest.mark.parametrize("after", ["", "x", "../../etc/passwd", "9" * 5000, "-7", "1e3"])
def test_an_odd_question_gets_all_points(engineer, after):
    assert len(metrics(engineer, run_rows.running(steps=5), after=after)["points"]) == 5


def test_metrics_of_a_run_are_asked_for_with_few_queries(engineer, django_assert_num_queries):
    run = run_rows.running()
    metrics(engineer, run)
    with django_assert_num_queries(6):
        metrics(engineer, run)


def test_the_list_has_pages_of_fifty_and_filters_by_address(engineer, django_assert_num_queries):
    for number in range(52):
        Run.objects.create(
            name=f"run-{number:02}",
            kind="sft" if number else "rm",
            state=Run.State.FAILED if number % 2 else Run.State.DONE,
            base="tiny",
            seed=1,
            report={"headline": f"Headline {number}."},
        )
    address = reverse("training:runs")
    with django_assert_num_queries(9):
        html = engineer.get(address).content.decode()
    assert html.count('<li class="card">') == 50
    assert "Headline 51." in html
    assert "run-00" in engineer.get(address, {"page": 2}).content.decode()
    assert "run-00" in engineer.get(address, {"kind": "rm"}).content.decode()
    failed = engineer.get(address, {"state": "failed"}).content.decode()
    assert failed.count('<li class="card">') == 26
    assert "There is no such run." in engineer.get(address, {"kind": "ppo"}).content.decode()
    assert engineer.get(address, {"kind": HOSTILE, "page": "x"}).content.decode().count('<li class="card">') == 50


def test_an_empty_list_says_how_to_begin(engineer):
    assert "Nothing has been trained yet." in engineer.get(reverse("training:runs")).content.decode()
