"""What the report says of a run that learned from rewards, by hand."""

from pathlib import Path
from typing import Any

import pytest

from tests.training.ml import builders
from tests.training.ml.rl import policies
from tests.training.ml.rl.test_course import Policy, gone, opened
from training.ml.rl import report

START = {"step": 0, "ended": 1.0, "score": 1.0, "gold": 0.5, "kl": 0.0, "n": 4}
KEPT = {"step": 6, "ended": 1.0, "score": 2.0, "gold": 0.75, "kl": 3.456, "n": 4}
UP = {"value": 1.0, "low": 0.25, "high": 1.75, "n": 8}
UNSURE = UP | {"low": -0.25}


def test_a_gain_is_the_mean_difference_prompt_by_prompt() -> None:
    found = report.gain([1.0, 2.0, 3.0], [2.0, 4.0, 3.0], seed=1)
    assert found is not None
    assert found["value"] == pytest.approx(1.0)
    assert found["n"] == 3
    assert 0.0 <= found["low"] < 1.0 < found["high"] <= 2.0


def test_an_interval_holds_what_a_normal_one_would() -> None:
    """A hundred differences of mean 1/2 and standard deviation 1/2: 1.96 · 0.05 to either side."""
    found = report.gain([0.0] * 100, [0.0, 1.0] * 50, seed=1)
    assert found is not None
    assert found["low"] == pytest.approx(0.402, abs=0.02)
    assert found["high"] == pytest.approx(0.598, abs=0.02)


def test_the_same_gain_everywhere_has_no_width() -> None:
    found = report.gain([1.0, 5.0], [3.0, 7.0], seed=1)
    assert found == {"value": 2.0, "low": 2.0, "high": 2.0, "n": 2}


def test_without_a_held_out_reward_there_is_no_gain_of_it() -> None:
    assert report.gain(None, None, seed=1) is None


def headline(kept: dict[str, Any] = KEPT, *, golds: dict[str, Any] | None = UP, stopped: bool = False) -> str:
    return report.headline("PPO", START, kept, {"scores": UP, "golds": golds}, stopped=stopped)


def test_the_headline_tells_both_rewards_and_the_distance() -> None:
    assert headline() == (
        "PPO: score 1.000 -> 2.000 (+1.000, +0.250 to +1.750), held-out reward 0.500 -> 0.750 (+1.000, +0.250 to "
        "+1.750), 3.46 nats from the base, on 8 held-out prompts."
    )


def test_the_bad_news_comes_first() -> None:
    assert headline(golds=UNSURE).startswith("Not shown to be better than the base. PPO")
    assert headline(golds=UP | {"n": 5}).startswith("Not shown to be better than the base. PPO")
    assert headline(golds=UP | {"n": 6}).startswith("PPO")
    assert headline(KEPT | {"step": 0}).startswith("No better than the base, which is kept. PPO")
    assert headline(stopped=True).startswith("Stopped by a guard. PPO")


def test_too_few_prompts_to_show_anything_are_told_once(tmp_path: Path) -> None:
    single = UP | {"n": 1}
    assert report.few({"scores": UP, "golds": None}.values()) == []
    said = ["the gain is told by 1 held-out prompt; with fewer than 6 nothing can be shown"]
    assert report.few([single, single, None]) == said
    assert headline(golds=single).endswith("on 1 held-out prompt.")
    found = gone(opened(tmp_path), Policy(), Policy(length=3))
    assert report.warnings(found, KEPT | {"step": 1}, {"scores": single, "golds": single})[0] == said[0]


def test_without_a_held_out_reward_the_score_decides_and_a_warning_says_what_that_is_worth(tmp_path: Path) -> None:
    assert "held-out reward" not in headline(golds=None)
    found = gone(opened(tmp_path), Policy(), Policy(length=3))
    assert report.warnings(found, KEPT | {"step": 1}, {"golds": None})[-1].startswith("no reward was held out")


def test_warnings_tell_the_last_alarm_of_each_kind_and_that_the_last_policy_is_not_kept(tmp_path: Path) -> None:
    path = [Policy(), Policy(length=3, apart=0.1), Policy(length=4, apart=1.0), Policy(length=4, apart=2.0)]
    found = gone(opened(tmp_path, max_kl=0.5, stop_on="", gold=False), *path)
    said = report.warnings(found, {"step": 1, "ended": 1.0}, {"golds": UP})
    assert said == [
        "step 3: the policy is 8.00 nats an answer from the base, over max_kl=0.5",
        "the policy of step 1 is kept, the best within the budget; the last one is not",
    ]


def test_answers_that_do_not_end_are_told(tmp_path: Path) -> None:
    found = gone(opened(tmp_path), Policy(), Policy(length=3))
    said = report.warnings(found, KEPT | {"step": 1, "ended": 0.17}, {"golds": UP})
    assert said == [
        "only 17% of the answers ended within max_new_tokens: raise it, or teach the base to end (train_sft)"
    ]


@pytest.mark.training
def test_a_report_holds_the_curve_the_rewards_and_answers_before_and_after(tmp_path: Path) -> None:
    base = policies.base(tmp_path / "base")
    run = policies.make_run(
        tmp_path / "run", base=base, held_out=["table"], layout="separate", max_steps="4", learning_rate="0.005"
    )
    found = builders.train(run)
    assert [point["step"] for point in found["curve"]] == [0, 1, 2, 3, 4]
    assert not {"scores", "golds"} & set(found["curve"][0])
    assert [(one["weight"], one["held_out"]) for one in found["rewards"]] == [(1.0, False), (1.0, True)]
    assert found["data"] == {
        "prompts": 16,
        "held_out_prompts": 8,
        "choosing_prompts": 4,
        "max_length": 13,
        "truncated": 0,
        "dropped": 0,
    }
    gain = found["held_out"]["gain"]
    best, start = found["held_out"]["best"], found["held_out"]["start"]
    assert gain["score"]["value"] == pytest.approx(best["score"] - start["score"])
    assert gain["gold"]["value"] == pytest.approx(best["gold"] - start["gold"])
    assert len(found["samples"]) == 4
    assert set(found["samples"][0]) == {"prompt", "before", "after", "score_before", "score_after"}
    assert found["resolved"]["layout"] == "separate"
    assert str(tmp_path) not in run.report.read_text().replace(found["repeat"]["command"], "")
