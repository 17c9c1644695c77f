from itertools import combinations

import numpy as np
import pytest

from annotation.stats import reliability
from annotation.stats.agreement.pairs import votes_of
from annotation.stats.labels import consensus_ranking as consensus
from annotation.stats.labels.consensus_ranking import Trust, consensus_ranking, measured, unmeasured
from annotation.stats.labels.probabilities import bits
from annotation.stats.labels.weak_orders import weak_orders
from annotation.stats.response_models import from_competence
from tests.annotation.stats.crowds import crowd
from tests.annotation.stats.said import said_of

A_B, B_A, TIED = [[0], [1]], [[1], [0]], [[0, 1]]


def trusting(*knowing, ties=1 / 3):
    """Annotators who know the answer with these probabilities and guess else."""
    know = np.array(knowing)
    everybody = np.array([know.mean()])
    return Trust(
        tables=from_competence(know, np.full(know.size, ties)),
        everybody=from_competence(everybody, np.array([ties])),
        truth=np.full(3, 1 / 3),
    )


@pytest.mark.parametrize(("size", "number"), [(1, 1), (2, 3), (3, 13), (4, 75), (5, 541)])
def test_all_orders_with_ties_are_there_once(size, number):
    found = weak_orders(size) if size > 1 else None

    assert found is None or len({tuple(ranks) for ranks in found.ranks.tolist()}) == number


def test_of_two_answers_it_is_dawid_and_skenes_posterior():
    said, _ = crowd(tasks=200, size=2, seed=1)
    votes, counts = votes_of(said)
    found = reliability.estimate(votes, method="dawid-skene")

    labels = consensus_ranking(said, trust=measured(found))

    assert labels.tasks.tolist() == counts.tasks.tolist()
    np.testing.assert_allclose(labels.pairs[:, 0], found.posterior, atol=1e-9)


def test_one_reliable_voice_outweighs_two_careless_ones():
    said = said_of([("t", "careful", A_B), ("t", "x", B_A), ("t", "y", B_A)], size=2)

    found = consensus_ranking(said, trust=trusting(0.95, 0.1, 0.1))

    assert found.ranking(0) == A_B
    assert found.sureness[0] > 0.8


def test_sureness_is_of_an_answer_that_the_order_puts_in_front():
    """The likeliest of all orders may begin with another answer than the one that is in front in most of them."""
    said, _ = crowd(tasks=300, size=4, seed=3, overlap=2, ties=0.3)

    found = consensus_ranking(said, trust=unmeasured(len(said.names)))

    front = np.where(found.ranks == 0, found.best, 0)
    assert (found.best.max(axis=1) > front.max(axis=1)).any()
    np.testing.assert_allclose(found.sureness, front.max(axis=1))


def test_whoever_is_adversarial_is_read_the_other_way_round():
    table = from_competence(np.array([0.9, 0.9]), np.array([0.1, 0.1]))
    table[1, [0, 2]] = table[1, [2, 0]]
    trust = Trust(tables=table, everybody=table[:1], truth=np.full(3, 1 / 3))

    found = consensus_ranking(said_of([("t", "a", A_B), ("t", "liar", B_A)], size=2), trust=trust)

    assert found.pairs[0, 0, 0] > 0.95


@pytest.mark.parametrize("size", [3, 4, 5, 6])
def test_what_all_say_is_the_consensus_and_sure(size):
    order = [[k] for k in range(size)][::-1]
    said = said_of([("t", who, order) for who in "abcdef"], size=size)

    found = consensus_ranking(said, trust=trusting(*[0.8] * 6))

    assert found.ranking(0) == order
    assert found.sureness[0] > 0.9
    assert bits(found.pairs[0]).sum() < 2


def test_many_ties_make_a_tie():
    said = said_of([("t", who, [[0, 1], [2]]) for who in "abcdef"], size=3)

    found = consensus_ranking(said, trust=trusting(*[0.7] * 6))

    assert found.ranking(0) == [[0, 1], [2]]
    assert found.best[0, :2].min() > 0.9


def test_probabilities_of_each_pair_are_there_for_what_somebody_compared():
    said = said_of([("t", "a", [[0], [2]]), ("u", "a", [[0], [1], [2], [3]])], size=4)

    found = consensus_ranking(said, trust=trusting(0.8))

    assert [(pair["a"], pair["b"]) for pair in found.pairs_of(0)] == [(0, 2)]
    assert [(pair["a"], pair["b"]) for pair in found.pairs_of(1)] == list(combinations(range(4), 2))
    assert all(sum(pair[key] for key in ("first", "tie", "second")) == pytest.approx(1) for pair in found.pairs_of(1))
    assert found.ranking(0) == [[0], [2]]


