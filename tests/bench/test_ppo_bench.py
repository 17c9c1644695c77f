"""The benchmarks of PPO: sides start from the same, random answers survive as text, tables say what was measured."""

import json
from pathlib import Path

import pytest

from tests.bench import bench_gain, bench_ppo, learner_ours, policies
from tests.bench.learners import PHASES, Found, Training
from tests.bench.policies import Model, Start

pytestmark = pytest.mark.filterwarnings("ignore:.*gradient_checkpointing:FutureWarning")  # asked by PEFT
SMALLEST = Model(name="smallest", layers=2, width=32, vocabulary=64)
OURS = [name for name, asked in bench_ppo.sides(SMALLEST).items() if asked["side"] == "ours"]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    return policies.made(tmp_path, SMALLEST, prompt=8, answer=6, prompts=24, seed=3)


def training(start: Start, side: str = "separate", **asked: object) -> Training:
    return Training(
        policy=start.policy,
        reward=start.reward,
        prompts=start.prompts,
        directory=start.policy.parent,
        prompt=8,
        answer=6,
        steps=3,
        together=8,
        batch=4,
        epochs=2,
        **bench_ppo.sides(SMALLEST)[side],
        **asked,
    )


def found(*, seconds: float = 2.0, cpu: float = 1.0, megabytes: float = 600.0) -> Found:
    phases = {"generation": 0.5 * seconds, "scoring": 0.2 * seconds, "update": 0.3 * seconds}
    return Found(
        answers=128,
        seconds=seconds,
        cpu=cpu,
        phases=phases,
        megabytes=megabytes,
        floor=400.0,
        tokens=63.5,
        history=[],
    )


@pytest.mark.training
@pytest.mark.parametrize("side", OURS)
def test_each_side_of_ours_is_timed_from_its_second_step_on(start: Start, side: str) -> None:
    one = learner_ours.measured(training(start, side))
    assert one.answers == 2 * 8
    assert one.seconds > 0
    assert one.cpu > 0
    assert all(one.phases[name] > 0 for name in PHASES)
    assert one.megabytes >= one.floor > 0
    assert 1 <= one.tokens <= 6


@pytest.mark.training
def test_a_policy_that_was_trained_elsewhere_is_measured_as_ours_is(start: Start, tmp_path: Path) -> None:
    """At the start: the course's first measurement, by the base read anew."""
    asked = training(start, measured=8, rate=0.0)
    ours = learner_ours.measured(asked).history
    measurer = learner_ours.Measurer(asked)
    policy = learner_ours.bases.load_causal(measurer.setting.base, machine=measurer.setting.machine)
    assert measurer.of(policy, step=0) == pytest.approx(ours[0], abs=1e-5)
    assert [line["score"] for line in ours[1:]] == pytest.approx([ours[0]["score"]] * (len(ours) - 1))


def test_prompts_are_read_as_the_tokens_that_were_drawn(start: Start) -> None:
    prompts = learner_ours.prompts_of(training(start))
    assert [prompt.ids for prompt in prompts.test] == start.ids[: policies.TEST]
    assert [prompt.ids for prompt in prompts.train] == start.ids[policies.TEST :]


def test_an_answer_of_random_tokens_is_read_as_itself_from_its_text() -> None:
    words = policies.tokenizer(SMALLEST)
    drawn = [7, 63, 4, 4, 12]
    assert words(words.decode(drawn), add_special_tokens=False)["input_ids"] == drawn


def test_the_policy_and_the_reward_model_are_no_copies_of_each_other(start: Start) -> None:
    kinds = [json.loads((path / "config.json").read_text())["architectures"] for path in (start.policy, start.reward)]
    assert kinds == [["LlamaForCausalLM"], ["LlamaForSequenceClassification"]]


def test_without_the_last_trl_that_has_ppo_one_is_told_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"pip install --no-deps --target .* trl==1\.12\.0"):
        bench_ppo.main(["--trl", str(tmp_path / "none")])


def test_a_row_tells_rates_ratios_memory_and_phases() -> None:
    mine, peer = found(seconds=1.0, cpu=0.5, megabytes=500.0), found()
    assert bench_ppo.cells([mine], [peer]) == [
        *("128.00", "256.00", "2.00", "2.00", "500", "100", "0.83", "0.50"),
        *("50%", "20%", "30%", "63.5", "1"),
    ]


def test_the_side_that_others_are_compared_with_is_compared_with_nothing() -> None:
    assert bench_ppo.cells([found()], [])[2:4] == ["–", "–"]


def test_what_was_measured_is_not_measured_again(tmp_path: Path) -> None:
    of = {"model": "tiny", "side": "shared", "seed": 0}
    first = bench_ppo.Kept(tmp_path / "kept.json").get(of, measure=found)
    again = bench_ppo.Kept(tmp_path / "kept.json")
    assert again.get(of, measure=lambda: pytest.fail("measured again")) == first
    assert again.get(of | {"seed": 1}, measure=lambda: found(cpu=9.0)).cpu == 9.0


WAY = [
    {"step": 0, "score": 0.0, "kl": 0.0},
    {"step": 1, "score": 1.0, "kl": 2.0},
    {"step": 2, "score": 1.5, "kl": 5.0},
    {"step": 3, "score": 0.5, "kl": 1.0},
]


def test_the_best_policy_within_a_budget_may_be_any_on_the_way() -> None:
    assert [bench_gain.best_within(WAY, kl) for kl in (0.5, 1.0, 2.0, 5.0)] == [0.0, 0.5, 1.0, 1.5]


def test_the_base_is_within_any_budget_whatever_rounding_says_of_its_distance() -> None:
    assert bench_gain.best_within([{"step": 0, "score": 0.3, "kl": 1e-6}], 0.0) == 0.3


def test_an_interval_over_seeds_is_students() -> None:
    assert bench_gain.interval([1.0, 2.0, 3.0]) == "2.000 (-0.483 to 4.483)"
    assert bench_gain.interval([1.0]) == "1.000"


def test_sides_are_told_by_their_last_policies_and_by_budgets_of_kl() -> None:
    ways = {"TRL": [WAY[:2], WAY[:2]], "ours": [WAY[:3], WAY[:3]]}
    cells = bench_gain.ends(ways, rates={"TRL": 1e-3, "ours": 3e-4}, beta=0.1)[1]
    assert [cell.split(" ")[0] for cell in cells] == [
        "ours",
        "0.0003",
        "0.000",
        "1.500",
        "5.000",
        "1.000",
        "0.200",
        "2",
    ]
    rows = [[cell.split(" ")[0] for cell in row] for row in bench_gain.frontier(ways)]
    assert rows[:2] == [["1", "0.000", "0.000", "0.000"], ["2", "1.000", "1.000", "0.000"]]
