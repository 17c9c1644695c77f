import pytest

from annotation.stats.agreement.alpha import alpha_of_pairs
from annotation.stats.agreement.pairs import agreement, pair_counts
from annotation.stats.figures import Figure
from annotation.stats.labels.verdict import verdict
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


def test_ratings_alone_have_no_verdict():
    nothing = Figure(value=None)

    assert verdict(pairs=nothing, alpha=nothing, ranks=False).reasons == ["no_rankings"]


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