def test_tasks_of_which_nobody_compared_anything_are_left_out():
    found = consensus_ranking(said_of([("t", "a", [[0]]), ("u", "a", A_B)], size=2), trust=trusting(0.8))

    assert found.tasks.tolist() == [1]


@pytest.mark.parametrize("size", [2, 3, 4, 6])
def test_renaming_the_answers_renames_the_consensus(size):
    said, _ = crowd(tasks=40, size=size, seed=2)
    trust = trusting(*np.linspace(0.2, 0.9, len(said.names)))
    turned = said_of(
        [
            (int(t), int(a), [np.flatnonzero(ranks[::-1] == r).tolist() for r in range(ranks.max() + 1)])
            for t, a, ranks in zip(said.tasks, said.annotators, said.ranks, strict=True)
        ],
        size=size,
    )
    renamed = Trust(
        tables=trust.tables[[int(name) for name in turned.names]], everybody=trust.everybody, truth=trust.truth
    )

    straight, other = consensus_ranking(said, trust=trust), consensus_ranking(turned, trust=renamed)

    np.testing.assert_allclose(other.best[:, ::-1], straight.best, atol=1e-9)
    np.testing.assert_allclose(other.information, straight.information, atol=1e-9)


def test_votes_that_disagree_leave_more_to_be_told_than_votes_that_agree():
    rows = [("dispute", "a", A_B), ("dispute", "b", B_A), *[("clear", who, A_B) for who in "ab"]]

    dispute, clear = consensus_ranking(said_of(rows, size=2), trust=trusting(0.7, 0.7)).information

    assert dispute > 2 * clear > 0


def test_information_is_the_entropy_that_a_vote_takes_on_average():
    """Each vote that a newcomer may give is tried in turn, with the probability that the consensus gives it."""
    trust = trusting(0.6, 0.6)
    rows = [("t", "a", A_B)]
    before = consensus_ranking(said_of(rows, size=2), trust=trust)
    orders = weak_orders(2)
    likely = before.pairs[0, 0][orders.outcomes[:, 0]] @ consensus.ranking_channel(orders, size=2, trust=trust)
    votes = [[np.flatnonzero(ranks == rank).tolist() for rank in range(ranks.max() + 1)] for ranks in orders.ranks]

    after = [consensus_ranking(said_of([*rows, ("t", "b", vote)], size=2), trust=trust) for vote in votes]

    expected = likely @ [bits(one.pairs[0, 0]) for one in after]
    assert before.information[0] == pytest.approx(bits(before.pairs[0, 0]) - expected)


def test_exact_and_pair_by_pair_put_the_same_answers_first(monkeypatch):
    said, _ = crowd(tasks=100, size=4, seed=3)
    trust = unmeasured(len(said.names))
    exact = consensus_ranking(said, trust=trust)
    monkeypatch.setattr(consensus, "MOST_EXACT", 1)

    rough = consensus_ranking(said, trust=trust)

    same = exact.best.argmax(axis=1) == rough.best.argmax(axis=1)
    assert same.mean() > 0.9
    assert np.corrcoef(exact.information, rough.information)[0, 1] > 0.8


@pytest.mark.parametrize("size", [2, 4])
def test_in_a_crowd_with_careless_and_adversarial_people_it_beats_the_majority(size):
    said, truth = crowd(tasks=1000, size=size, seed=4, careless=0.3, adversarial=0.1)
    votes, counts = votes_of(said)
    strict = np.sign(truth[counts.tasks, counts.first] - truth[counts.tasks, counts.second])

    labels = consensus_ranking(said, trust=measured(reliability.estimate(votes, method="dawid-skene")))

    likely = labels.pairs.reshape(-1, 3)
    found = np.mean((np.sign(likely[:, 0] - likely[:, 2]) * strict + 1) / 2)
    majority = np.mean((np.sign(counts.counts[:, 0] - counts.counts[:, 2]) * strict + 1) / 2)
    assert found > majority + 0.05


def test_probabilities_are_as_often_true_as_they_say():
    said, truth = crowd(tasks=3000, size=2, seed=5, careless=0.3)
    votes, counts = votes_of(said)

    labels = consensus_ranking(said, trust=measured(reliability.estimate(votes, method="mace")))

    first = labels.pairs[:, 0, 0] / (labels.pairs[:, 0, 0] + labels.pairs[:, 0, 2])
    right = truth[counts.tasks, 0] > truth[counts.tasks, 1]
    for low, high in ((0.05, 0.3), (0.3, 0.7), (0.7, 0.95)):
        held = (first > low) & (first < high)
        assert right[held].mean() == pytest.approx(first[held].mean(), abs=0.1)
