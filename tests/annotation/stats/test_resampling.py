import numpy as np
import pytest

from annotation.stats import resampling
from annotation.stats.resampling import resampled, resampled_sums


def mean(sums):
    return sums[:, 0] / sums[:, 1]


def rows_of(values):
    return np.stack([values, np.ones(len(values))], axis=1)


def test_sums_vary_as_sums_of_drawn_rows_do():
    values = np.random.default_rng(1).normal(size=400)

    sums = resampled_sums(rows_of(values), draws=4000)

    assert (sums[:, 1] == 400).all()
    assert sums[:, 0].mean() / 400 == pytest.approx(values.mean(), abs=0.01)
    assert sums[:, 0].std() / 400 == pytest.approx(values.std() / 20, rel=0.05)


def test_drawing_patterns_and_drawing_rows_is_the_same(monkeypatch):
    values = np.random.default_rng(2).integers(0, 5, 500).astype(float)
    by_pattern = resampled_sums(rows_of(values), draws=4000)[:, 0]
    monkeypatch.setattr(resampling, "FEW", 0)

    by_row = resampled_sums(rows_of(values), draws=4000)[:, 0]

    assert by_row.std() == pytest.approx(by_pattern.std(), rel=0.05)
    assert by_row.mean() == pytest.approx(by_pattern.mean(), rel=0.01)


def test_the_same_rows_give_the_same_interval():
    rows = rows_of(np.random.default_rng(3).normal(size=50))

    first, second = (resampled(rows, mean, what="items", perfect=9) for _ in range(2))

    assert first == second
    assert first.low < first.value < first.high
