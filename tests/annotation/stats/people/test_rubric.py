import numpy as np

from annotation.stats.people.rubric import rubric
from tests.annotation.stats.said import said_of

_ = np.nan


def test_higher_ratings_of_better_answers_by_hand():
    rankings = [[[0], [1], [2]], [[0], [1], [2]], [[0, 1], [2]], [[2], [0]]]
    said = said_of([("t", who, ranking) for who, ranking in enumerate(rankings)], size=3)
    ratings = np.array([[5, 3, 1], [1, 1, 3], [4, 2, 4], [2, _, _]])

    scores = rubric(said, ratings)

    assert scores.right.tolist() == [3, 0.5, 0.5, 0]
    assert scores.n.tolist() == [3, 3, 2, 0]
