"""What the benchmark of reliability counts, on votes of our own."""

import pytest

from tests.bench import bench_reliability
from tests.bench.bench_reliability import Vote


def votes(*said: tuple[str, str, int]) -> list[Vote]:
    return [Vote(pair=pair, annotator=annotator, side=side) for pair, annotator, side in said]


def test_one_vote_of_each_pair_is_held_out_and_all_others_are_kept() -> None:
    all_ = votes(*((pair, annotator, 1) for pair in "abc" for annotator in "xyz"))
    kept, out = bench_reliability.one_held_out(all_, seed=3)
    assert [vote.pair for vote in out] == ["a", "b", "c"]
    assert sorted(map(str, [*kept, *out])) == sorted(map(str, all_))
    assert bench_reliability.one_held_out(all_, seed=3) == (kept, out)


def test_the_majority_leads_and_an_even_vote_is_half_right() -> None:
    lead = bench_reliability.leads(
        votes(("a", "x", 1), ("a", "y", 1), ("a", "z", -1), ("b", "x", 1), ("b", "y", -1), ("b", "z", 0)),
        method="majority",
    )
    assert lead == {"a": 1.0, "b": 0.0}
    assert bench_reliability.right(lead, [("a", 1), ("a", -1), ("b", 1), ("b", 0)]) == pytest.approx(0.5)


def test_whoever_agrees_with_nobody_is_overruled() -> None:
    said = [
        (f"p{n}", annotator, side if annotator in "xyz" else -side)
        for n, side in enumerate([1, -1] * 30)
        for annotator in "xyzvw"
        if not (n == 0 and annotator in "yz")
    ]
    lead = bench_reliability.leads(votes(*said), method="dawid-skene")
    assert lead["p0"] > 0  # one whom others agree with, against two whom they do not
    assert bench_reliability.leads(votes(*said), method="majority")["p0"] < 0
