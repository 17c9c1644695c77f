import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.stats.intervals import Cluster, clustered_wilson
from annotation.stats.shares import clustered_share, grouped_shares


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=30))
def test_as_cluster_by_cluster(found):
    clusters = [Cluster(min(right, n), n) for right, n in found]
    if not sum(cluster.n for cluster in clusters):
        return
    right, n = np.array(clusters, dtype=float).T

    figure = clustered_share(right, n, needed=1)

    assert (figure.low, figure.high) == pytest.approx(clustered_wilson(clusters), abs=1e-6)
    assert figure.value == pytest.approx(right.sum() / n.sum())


def test_groups_are_apart():
    right, n = np.array([1.0, 0, 1, 1]), np.ones(4)

    one, other, none = grouped_shares(right, n, np.array([0, 0, 1, 1]), number=3, needed=2)

    assert (one.value, other.value, none.value) == (0.5, 1, None)


def test_nothing_at_all_is_not_enough():
    assert clustered_share(np.zeros(0), np.zeros(0)).missing.startswith("not enough: 0 of the 10")


def test_a_correlation_comes_back_on_its_own_scale():
    figure = clustered_share(np.full(20, 0.25), np.ones(20), scale="correlation")

    assert figure.value == -0.5
    assert -1 <= figure.low < -0.5 < figure.high <= 1
