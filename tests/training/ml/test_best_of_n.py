"""Best-of-n: its estimator against all subsets, its distance against an exact one, and runs on the tiny policy."""

import dataclasses
import itertools
import json
import math
import random
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.training.ml import builders
from training.ml import best_of_n, knobs
from training.ml.best_of_n import Answers
from training.ml.reporting import means
from training.ml.rl.judges import Verdict
from training.ml.rl.rollouts import Prompt, Rollout
from training.ml.run.rundir import RewardReference, RunDirectory, read_lines

trains = pytest.mark.training
PROMPT = Prompt(id="p", messages=[], ids=[1])
SHORT = {"n": "4", "max_new_tokens": "12", "batch_size": "16"}


def vowels(prompts: list[list[dict[str, str]]], completions: list[str]) -> list[float]:
    return [float(sum(letter in "aeiou" for letter in text)) for text in completions]


def commas(prompts: list[list[dict[str, str]]], completions: list[str]) -> list[float]:
    return [float(text.count(",")) for text in completions]


def function(name: str, *, weight: float = 1.0, held_out: bool = False) -> RewardReference:
    return RewardReference(source=f"{__name__}:{name}", weight=weight, hash="", held_out=held_out)


def answers_of(rewards: list[float], golds: list[float] | None = None) -> Answers:
    return Answers(
        rollouts=[
            Rollout(prompt=PROMPT, answer=[5] * (place + 1), text="", ended=True) for place in range(len(rewards))
        ],
        verdicts=[Verdict(reward=reward, score=2 * reward, spread=0.0, parts={}) for reward in rewards],
        golds=golds,
    )


@pytest.mark.parametrize("k", [1, 2, 3, 5, 6])
@pytest.mark.parametrize("ties", [False, True])
def test_the_expected_best_of_k_is_the_mean_over_all_ways_to_draw_k(k: int, ties: bool) -> None:
    draw = random.Random(k)
    rewards = [float(draw.randrange(3)) if ties else draw.random() for _ in range(6)]
    golds = [draw.random() for _ in range(6)]
    found = best_of_n.expected(answers_of(rewards, golds), k=k)
    bests = [max(some, key=lambda place: (rewards[place], -place)) for some in itertools.combinations(range(6), k)]
    assert found["reward"] == pytest.approx(statistics.fmean(rewards[place] for place in bests))
    assert found["gold"] == pytest.approx(statistics.fmean(golds[place] for place in bests))
    assert found["score"] == pytest.approx(2 * found["reward"])
    assert found["length"] == pytest.approx(statistics.fmean(place + 1 for place in bests))


def test_the_share_of_each_answer_by_hand() -> None:
    """Of six pairs of four answers the second worst is the best of one, the third of two, the best of three."""
    assert best_of_n.shares(4, 2) == pytest.approx((0, 1 / 6, 2 / 6, 3 / 6))
    assert math.fsum(best_of_n.shares(1024, 512)) == pytest.approx(1)


@pytest.mark.parametrize("k", [1, 2, 4, 16])
def test_the_distance_bounds_the_exact_one_and_nears_it_where_answers_are_many(k: int) -> None:
    """Of m equally likely answers the i-th by reward is the best of k with (i/m)^k - ((i-1)/m)^k."""

    def exact(m: int) -> float:
        chances = [(i / m) ** k - ((i - 1) / m) ** k for i in range(1, m + 1)]
        return math.fsum(p * math.log(p * m) for p in chances if p)

    assert exact(10) <= best_of_n.kl(k) + 1e-12
    assert exact(20_000) == pytest.approx(best_of_n.kl(k), abs=1e-3)


def test_the_curve_has_powers_of_two_and_n_itself() -> None:
    assert list(best_of_n.sizes(12)) == [1, 2, 4, 8, 12]
    assert list(best_of_n.sizes(16)) == [1, 2, 4, 8, 16]
    assert list(best_of_n.sizes(1)) == [1]


def test_of_equals_the_one_drawn_first_is_the_best() -> None:
    found = answers_of([0.0, 1.0, 1.0])
    assert found.best(3) == 1
    assert found.ranked()[-1] == 1


def test_the_interval_of_a_mean_is_that_of_its_standard_error() -> None:
    draw = random.Random(1)
    values = [draw.gauss(3, 2) for _ in range(400)]
    low, high = means.interval(values, seed=1)
    error = statistics.stdev(values) / 20
    assert low == pytest.approx(statistics.fmean(values) - 1.96 * error, abs=0.15 * error)
    assert high == pytest.approx(statistics.fmean(values) + 1.96 * error, abs=0.15 * error)


