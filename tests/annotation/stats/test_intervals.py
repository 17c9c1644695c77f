import random

import pytest
from scipy.stats import t

from annotation.stats.intervals import Cluster, clustered_wilson, effective_size, student, wilson


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [
        # Newcombe, Statistics in Medicine 17 (1998), table I, method 3.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_gives_the_published_values(successes: int, n: int, low: float, high: float) -> None:
    assert wilson(successes, n) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(("successes", "n"), [(0, 0), (-1, 5), (6, 5)])
def test_wilson_refuses_impossible_counts(successes: int, n: int) -> None:
    with pytest.raises(ValueError, match="expected 0 <= successes <= n"):
        wilson(successes, n)


def test_clusters_of_one_are_worth_what_they_hold() -> None:
    clusters = [Cluster(1, 1)] * 30 + [Cluster(0, 1)] * 20

    # The ratio's variance carries C/(C-1): 50 single outcomes are worth 49 by it.
    assert effective_size(clusters) == pytest.approx(49)


def test_clusters_that_agree_within_are_worth_one_outcome_each() -> None:
    clusters = [Cluster(5, 5)] * 12 + [Cluster(0, 5)] * 12

    assert effective_size(clusters) == pytest.approx(23)


def test_clusters_that_never_differ_are_worth_all_their_outcomes() -> None:
    assert effective_size([Cluster(1, 2)] * 10) == 20


def test_unanimous_outcomes_count_once_for_each_cluster() -> None:
    assert clustered_wilson([Cluster(5, 5)] * 20) == wilson(20, 20)


def test_no_outcome_has_no_interval() -> None:
    with pytest.raises(ValueError, match="at least one"):
        effective_size([Cluster(0, 0)])


def test_clustered_interval_agrees_with_a_cluster_bootstrap() -> None:
    generator = random.Random(7)
    clusters = []
    for _ in range(200):
        share = generator.choice([0.2, 0.5, 0.9])
        clusters.append(Cluster(sum(generator.random() < share for _ in range(5)), 5))
    shares = sorted(
        sum(c.successes for c in drawn) / sum(c.n for c in drawn)
        for drawn in (generator.choices(clusters, k=len(clusters)) for _ in range(2000))
    )

    low, high = clustered_wilson(clusters)

    assert low == pytest.approx(shares[50], abs=0.006)
    assert high == pytest.approx(shares[-50], abs=0.006)
    independent = wilson(sum(c.successes for c in clusters), 1000)
    assert high - low > 1.2 * (independent.high - independent.low)


@pytest.mark.parametrize("freedom", [5, 6, 6.5, 9, 30, 1000])
def test_students_quantile_is_that_of_scipy(freedom):
    assert student(freedom) == pytest.approx(t.ppf(0.975, freedom), rel=1e-3)
