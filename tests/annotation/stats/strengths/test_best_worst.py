import csv

import numpy as np

from annotation.stats.strengths.best_worst import best_worst
from tests.annotation.stats.said import data


def test_counts_by_hand():
    items = np.array([[0, 1, 2, 3], [0, 1, 2, 4]])

    found = best_worst(items, best=np.array([0, 0]), worst=np.array([1, 4]), size=6)

    assert found.values[:5].tolist() == [1, -0.5, 0, 0, -1]
    assert np.isnan(found.values[5])


def test_judgements_of_the_same_tuple_hang_together():
    items = np.tile([[0, 1, 2, 3], [0, 4, 5, 6], [0, 7, 8, 9], [0, 4, 8, 2], [0, 1, 5, 9]], (8, 1))

    found = best_worst(items, best=items[:, 0], worst=items[:, 3], size=10).figures[0]

    assert (found.value, found.n, found.groups) == (1, 40, 5)
    assert found.low < 0.3


def test_few_tuples_are_not_enough():
    found = best_worst(np.array([[0, 1, 2, 3]] * 9), best=np.zeros(9), worst=np.ones(9), size=4)

    assert found.figures[0].missing == "not enough: 1 of the 5 tuples that a number needs"


def test_ruddit_has_all_published_scores():
    with data("ruddit/Ruddit.csv") as lines:
        published = {row["comment_id"]: float(row["offensiveness_score"]) for row in csv.DictReader(lines)}
    with data("ruddit/Ruddit_individual_annotations.csv.gz") as lines:
        said = [
            [row[f"Item{k}"] for k in range(1, 5)] + [row["BestItem"], row["WorstItem"]]
            for row in csv.DictReader(lines)
        ]
    names, codes = np.unique(np.array(said), return_inverse=True)
    codes = codes.reshape(-1, 6)

    found = best_worst(codes[:, :4], best=codes[:, 4], worst=codes[:, 5], size=names.size)

    value_of = dict(zip(names.tolist(), found.values, strict=True))
    assert len(published) == 6000
    assert all(abs(value_of[name] - score) < 5.1e-4 for name, score in published.items())
