import gzip
import json
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotation.formats import native
from annotation.stats import reliability
from annotation.stats.consensus import NotConverged
from annotation.stats.votes import LEFT, RIGHT, TIE, of_lists
from tests.annotation.stats.simulated_votes import simulated, turned

METHODS = list(reliability.METHODS)
UKP = Path(__file__).parents[4] / "shared/data/native/ukpconvarg.jsonl.gz"


def spread(number, *, seed=3):
    return np.random.default_rng(seed).beta(6, 3, number)


@pytest.mark.parametrize("method", METHODS)
def test_intervals_hold_what_is_true_of_most_annotators(method):
    right = spread(150)
    votes, _ = simulated(right=right, pairs=1500, each=5)

    found = reliability.estimate(votes, method=method)

    held = [a.interval.low <= right[j] <= a.interval.high for j, a in enumerate(found.annotators)]
    assert np.mean(held) > 0.9
    assert np.corrcoef(right, [a.reliability for a in found.annotators])[0, 1] > 0.85


@pytest.mark.parametrize("method", METHODS)
def test_weighed_votes_are_right_more_often_than_the_majority(method):
    right = np.where(np.arange(60) % 3 == 0, 0.95, 0.4)
    votes, truth = simulated(right=right, pairs=1500, each=5)
    strict = truth != TIE

    found = reliability.estimate(votes, method=method)

    def accuracy(lead):  # an even vote is half right
        return np.mean((np.sign(lead) * np.where(truth == LEFT, 1, -1))[strict] + 1) / 2

    majority = accuracy(np.bincount(votes.pairs, weights=1.0 - votes.outcomes))
    weighed = accuracy(np.bincount(votes.pairs, weights=found.weights * (1 - votes.outcomes)))
    assert weighed > majority + 0.05
    assert accuracy(found.left_wins - 0.5) > majority + 0.05


@pytest.mark.parametrize("method", METHODS)
def test_weights_are_1_on_average_and_rise_with_reliability(method):
    votes, _ = simulated(right=np.array([0.9, 0.9, 0.9, 0.7, 0.5]), pairs=400, each=4)

    found = reliability.estimate(votes, method=method)

    assert found.weights.mean() == pytest.approx(1)
    weights = [annotator.weight for annotator in found.annotators]
    assert min(weights[:3]) > weights[3] > weights[4] > 0


@pytest.mark.parametrize("method", METHODS)
def test_whoever_votes_against_the_truth_weighs_little_and_never_less_than_nothing(method):
    votes, _ = simulated(right=np.array([0.9, 0.9, 0.9, 0.9, 0.02]), pairs=400, each=4, ties=0)

    weights = [annotator.weight for annotator in reliability.estimate(votes, method=method).annotators]

    assert 0 <= weights[4] < 0.1 * min(weights[:4])


@pytest.mark.parametrize("method", METHODS)
def test_where_nobody_votes_for_a_tie_equals_are_found_to_be_equal(method):
    votes, _ = simulated(right=np.full(3, 0.8), pairs=300, each=3, ties=0, strict=True)

    found = reliability.estimate(votes, method=method)

    assert [annotator.reliability for annotator in found.annotators] == pytest.approx([0.8] * 3, abs=0.07)
    assert found.posterior[:, TIE].max() < 1e-6


@pytest.mark.parametrize("method", METHODS)
def test_where_nobody_votes_for_a_tie_weights_rise_with_reliability(method):
    right = np.array([0.9, 0.8, 0.7, 0.6])
    votes, _ = simulated(right=right, pairs=300, each=4, ties=0, strict=True)

    annotators = reliability.estimate(votes, method=method).annotators

    assert [annotator.reliability for annotator in annotators] == pytest.approx(right, abs=0.07)
    assert annotators[0].weight > 1.3
    assert annotators[3].weight < 0.6
    assert annotators[0].weight > max(a.weight for a in annotators[1:3])
    assert annotators[3].weight < min(a.weight for a in annotators[1:3])


