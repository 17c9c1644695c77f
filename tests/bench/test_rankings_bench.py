"""What the benchmark of training compares computes the same; its tables say what was measured."""

import math

import pytest
import torch

from tests.bench import bench_rankings, sides
from tests.bench.rankings import Case, Model, ceiling
from tests.bench.sides import Found, Training

SMALLEST = Model(name="smallest", layers=1, width=32)
CASE = Case(answers=3, prompt=8, answer=4, sigma=0.5, prompts=4, together=2)


@pytest.fixture(scope="module", params=sides.TASKS)
def found(request) -> dict[str, Found]:  # type: ignore[no-untyped-def]
    """Every side at a rate of 0: the mean loss of an epoch is then that of the first weights."""
    return {
        side: sides.measured(
            Training(
                task=request.param,
                side=side,
                model=SMALLEST,
                case=CASE,
                budget=72,
                threads=torch.get_num_threads(),
                seed=7,
                rate=0.0,
            )
        )
        for side in sides.SIDES
    }


@pytest.mark.training
def test_every_side_learns_the_same_from_the_same_comparisons(found):
    losses = {side: one.loss for side, one in found.items()}
    assert losses == pytest.approx(dict.fromkeys(sides.SIDES, losses["TRL"]), rel=1e-4)
    assert {one.comparisons for one in found.values()} == {6}, "of two steps the second"
    assert all(one.seconds > 0 and one.megabytes >= 0 for one in found.values())


@pytest.mark.training
def test_each_step_from_pairs_to_shared_prompts_computes_fewer_tokens(found):
    tokens = [found[side].tokens for side in ("TRL", "grouped", "de-padded", "ours")]
    assert tokens == sorted(tokens, reverse=True)
    assert len(set(tokens)) == 4


def test_the_ceilings_are_those_of_the_token_counts():
    fixed = {case.name: ceiling(case.items(seed=0)) for case in bench_rankings.CASES if case.name.endswith("fixed")}
    assert list(fixed.values()) == pytest.approx([512 / 384, 3072 / 640, 3840 / 512, 13824 / 704])


def test_log_normal_lengths_keep_their_mean():
    case = Case(answers=1, prompt=1, answer=100, sigma=0.5, prompts=4000, together=1)
    lengths = [len(item.answers[0]) for item in case.items(seed=1)]
    assert sum(lengths) / len(lengths) == pytest.approx(100, rel=0.05)
    assert torch.tensor(lengths, dtype=torch.float64).log().std().item() == pytest.approx(0.5, rel=0.1)


@pytest.mark.parametrize(("budget", "pairs"), [(4096, 8), (1000, 1), (10**6, 24), (512 * 7, 6)])
def test_a_pass_of_pairs_keeps_to_the_budget_and_divides_the_step(budget, pairs):
    case = Case(answers=4, prompt=128, answer=128, prompts=4, together=4)
    assert case.pairs_a_pass(budget=budget) == pairs


def test_ratios_are_of_measurements_made_in_turn():
    def one(seconds: float, tokens: int) -> Found:
        return Found(
            comparisons=6, seconds=seconds, cpu=seconds, megabytes=10.4, tokens=tokens, steps=1, loss=math.log(2)
        )

    ours, theirs = [one(1, 100), one(2, 100), one(1, 100)], [one(4, 800), one(6, 800), one(5, 800)]
    cells = bench_rankings.against(ours, theirs, limit=6.0)
    assert cells == ["6.00", "1.20", "4.00 (3.00 to 5.00)", "4.00", "6.00", "0.67", "25%", "10", "10", "3"]


def test_names_choose_what_is_measured(capsys):
    bench_rankings.main(["--list", "--only", "tiny rm K=4", "mid dpo K=9"])
    assert capsys.readouterr().out.splitlines() == [
        *("tiny rm K=4 128/128 fixed", "tiny rm K=4 256/64 fixed"),
        *("tiny rm K=4 128/128 log-normal 0.5", "tiny rm K=4 256/64 log-normal 0.5"),
        *("mid dpo K=9 128/64 fixed", "mid dpo K=9 128/64 log-normal 0.5"),
    ]
