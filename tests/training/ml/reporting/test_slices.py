"""Accuracy of parts of the held-out pairs, and what people's own agreement allows."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.ml.data.pairs import Pair
from training.ml.reporting import ceiling, evaluation, slices
from training.ml.reporting.evaluation import Outcome


def told(
    prompt: str,
    chosen: str,
    rejected: str,
    *,
    by: str = "ann",
    strength: int | None = None,
    policies: tuple[str, str] = ("", ""),
    tags: tuple[str, ...] = (),
) -> Pair:
    return Pair(
        prompt=(("user", prompt),),
        chosen=chosen,
        rejected=rejected,
        chosen_policy=policies[0],
        rejected_policy=policies[1],
        strength=strength,
        annotator=by,
        tags=tags,
    )


def with_credits(pairs: list[Pair], *credits: float) -> list[Outcome]:
    return [Outcome(prompt_id=pair.prompt_id, credit=credit) for pair, credit in zip(pairs, credits, strict=True)]


def test_a_part_has_the_accuracy_and_interval_of_its_own_pairs() -> None:
    weak = [told(f"p{i}", "a", "b", strength=1) for i in range(10)]
    strong = [told(f"q{i % 5}", "a", "b", strength=3) for i in range(10)]
    outcomes = with_credits(weak, *[1] * 6, *[0] * 4) + with_credits(strong, *[1] * 9, 0.5)
    found = slices.accuracies(weak + strong, outcomes, seed=1)["strength"]
    assert found["parts"] == [
        {"name": "1"} | evaluation.accuracy(outcomes[:10], seed=1),
        {"name": "3"} | evaluation.accuracy(outcomes[10:], seed=1),
    ]
    assert [part["value"] for part in found["parts"]] == [0.6, 0.95]
    assert found["parts"][1]["n_prompts"] == 5
    assert found["rest"] is None


def test_of_fewer_than_ten_pairs_only_the_counts_are_told() -> None:
    pairs = [told(f"p{i % 4}", "a", "b") for i in range(9)]
    (part,) = slices.accuracies(pairs, with_credits(pairs, *[1] * 9), seed=1)["strength"]["parts"]
    assert part == {"name": "none", "value": None, "low": None, "high": None, "n_pairs": 9, "n_prompts": 4}


def test_two_policies_are_one_part_whichever_was_preferred() -> None:
    pairs = [told("p", "a", "b", policies=("new", "old")), told("p", "a", "b", policies=("old", "new"))]
    (part,) = slices.accuracies(pairs, with_credits(pairs, 1, 0), seed=1)["policies"]["parts"]
    assert (part["name"], part["n_pairs"]) == ("new | old", 2)


def test_a_pair_is_told_under_each_of_its_tags_and_one_without_any_under_none() -> None:
    both = [told(f"p{i}", "a", "b", tags=("maths", "short", "maths")) for i in range(10)]
    one = [told(f"q{i}", "a", "b", tags=("short",)) for i in range(10)]
    without = [told("r", "a", "b")]
    outcomes = with_credits(both + one + without, *[1] * 10, *[0] * 11)
    found = slices.accuracies(both + one + without, outcomes, seed=1)["tag"]["parts"]
    assert [(part["name"], part["value"], part["n_pairs"]) for part in found] == [
        ("maths", 1, 10),
        ("none", None, 1),
        ("short", 0.5, 20),
    ]


def test_a_pair_with_many_rare_tags_is_once_in_the_rest() -> None:
    """Twenty tags of one pair each stand alone, by name; the other ten share the rest with the same pair."""
    pairs = [told("p", "a", "b", tags=tuple(f"t{number:02}" for number in range(30)))]
    found = slices.accuracies(pairs, with_credits(pairs, 1), seed=1)["tag"]
    assert [part["name"] for part in found["parts"]] == [f"t{number:02}" for number in range(20)]
    assert (found["rest"]["parts"], found["rest"]["n_pairs"]) == (10, 1)


def test_the_twenty_largest_stand_alone_and_the_rest_together() -> None:
    """Annotator 00 said one thing, 01 two, and so on: 00 to 02 are the rest, six pairs of two prompts."""
    pairs = [told(f"p{i % 2}", "a", "b", by=f"{many:02}") for many in range(23) for i in range(many + 1)]
    found = slices.accuracies(pairs, with_credits(pairs, *[1] * len(pairs)), seed=1)["annotator"]
    assert [part["name"] for part in found["parts"]] == [f"{many:02}" for many in range(3, 23)]
    assert (found["rest"]["parts"], found["rest"]["n_pairs"], found["rest"]["n_prompts"]) == (3, 6, 2)
    assert found["rest"]["value"] is None


@given(st.lists(st.tuples(st.integers(0, 40), st.sampled_from([None, 1, 2, 3])), max_size=80))
def test_every_pair_is_in_one_part_of_each_kind(said: list[tuple[int, int | None]]) -> None:
    pairs = [told(f"p{i % 7}", "a", "b", by=str(by), strength=strength) for i, (by, strength) in enumerate(said)]
    for found in slices.accuracies(pairs, with_credits(pairs, *[1] * len(pairs)), seed=1).values():
        everyone = [*found["parts"], *([found["rest"]] if found["rest"] else [])]
        assert sum(part["n_pairs"] for part in everyone) == len(pairs)
        assert len(found["parts"]) <= slices.SHOWN
        assert all((part["value"] is None) == (part["n_pairs"] < slices.LEAST) for part in everyone)


def test_agreement_is_the_share_of_pairs_of_people_who_say_the_same() -> None:
    """On p two of three say a, so 1 of 3 agree; on q both say d, 1 of 1; r was judged once: 2 of 4."""
    found = ceiling.agreement(
        [
            told("p", "a", "b", by="ann"),
            told("p", "b", "a", by="ben"),
            told("p", "a", "b", by="cleo"),
            told("q", "d", "c", by="ann"),
            told("q", "d", "c", by="ben"),
            told("r", "a", "b", by="ann"),
        ],
        seed=1,
    )
    assert (found["value"], found["n"], found["n_pairs"], found["n_prompts"]) == (0.5, 4, 2, 2)
    assert found["low"] == pytest.approx(1 / 3, abs=1e-6)
    assert found["high"] == 1


def test_nobody_agrees_with_themselves_or_across_prompts_and_answers() -> None:
    found = ceiling.agreement(
        [
            told("p", "a", "b", by="ann"),
            told("p", "a", "b", by="ann"),
            told("q", "a", "b", by="ben"),
            told("p", "a", "c", by="ben"),
            told("p", "same", "same", by="ann"),
            told("p", "same", "same", by="ben"),
        ],
        seed=1,
    )
    assert found == {"value": None, "low": None, "high": None, "n": 0, "n_pairs": 0, "n_prompts": 0}


def test_whoever_said_both_agrees_half_with_anyone() -> None:
    said = [told("p", "a", "b", by="ann"), told("p", "b", "a", by="ann"), told("p", "a", "b", by="ben")]
    assert ceiling.agreement(said, seed=1)["value"] == 0.5


@given(
    st.lists(
        st.tuples(st.sampled_from("pq"), st.sampled_from("abcde"), st.booleans()),
        max_size=30,
        unique_by=lambda s: s[:2],
    )
)
def test_agreement_is_that_of_all_pairs_of_people_counted_out(said: list[tuple[str, str, bool]]) -> None:
    pairs = [told(prompt, *("ab" if first else "ba"), by=by) for prompt, by, first in said]
    met = [one[2] == other[2] for one, other in combinations(said, 2) if one[0] == other[0]]
    found = ceiling.agreement(pairs, seed=1)
    assert found["n"] == len(met)
    assert found["value"] == (pytest.approx(sum(met) / len(met), abs=1e-6) if met else None)
    assert ceiling.agreement(pairs[::-1], seed=1)["value"] == found["value"]