@pytest.mark.parametrize("method", METHODS)
def test_a_few_ties_and_five_annotators_are_enough(method):
    right = np.array([0.9, 0.85, 0.8, 0.7, 0.6])
    votes, _ = simulated(right=right, pairs=300, each=5, ties=0, strict=True)
    evaded = np.random.default_rng(1).random(votes.outcomes.size) < 0.01

    found = reliability.estimate(replace(votes, outcomes=np.where(evaded, TIE, votes.outcomes)), method=method)

    assert [annotator.reliability for annotator in found.annotators] == pytest.approx(right, abs=0.08)


def test_of_whoever_votes_against_the_truth_dawid_skene_takes_nothing():
    votes, _ = simulated(right=np.array([0.9, 0.9, 0.9, 0.9, 0.02]), pairs=400, each=4, ties=0)

    assert reliability.estimate(votes, method="dawid-skene").annotators[4].weight == 0


@pytest.mark.parametrize("method", METHODS)
def test_which_side_is_called_left_does_not_matter(method):
    votes, _ = simulated(right=spread(30), pairs=200, each=4)
    which = np.random.default_rng(1).random(200) < 0.5

    straight = reliability.estimate(votes, method=method)
    other = reliability.estimate(turned(votes, which=which), method=method)

    np.testing.assert_allclose(other.weights, straight.weights, atol=1e-9)
    np.testing.assert_allclose(
        other.left_wins, np.where(which, 1 - straight.left_wins, straight.left_wins), atol=1e-9
    )


@pytest.mark.parametrize("method", METHODS)
def test_of_few_votes_no_number_is_said_and_the_weight_is_near_everybodys(method):
    votes, _ = simulated(right=spread(30), pairs=300, each=4)
    pairs, outcomes = [*votes.pairs, 0, 1], [*votes.outcomes, LEFT, LEFT]
    names = [*(votes.names[j] for j in votes.annotators), "new", "new"]

    found = reliability.estimate(of_lists(pairs=pairs, annotators=names, outcomes=outcomes), method=method)

    new = next(annotator for annotator in found.annotators if annotator.name == "new")
    assert (new.votes, new.shared, new.reliability, new.interval) == (2, 2, None, None)
    assert 0.5 < new.weight < 1.5


@pytest.mark.parametrize("method", METHODS)
def test_votes_that_nobody_shares_say_nothing_of_who_cast_them(method):
    votes, _ = simulated(right=spread(30), pairs=300, each=4)
    names = [votes.names[j] for j in votes.annotators]
    alone = of_lists(
        pairs=[*votes.pairs, *range(1000, 1050)],
        annotators=[*names, *["alone"] * 50],
        outcomes=[*votes.outcomes, *[LEFT, RIGHT] * 25],
    )

    found = reliability.estimate(alone, method=method)

    last = found.annotators[-1]
    assert (last.votes, last.shared, last.reliability) == (50, 0, None)
    assert min(found.left_wins[-2], 1 - found.left_wins[-1]) > 0.6  # but of their pairs they do


@pytest.mark.parametrize("method", METHODS)
def test_votes_worth_half_make_wider_intervals_and_may_be_too_few(method):
    votes, _ = simulated(right=spread(30), pairs=120, each=4)  # about 16 votes of each annotator
    half = replace(votes, worth=np.full(votes.pairs.size, 0.5))

    whole, halved = (reliability.estimate(found, method=method).annotators for found in (votes, half))

    assert all(annotator.interval for annotator in whole)
    assert {annotator.interval is None for annotator in halved} == {annotator.shared < 20 for annotator in halved}
    both = [(a.interval, b.interval) for a, b in zip(whole, halved, strict=True) if b.interval]
    assert all(b.high - b.low > 1.1 * (a.high - a.low) for a, b in both)


@settings(deadline=None, max_examples=50)
@given(
    said=st.lists(
        st.tuples(st.integers(0, 3), st.sampled_from("abcd"), st.sampled_from([LEFT, TIE, RIGHT])), min_size=1
    ),
    method=st.sampled_from(METHODS),
)
def test_any_votes_give_weights_of_mean_1_and_probabilities_or_a_named_error(said, method):
    pairs, annotators, outcomes = zip(*said, strict=True)
    votes = of_lists(pairs=pairs, annotators=annotators, outcomes=outcomes)

    try:
        found = reliability.estimate(votes, method=method)
    except (reliability.NothingShared, reliability.OnlyChance, NotConverged):
        return

    assert found.weights.mean() == pytest.approx(1)
    assert (found.weights >= 0).all()
    np.testing.assert_allclose(found.posterior.sum(axis=1), 1)
    assert ((found.left_wins >= 0) & (found.left_wins <= 1)).all()