@pytest.fixture
def made(tmp_path: Path, policy: RunDirectory) -> Callable[..., RunDirectory]:
    """A run of kind best_of_n on the tiny policy, with twelve prompts of the test split."""

    def make(name: str, *rewards: RewardReference, **values: str) -> RunDirectory:
        run = builders.make_run(
            tmp_path / name, "best_of_n", reference=None, base=str(policy.model), values=SHORT | values
        )
        run.write_config(dataclasses.replace(run.read_config(), rewards=rewards))
        asked = [{"role": "user", "content": f"Question {number}?"} for number in range(14)]
        lines = [
            {"id": f"p{number:02}", "messages": [message], "split": "train" if number < 2 else "test"}
            for number, message in enumerate(asked)
        ]
        run.prompts.write_text("".join(json.dumps(line) + "\n" for line in lines))
        return run

    return make


@trains
def test_the_best_is_better_than_a_single_answer_and_the_report_tells_by_how_much(
    made: Callable[..., RunDirectory],
) -> None:
    run = made("run", function("vowels"), function("commas", held_out=True), n="8")
    report = builders.train(run)
    points = report["curve"]
    assert [point["best_of"] for point in points] == [1, 2, 4, 8]
    assert [point["reward"] for point in points] == sorted(point["reward"] for point in points)
    assert points[-1]["reward"] > points[0]["reward"] + 1
    assert points[-1]["kl"] == pytest.approx(math.log(8) - 7 / 8)
    assert all(point["score_interval"][0] <= point["score"] <= point["score_interval"][1] for point in points)
    gain = report["held_out"]["gain"]["score"]
    assert 0 < gain["low"] < gain["value"] < gain["high"]
    assert gain["value"] == pytest.approx(points[-1]["score"] - points[0]["score"])
    assert report["held_out"]["gain"]["gold"]["n"] == 12
    assert report["headline"].startswith(("Best of 8", "Not shown"))


@trains
def test_what_is_kept_is_the_best_of_what_was_drawn(made: Callable[..., RunDirectory]) -> None:
    run = made("run", function("vowels"), missing_eos="off")
    report = builders.train(run)
    drawn = list(read_lines(run.path / "answers.jsonl"))
    assert len(drawn) == 4 * 12
    best = list(read_lines(run.responses))
    assert [line["id"] for line in best] == [f"p{number:02}" for number in range(2, 14)]
    assert [line["sampling"]["score"] for line in best] == vowels([], [line["text"] for line in best])
    assert statistics.fmean(line["sampling"]["score"] for line in best) == pytest.approx(report["curve"][-1]["score"])
    assert report["held_out"]["gain"]["gold"] is None
    assert any("no reward was held out" in warning for warning in report["warnings"])


@trains
def test_a_run_that_was_killed_goes_on_with_the_answers_that_are_missing(made: Callable[..., RunDirectory]) -> None:
    whole, cut = (made(f"{name}/run", function("vowels"), top_p="0.9") for name in ("whole", "cut"))
    builders.train(whole)
    lines = (whole.path / "answers.jsonl").read_bytes().splitlines(keepends=True)
    (cut.path / "answers.jsonl").write_bytes(b"".join(lines[:17]) + lines[17][:9])
    builders.train(cut)
    assert cut.responses.read_bytes() == whole.responses.read_bytes()
    assert cut.report.read_bytes() == whole.report.read_bytes()
    assert sorted((cut.path / "answers.jsonl").read_bytes().splitlines(keepends=True)) == sorted(lines)


@trains
def test_a_trained_reward_model_chooses_and_the_scores_of_the_base_are_its_scale(
    made: Callable[..., RunDirectory], reward_model: RunDirectory
) -> None:
    reference = RewardReference(source=str(reward_model.model), weight=1.0, hash="")
    run = made("run", reference, normalise="true", missing_eos="off", prompts_at_most="5")
    report = builders.train(run)
    single = report["held_out"]["single"]
    assert single["n"] == 5
    assert single["reward"] == pytest.approx(0, abs=1e-6), "normalised by the very answers that it is the mean of"
    assert single["score"] != pytest.approx(0, abs=1e-3)
    assert report["held_out"]["best"]["reward"] > 0


@trains
def test_answers_that_did_not_end_cost_and_are_told_of(made: Callable[..., RunDirectory]) -> None:
    report = builders.train(made("run", function("vowels"), max_new_tokens="2", missing_eos="score"))
    assert report["curve"][0]["ended"] < 1
    assert report["curve"][0]["reward"] < 0
    assert any("reached max_new_tokens" in warning for warning in report["warnings"])


def test_the_knobs_are_those_of_sampling_and_of_rewarding() -> None:
    found: Any = knobs.parse("best_of_n", {"n": "1024", "top_p": "0.5"})
    assert (found.n, found.top_p, found.temperature, found.missing_eos) == (1024, 0.5, 0.7, "penalty")
