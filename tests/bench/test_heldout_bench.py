"""The benchmark of held-out accuracy: what there is to learn, and that both sides are compared pair by pair."""

import math
from dataclasses import replace
from itertools import pairwise

import pytest
import torch

from tests.bench import bench_heldout
from tests.bench.heldout import Lesson
from tests.bench.rankings import Merit, Model
from tests.bench.sides import Training
from training.ml.reporting.evaluation import Outcome

MERIT = Merit(answers=3, prompt=2, answer=4, prompts=8, together=2)


def lesson() -> Lesson:
    held_out = replace(MERIT, prompts=6).items(seed=2)
    return Lesson(case=MERIT, train=MERIT.items(seed=1), held_out=held_out, judge=lambda item: [0.0] * 3)


def learnt(side: str, *, rate: float) -> list[Outcome]:
    training = Training(
        task="rm",
        side=side,
        model=Model(name="smallest", layers=1, width=32),
        case=MERIT,
        budget=72,
        threads=torch.get_num_threads(),
        seed=7,
        rate=rate,
        epochs=2,
    )
    return bench_heldout.learnt(training, lesson())


@pytest.mark.training
def test_sides_that_learn_nothing_judge_alike():
    assert learnt("ours", rate=0.0) == learnt("TRL", rate=0.0)


@pytest.mark.training
@pytest.mark.parametrize("side", bench_heldout.SIDES)
def test_each_side_changes_its_judgement_by_training(side):
    assert learnt(side, rate=1e-2) != learnt(side, rate=0.0)


def test_answers_far_apart_are_ranked_by_their_merits():
    items = replace(MERIT, spread=1e6).items(seed=3)
    for item in items:
        ((order, _),) = item.rankings
        merits = [MERIT.merit(item.answers[answer]) for (answer,) in order]
        assert all(better >= worse for better, worse in pairwise(merits))


def test_the_better_of_two_is_preferred_with_the_probability_of_its_lead():
    case = Merit(answers=2, prompt=1, answer=8, prompts=4000, together=1)
    right, foretold = 0.0, 0.0
    for item in case.items(seed=5):
        (edge,) = item.edges
        lead = case.merit(item.answers[edge.better]) - case.merit(item.answers[edge.worse])
        right += lead > 0
        foretold += 1 / (1 + math.exp(-abs(lead)))
    assert right / case.prompts == pytest.approx(foretold / case.prompts, abs=0.02)


def test_the_difference_is_taken_pair_by_pair():
    ours, theirs = (
        [Outcome(prompt_id="0-0", credit=1.0)] * 2,
        [Outcome(prompt_id="0-0", credit=x) for x in (0.5, 1.0)],
    )
    assert [one.credit for one in bench_heldout.difference({"ours": ours, "TRL": theirs})] == [0.5, 0.0]


def test_a_row_tells_both_accuracies_their_difference_and_the_judge():
    def said(*credits: float) -> list[Outcome]:
        return [Outcome(prompt_id=str(number), credit=one) for number, one in enumerate(credits)]

    found = {"ours": said(1, 1, 1, 0), "TRL": said(1, 0, 1, 0), "judge": said(1, 1, 1, 1)}
    cells = bench_heldout.cells(found)
    assert cells == ["0.7500", "0.5000", "+0.2500", cells[3], "1.0000", "4"]
    assert cells[3].startswith("+0.000 to +")
