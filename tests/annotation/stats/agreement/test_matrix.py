import pytest

from annotation.stats.agreement.matrix import matrix
from tests.annotation.stats.said import said_of

FOR, AGAINST, TIED = [[0], [1]], [[1], [0]], [[0, 1]]


def test_each_two_are_compared_on_what_both_judged():
    rows = [(t, who, said) for t in range(20) for who, said in (("a", FOR), ("b", FOR if t < 15 else AGAINST))]
    rows += [(t, "c", TIED) for t in range(12)]

    found = matrix(said_of(rows, size=2))

    assert found.annotators == [0, 1, 2]
    cells = {(cell.a, cell.b): (cell.figure.value, cell.figure.n) for cell in found.cells}
    assert cells == {(0, 1): (0.75, 20), (0, 2): (0.5, 12), (1, 2): (0.5, 12)}


def test_only_the_busiest_have_a_place():
    rows = [(t, who, FOR) for who, number in (("a", 10), ("b", 30), ("c", 20)) for t in range(number)]

    found = matrix(said_of(rows, size=2), most=2)

    assert found.annotators == [1, 2]
    assert [(cell.a, cell.b) for cell in found.cells] == [(1, 2)]


@pytest.mark.parametrize(("shared", "value"), [(9, None), (10, 1)])
def test_few_shared_tasks_are_said_to_be_not_enough(shared, value):
    rows = [(t, who, FOR) for who in "ab" for t in range(shared)]

    assert matrix(said_of(rows, size=2)).cells[0].figure.value == value


def test_nobody_shares_anything():
    assert matrix(said_of([(0, "a", FOR), (1, "b", FOR)], size=2)).cells == []
