"""The page of a run that learns from rewards: what it gained, how far it went, and what it answers."""

import pytest
from django.urls import reverse

from annotation.models import Membership
from tests.factories import MembershipFactory
from tests.training import run_rows
from training.models import Run

pytestmark = pytest.mark.django_db
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def engineer(client):
    client.force_login(MembershipFactory(role=Membership.Role.ENGINEER).user)
    return client


def page(client, run):
    response = client.get(reverse("training:run", args=[run.pk]))
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def test_what_was_gained_stands_beside_the_base_and_the_end(engineer):
    html = page(engineer, run_rows.learned())
    assert "Kept, of step 30" in html
    assert "At the end, step 60" in html
    values = "".join(f'<td class="num">{value}</td>' for value in ("0.0", "0.6", "-0.3"))
    assert f'<th scope="row">held-out reward</th>{values}' in html
    assert "Means over the answers to 64 prompts that nothing was learned from" in html
    assert "Gain in held-out reward, prompt by prompt: 0.123 (0.5 to 0.7, 95 %, n = 64)" in html
    assert "<h3>held out</h3>" not in html
    assert "start score" not in html


def test_prompts_that_chose_are_told_apart_where_there_are_any(engineer):
    report = run_rows.learned().report
    said = "32 prompts chose which policy is kept; scores and gains are of the others, which had no say."
    assert said in page(engineer, run_rows.learned("ppo-halves", report=report | {"data": {"choosing_prompts": 32}}))
    single = run_rows.learned("ppo-single", report=report | {"data": {"choosing_prompts": 0}})
    assert "which policy is kept" not in page(engineer, single)


def best_of_n():
    points = [
        {"best_of": k, "kl": kl, "sqrt_kl": kl**0.5, "n": 30, "score": 0.1 * k, "score_interval": [0.05 * k, 0.2 * k]}
        for k, kl in ((1, 0.0), (2, 0.19), (4, 0.64))
    ]
    gain = {"score": {"value": 0.3, "low": 0.2, "high": 0.4, "n": 30}, "gold": None, "reward": None}
    report = {"held_out": {"single": points[0], "best": points[-1], "gain": gain}, "curve": points}
    return run_rows.learned("best-1", kind="best_of_n", report=report | {"headline": "Best of 4."})


def test_the_best_of_n_stands_beside_a_single_answer(engineer):
    html = page(engineer, best_of_n())
    assert "A single answer" in html
    assert '<th scope="col" class="num">Best of 4</th>' in html
    assert '<th scope="row">interval of the score (95 %)</th><td class="num">0.05 to 0.2</td>' in html
    assert '<th scope="row" class="num">2</th><td class="num">0.4359</td>' in html
    assert "ver-optimisation" not in html


def test_where_over_optimisation_begins_is_said_over_the_table(engineer):
    html = page(engineer, run_rows.learned())
    assert "Over-optimisation begins at step 40, √KL = 1.59" in html
    assert '<th scope="row" class="num">40</th><td class="num">1.591</td><td class="num">0.8</td>' in html
    assert "over optimisation" not in html


def test_what_the_guards_said_and_what_ended_the_run_is_told(engineer):
    html = page(engineer, run_rows.learned())
    assert 'Step 60: <span lang="en">the score has run away</span> <strong>It ended the run.</strong>' in html


def test_answers_before_and_after_stand_side_by_side(engineer):
    html = page(engineer, run_rows.learned())
    assert "<dt>The base, score -0.5</dt>" in html
    assert "Then press.</dd>" in html
    assert "What it answers at step" not in html


def test_while_it_learns_its_latest_answers_are_shown(engineer):
    html = page(engineer, run_rows.learning(steps=25))
    assert "What it answers at step 20" in html
    assert "Open the lid. (20)</p>" in html
    assert "(10)" not in html
    assert "Step 25 of 60." in html


def test_an_open_page_asks_for_the_latest_answers_until_the_run_has_ended(engineer):
    run = run_rows.learning(steps=25)
    url = reverse("training:answers", args=[run.pk])
    assert f'hx-get="{url}" hx-trigger="every 10s"' in page(engineer, run)
    html = engineer.get(url).content.decode()
    assert f'hx-get="{url}"' in html
    assert "Open the lid. (20)</p>" in html
    assert "<h1>" not in html
    run.state = Run.State.FAILED
    run.save()
    assert "hx-get" not in engineer.get(url).content.decode()


