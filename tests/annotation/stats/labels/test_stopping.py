import numpy as np
import pytest

from annotation.stats.labels.stopping import Rule, beaten, enough, replay, replay_lead, turns
from annotation.stats.said import ranks_of
from tests.annotation.stats.crowds import crowd
from tests.annotation.stats.said import native_rows, said_of, said_of_native

FOR, AGAINST, TIED = [[0], [1]], [[1], [0]], [[0, 1]]


def right(found, better):
    """Share of decisions for the better side, 1 or -1 by task; none is half of one."""
    return np.mean((np.sign(np.round(found.lead[:, 0] - found.lead[:, 1], 9)) * better + 1) / 2)


@pytest.mark.parametrize(
    ("voices", "sureness", "expected"),
    [(1, 1.0, False), (2, 0.94, False), (2, 0.95, True), (5, 0.5, True)],
)
def test_asks_on_between_the_least_and_the_greatest_number_until_sure(voices, sureness, expected):
    rule = Rule(minimum=2, maximum=5, sure=0.95)

    assert enough(voices=np.array([voices]), sureness=np.array([sureness]), rule=rule).tolist() == [expected]


def test_turns_count_the_judgements_of_each_task():
    assert turns(said_of([(t, n, FOR) for n, t in enumerate("abacab")], size=2)).tolist() == [0, 0, 1, 0, 2, 1]


def test_an_answer_beats_those_that_stand_behind_it():
    found = beaten(ranks_of([[[0], [1, 2]], [[2], [0]]], size=3))

    assert found.tolist() == [[2, -1, -1], [-1, 0, 1]]


def test_a_lead_of_two_stops_at_a_lead_of_two():
    rows = [*[("clear", n, FOR) for n in range(5)], *[("even", n, said) for n, said in enumerate([FOR, AGAINST] * 2)]]

    found = replay_lead(said_of(rows, size=2), lead=2, maximum=5)

    assert found.asked.tolist() == [True, True, False, False, False, True, True, True, True]
    assert found.judgements_a_task == 3


def test_in_a_crowd_with_careless_people_it_is_right_as_often_as_all_votes_with_fewer():
    said, merit = crowd(tasks=1500, size=2, seed=1, careless=0.3, adversarial=0.1)
    better = np.sign(merit[:, 0] - merit[:, 1])

    found = replay(said, rule=Rule(minimum=2, maximum=5, sure=0.8))

    majority = replay_lead(said, lead=9, maximum=5)
    assert found.judgements_a_task < 4
    assert right(found, better) > right(majority, better) + 0.03


def test_no_task_gets_fewer_than_the_least_or_more_than_the_greatest_number():
    said, _ = crowd(tasks=300, size=3, seed=2)

    found = replay(said, rule=Rule(minimum=2, maximum=4, sure=0.9))

    votes = np.bincount(said.tasks[found.asked])
    assert set(votes.tolist()) <= {2, 3, 4}
    assert (turns(said)[found.asked] < votes[said.tasks[found.asked]]).all()  # the first ones, without gaps


@pytest.fixture(scope="module")
def rows():
    """UKPConvArg1's pairs with a label of its authors."""
    return [
        row
        for row in native_rows("ukpconvarg")
        if len({response["text"] for response in row["responses"]}) == 2 and row["metadata"]["gold"] in ("a1", "a2")
    ]


@pytest.fixture(scope="module")
def gold_pairs(rows):
    return said_and_better(rows)


@pytest.fixture(scope="module")
def first_topics(rows):
    """Half of them."""
    topics = sorted({row["prompt"] for row in rows})
    return said_and_better([row for row in rows if row["prompt"] in topics[: len(topics) // 2]])


def said_and_better(rows):
    """Their votes, and which side is better (1 or -1)."""
    return said_of_native(rows, size=2), np.array([1 if row["metadata"]["gold"] == "a1" else -1 for row in rows])


@pytest.mark.parametrize(("lead", "expected", "votes"), [(9, 0.953, 5.0), (3, 0.953, 4.0), (2, 0.946, 2.9)])
def test_on_ukpconvarg_lead_rules_do_as_published(gold_pairs, lead, expected, votes):
    said, better = gold_pairs

    found = replay_lead(said, lead=lead, maximum=5)

    assert right(found, better) == pytest.approx(expected, abs=6e-4)
    assert found.judgements_a_task == pytest.approx(votes, abs=0.05)


def test_on_ukpconvarg_three_votes_a_pair_are_as_good_as_five(first_topics):
    """The votes come in the order of the file; the rule sees those that it has asked for, and no others. All topics
    are replayed by tests/bench/bench_overlap.py, which takes minutes."""
    said, better = first_topics

    found = replay(said, rule=Rule(minimum=2, maximum=5, sure=0.95))

    assert right(found, better) > right(replay_lead(said, lead=9, maximum=5), better) - 0.002
    assert right(found, better) > right(replay_lead(said, lead=2, maximum=5), better)
    assert found.judgements_a_task <= 3.0
