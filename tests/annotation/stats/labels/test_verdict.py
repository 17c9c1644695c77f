import numpy as np
import pytest

from annotation.stats.agreement.alpha import alpha, alpha_of_pairs
from annotation.stats.agreement.pairs import agreement, pair_counts
from annotation.stats.figures import Figure, not_enough
from annotation.stats.labels.verdict import of_ratings, verdict
from tests.annotation.stats.said import native_rows, said_of, said_of_native


def about(value, *, groups=200):
    return Figure(value=value, low=value - 0.02, high=value + 0.02, n=groups, groups=groups)


@pytest.mark.parametrize(
    ("pairs", "alpha", "code", "reasons"),
    [
        (0.75, 0.4, "good", []),
        (0.64, 0.3, "fair", ["pairs_low"]),
        (0.75, 0.1, "fair", ["near_chance"]),
        (0.54, 0.1, "poor", ["pairs_low", "near_chance"]),
        (0.90, 0.0, "poor", ["near_chance"]),  # nearly everything is a tie
    ],
)
def test_agreement_and_what_chance_would_give_both_decide(pairs, alpha, code, reasons):
    found = verdict(pairs=about(pairs), alpha=about(alpha))

    assert (found.code, found.reasons) == (code, reasons)


def test_missed_known_answers_make_labels_fair_at_best():
    assert verdict(pairs=about(0.75), alpha=about(0.4), known=about(0.6)).code == "fair"


def test_few_tasks_are_no_ground_for_a_verdict():
    found = verdict(pairs=about(0.75, groups=49), alpha=about(0.4))

    assert (found.code, found.reasons) == ("unknown", ["few_tasks"])


def test_who_always_ties_agrees_on_everything_and_says_nothing():
    counts = pair_counts(said_of([(t, who, [[0, 1]]) for t in range(60) for who in "ab"], size=2))

    found = verdict(pairs=agreement(counts), alpha=alpha_of_pairs(counts))

    assert (found.code, found.reasons) == ("unknown", ["no_variety"])


@pytest.mark.parametrize(("name", "code"), [("pandalm", "good"), ("ukpconvarg", "good")])
def test_published_preferences_are_good_enough(name, code):
    counts = pair_counts(said_of_native(native_rows(name), size=2))

    assert verdict(pairs=agreement(counts), alpha=alpha_of_pairs(counts)).code == code


@pytest.mark.parametrize(
    ("alphas", "code", "criteria"),
    [
        ({"truth": 0.43}, "good", {"truth": "good"}),
        ({"truth": 0.41}, "fair", {"truth": "fair"}),
        ({"truth": 0.21}, "poor", {"truth": "poor"}),
        ({"truth": 0.6, "tone": 0.3}, "fair", {"truth": "good", "tone": "fair"}),
        ({"truth": 0.6, "tone": 0.0}, "fair", {"truth": "good", "tone": "poor"}),
        ({"truth": -0.1, "tone": 0.0}, "poor", {"truth": "poor", "tone": "poor"}),
    ],
)
def test_ratings_are_judged_by_each_criterion(alphas, code, criteria):
    found = of_ratings({name: about(value) for name, value in alphas.items()})

    assert (found.code, found.criteria) == (code, criteria)
    assert found.reasons == ([] if code == "good" else ["ratings_low"])


def test_criteria_of_which_nothing_can_be_said_do_not_count():
    found = of_ratings({"truth": about(0.6), "tone": about(0.6, groups=49)})

    assert (found.code, found.criteria) == ("good", {"truth": "good", "tone": "unknown"})


def test_ratings_of_few_tasks_or_all_alike_are_no_ground_for_a_verdict():
    items = [task for task in range(60) for _ in "ab"]
    same = alpha(items=np.array(items), values=np.full(120, 5.0), level="interval")

    found = of_ratings({"truth": not_enough(n=3, needed=20, what="tasks"), "tone": same})

    assert (found.code, found.reasons) == ("unknown", ["few_tasks", "no_variety"])
    assert set(found.criteria.values()) == {"unknown"}