def test_the_latest_answers_are_for_engineers_alone(client, engineer):
    url = reverse("training:answers", args=[run_rows.learning(steps=25).pk])
    engineer.logout()
    assert engineer.get(url).status_code == 302


def test_rewards_lead_to_the_runs_that_made_them_and_back(engineer):
    run = run_rows.learned()
    judge = run.rewards.get().artifact
    html = page(engineer, run)
    assert f'href="{reverse("training:run", args=[judge.run_id])}">{judge.name}</a>' in html
    assert 'shop:brevity</span> <span class="quiet">× -0.1</span>' in html
    assert '/elsewhere/gold</span> <span class="badge">held out</span>' in html
    assert f'href="{reverse("training:run", args=[run.pk])}">{run.name}</a>' in page(engineer, judge.run)


def test_the_command_names_rewards_and_prompts(engineer):
    run = run_rows.learned()
    judge = run.rewards.get().artifact
    html = page(engineer, run)
    assert f"python manage.py train_ppo --prompts {run.directory}/prompts.jsonl --reward {judge.path}" in html
    assert "shop:brevity=-0.1 --held-out-reward /elsewhere/gold --base /models/shop --seed 17" in html


def test_curves_by_which_it_is_judged_come_first(engineer):
    html = page(engineer, run_rows.learning())
    assert 'data-first="reward score kl entropy length clip_share held_out_score held_out_gold' in html
    assert 'data-first=""' in page(engineer, run_rows.running())
    points = engineer.get(reverse("training:metrics", args=[Run.objects.get(kind="ppo").pk])).json()["points"]
    assert points[10]["held_out_gold"] == pytest.approx(0.2)
    assert points[10]["reward"] == pytest.approx(0.1)


def test_hostile_answers_stay_text(engineer):
    running = run_rows.learning(text=HOSTILE)
    done = run_rows.learned(f"ppo-{HOSTILE.strip('<>/')[:9]}")
    odd = {"sentence": HOSTILE, "step": 1}
    sample = {"prompt": [{"content": HOSTILE}], "before": HOSTILE, "after": HOSTILE}
    report = done.report | {"alarms": [odd], "samples": [sample]}
    report["held_out"]["start"][HOSTILE] = report["held_out"]["best"][HOSTILE] = 1.0
    Run.objects.filter(pk=done.pk).update(report=report)
    assert HOSTILE not in page(engineer, running)
    assert HOSTILE not in page(engineer, done)


@pytest.mark.parametrize(
    "changes",
    [
        {
            "held_out": {
                "single": {"n": 1},
                "best": {"best_of": "x"},
                "gain": {"score": {"value": 1, "low": [1, "a"]}},
            }
        },
        {"held_out": {"start": 1, "best": {}, "end": None, "gain": "much"}},
        {
            "held_out": {
                "start": {"score": "high"},
                "best": {"score": True},
                "end": {"later": 0.5},
                "gain": {"score": {}},
            }
        },
        {"curve": [{"step": 1}, 3, {"step": 2, "kl": "far", "score": 1.0}, {"step": 3, "kl": -0.5, "score": 1.0}]},
        {"over_optimisation": {"over_optimised": {"step": "x"}}, "alarms": [1, {"step": None}], "samples": ["a", {}]},
        {"over_optimisation": None, "alarms": None, "samples": {}, "curve": None},
    ],
)
def test_a_report_that_is_not_as_expected_is_shown_as_far_as_it_goes(engineer, changes):
    run = run_rows.learned()
    Run.objects.update(report=run.report | changes)
    page(engineer, run)


@pytest.mark.parametrize("config", [{"rewards": 3}, {"rewards": [1, {"source": "a"}]}, {"rewards": [], "knobs": {}}])
def test_a_configuration_that_is_not_as_expected_too(engineer, config):
    run = run_rows.learning()
    Run.objects.filter(pk=run.pk).update(config=config)
    page(engineer, run)


def test_the_number_of_queries_does_not_grow_with_rewarded_runs(engineer, django_assert_num_queries):
    judge = run_rows.learned("ppo-0").rewards.get()
    page(engineer, judge.artifact.run)
    for number in range(1, 4):
        run = run_rows.learned(f"ppo-{number}")
        run.rewards.create(artifact=judge.artifact, weight=2.0)
    with django_assert_num_queries(14):
        page(engineer, judge.artifact.run)