def test_the_same_person_twice_is_not_two_people():
    votes = of_lists(pairs=["p", "p", "q"], annotators=["a", "a", "b"], outcomes=[LEFT, RIGHT, LEFT])

    with pytest.raises(reliability.NothingShared, match="no pair was judged by two people"):
        reliability.estimate(votes, method="mace")


def test_people_who_never_agree_cannot_be_weighed():
    votes = of_lists(
        pairs=[*range(40)] * 2, annotators=["a"] * 40 + ["b"] * 40, outcomes=[LEFT, RIGHT] * 20 + [RIGHT, LEFT] * 20
    )

    with pytest.raises(reliability.OnlyChance, match="no better than chance"):
        reliability.estimate(votes, method="dawid-skene")


@pytest.mark.parametrize("outcomes", [(LEFT, RIGHT), (LEFT, TIE, RIGHT)])
def test_mace_does_not_weigh_those_who_only_guess(outcomes):
    """Of three annotators every combination of votes comes as often as any other."""
    said = list(product(outcomes, repeat=3)) * 20
    votes = of_lists(
        pairs=[pair for pair in range(len(said)) for _ in "abc"],
        annotators=list("abc") * len(said),
        outcomes=[outcome for of_pair in said for outcome in of_pair],
    )

    with pytest.raises(reliability.OnlyChance, match="no better than chance"):
        reliability.estimate(votes, method="mace")


@pytest.mark.parametrize("outcomes", [[], [3], [LEFT, LEFT]])
def test_votes_that_are_none_are_refused(outcomes):
    with pytest.raises(ValueError, match=r"expected at least one vote|one a vote"):
        of_lists(pairs=["p"] * min(len(outcomes), 1), annotators=["a"] * min(len(outcomes), 1), outcomes=outcomes)


@pytest.fixture(scope="module")
def convincing():
    """UKPConvArg1's votes and, for each pair, which side its authors call better (1 left, -1 right, 0 not known)."""
    if not UKP.exists():
        pytest.skip("UKPConvArg1 is not beside the checkout (../shared/data/native)")
    pairs, annotators, outcomes, gold = [], [], [], []
    with gzip.open(UKP, "rt", encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            if len({response["text"] for response in record["responses"]}) < 2:
                continue
            row = native.read(record)
            gold.append({"a1": 1, "a2": -1}.get(record["metadata"]["gold"], 0))
            for judgement in row.judgements:
                rank = {response: place for place, group in enumerate(judgement.ranking) for response in group}
                pairs.append(len(gold))
                annotators.append(judgement.annotator)
                outcomes.append(TIE + (rank[0] > rank[1]) - (rank[0] < rank[1]))
    return of_lists(pairs=pairs, annotators=annotators, outcomes=outcomes), np.array(gold)


@pytest.mark.parametrize(("method", "expected"), [("dawid-skene", 0.9698), ("mace", 0.9760)])
def test_on_ukpconvarg_weighed_votes_agree_with_the_gold_labels_more_often_than_majorities(
    convincing, method, expected
):
    votes, gold = convincing

    def accuracy(lead):
        return np.mean((np.sign(lead) * gold)[gold != 0] + 1) / 2

    found = reliability.estimate(votes, method=method)

    assert accuracy(np.bincount(votes.pairs, weights=1.0 - votes.outcomes)) == pytest.approx(0.9531, abs=1e-4)
    weighed = np.bincount(votes.pairs, weights=found.weights * (1 - votes.outcomes))
    assert accuracy(weighed) == pytest.approx(expected, abs=2e-3)
    assert accuracy(found.left_wins - 0.5) == pytest.approx(expected, abs=2e-3)
