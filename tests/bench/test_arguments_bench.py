"""What the benchmark of arguments counts, on pairs of our own."""

import gzip
import json
from typing import Any

import pytest

from annotation.formats import release
from tests.bench import arguments, bench_arguments
from tests.bench.arguments import Gold, Weights

LEFT, RIGHT, TIE = [[0], [1]], [[1], [0]], [[0, 1]]


def record(
    key: str, *, title: str = "Tea", side: str = "yes", gold: str | None = "a1", texts=("Hot.", "Wet.")
) -> Any:
    said = [{"annotator": name, "ranking": ranking} for name, ranking in (("p", LEFT), ("q", LEFT), ("r", RIGHT))]
    return {
        "id": key,
        "prompt": f"{title}\nA long story.\nGive a convincing argument for the side: {side}",
        "responses": [{"text": text} for text in texts],
        "judgements": said,
        "metadata": {"gold": gold},
    }


@pytest.fixture
def pairs(tmp_path):
    records = [
        record("1", title="Tea", side="yes"),
        record("2", title="Tea", side="no", gold="a2"),
        record("3", title="Tea", side="no", gold=""),
        record("4", title="Rain", gold="equal"),
        record("5", title="Snow"),
        record("6", title="Snow", texts=("Same.", "Same.")),
    ]
    path = tmp_path / "pairs.jsonl.gz"
    with gzip.open(path, "wt") as file:
        file.writelines(json.dumps(one) + "\n" for one in records)
    return arguments.read(path)


def test_a_row_with_one_text_twice_is_left_out_and_the_story_of_a_prompt_is_too(pairs):
    assert [pair.key for pair in pairs] == ["1", "2", "3", "4", "5"]
    assert pairs[0].prompt == "Tea\nGive a convincing argument for the side: yes"
    assert pairs[0].lead == 1


def test_both_sides_of_a_topic_are_held_out_together(pairs):
    assert arguments.folds(pairs, count=2) == [["Tea"], ["Rain", "Snow"]]


def test_gold_pairs_are_those_where_the_crowd_was_clear(pairs):
    found = arguments.gold_of(pairs, topics=["Tea"])
    assert [(pair.better, pair.worse) for pair in found] == [("Hot.", "Wet."), ("Wet.", "Hot.")]
    assert arguments.gold_of(pairs, topics=["Rain"]) == []


def test_a_release_holds_the_topics_out_and_carries_the_weights(pairs, tmp_path):
    path, digest = arguments.write(tmp_path / "r", pairs, held_out=["Tea"], weights=Weights({"q": 0.5}))
    assert release.verify(path)["hash"] == digest
    rows = list(release.read_rows(path))
    assert [row["split"] for row in rows] == ["test", "test", "test", "train", "train"]
    assert [said["weight"] for said in rows[0]["judgements"]] == [1.0, 0.5, 1.0]


def test_weights_are_learnt_without_the_votes_on_held_out_topics(pairs):
    assert bench_arguments.weights_of(pairs, held_out=["Tea"], labels="shares").of == {}
    learnt = bench_arguments.weights_of(pairs, held_out=["Tea"], labels="reliability")
    changed = [
        arguments.Pair(
            key=pair.key,
            prompt=pair.prompt,
            texts=pair.texts,
            gold=pair.gold,
            votes=[arguments.Vote(annotator=vote.annotator, ranking=TIE) for vote in pair.votes]
            if pair.topic == "Tea"
            else pair.votes,
        )
        for pair in pairs
    ]
    assert bench_arguments.weights_of(changed, held_out=["Tea"], labels="reliability") == learnt
    assert set(learnt.of) == {"p", "q", "r"}
    assert learnt("nobody") == 1.0


def test_an_ensemble_weighs_members_of_any_size_alike():
    small, large = {("t", "a"): 0.1, ("t", "b"): 0.3}, {("t", "a"): 50.0, ("t", "b"): -50.0}
    assert bench_arguments.mean([small, large]) == pytest.approx({("t", "a"): 0.0, ("t", "b"): 0.0})


def test_equal_scores_are_worth_a_half():
    gold = [
        Gold(topic="T", prompt="p", better="ab", worse="cd"),
        Gold(topic="T", prompt="p", better="abc", worse="d"),
    ]
    assert [found.credit for found in bench_arguments.outcomes(gold, bench_arguments.longest(gold))] == [0.5, 1.0]
