"""Each view of a small release, read back as another program would."""

import csv
import gzip
import hashlib
import json
from pathlib import Path

import pytest

from annotation.exceptions import EmptyRelease, UnwritableFile
from annotation.formats.rows import parse
from annotation.formats.views.writing import VIEWS, Written, write_view
from tests.annotation.formats.release_records import QUESTION, judgement, record, release_of


@pytest.fixture
def view(tmp_path):  # type: ignore[no-untyped-def]
    """Call with a view's name and records: what was written, and the file's lines."""

    def write(name: str, *records: dict) -> tuple[Written, list[str]]:  # type: ignore[type-arg]
        release = release_of(tmp_path / "release", *records)
        written = write_view(release, view=VIEWS[name], output=tmp_path / f"{name}.out")
        return written, written.path.read_text().splitlines()

    return write


def said(text: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": text}]


def test_rankings_is_the_text_that_the_hash_is_over(view, tmp_path):
    written, _ = view("rankings", record(texts=["a", "b"], judgements=[judgement([[0], [1]])]))

    manifest = json.loads((tmp_path / "release" / "manifest.json").read_text())
    assert hashlib.sha256(written.path.read_bytes()).hexdigest() == manifest["hash"]


def test_native_is_an_interchange_row_with_everything_said(view):
    full = judgement(
        [[1], [0]],
        strength=2,
        acceptable=[1],
        ratings={"tone": [1.0, 2.0]},
        flags=["spam"],
        reason="why",
        edited={"0": "x"},
        seconds=3.5,
        shown=[1, 0],
        at="2026-01-31T10:00:00.000000Z",
        source="human",
        guideline=2,
        revision=1,
    )
    _, (line,) = view("native", record(texts=["a", "b"], judgements=[full], tags=["t"], metadata={"m": 1}))

    row = parse(json.loads(line))

    assert (row.key, row.tags, row.metadata) == ("row", ["t"], {"m": 1})
    assert [(response.policy, response.kind) for response in row.responses] == [("p0", "people"), ("p1", "people")]
    assert vars(row.judgements[0]) == {name: full[name] for name in full if name not in ("uid", "weight")}


def test_trl_has_a_line_for_each_strict_pair(view):
    written, lines = view("trl", record(texts=["a", "b", "c"], judgements=[judgement([[2], [0, 1]])]))

    assert [json.loads(line) for line in lines] == [
        {"prompt": QUESTION, "chosen": said("c"), "rejected": said(other), "split": "train"} for other in "ab"
    ]
    assert written.left_out == {"ties left out: a preference pair has a better and a worse answer": 1}


def test_trl_gives_every_line_a_margin_once_one_judgement_has_a_strength(view):
    judgements = [judgement([[0], [1]], strength=3), judgement([[1], [0]])]

    _, lines = view("trl", record(texts=["a", "b"], judgements=judgements))

    assert [json.loads(line)["margin"] for line in lines] == [3.0, 0.0]


def test_trl_of_nothing_but_ties_is_refused(view, tmp_path):
    with pytest.raises(EmptyRelease, match="The trl view of release is empty: it needs a pair"):
        view("trl", record(texts=["a", "b"], judgements=[judgement([[0, 1]])]))

    assert [path.name for path in tmp_path.iterdir()] == ["release"]


def test_kto_takes_acceptability_where_it_was_asked(view):
    written, lines = view(
        "kto",
        record(
            texts=["a", "b", "c"],
            judgements=[judgement([[1], [0]], acceptable=[0, 1])] * 1 + [judgement([[1], [0]], acceptable=[])],
        ),
    )

    labels = [(json.loads(line)["completion"][0]["content"], json.loads(line)["label"]) for line in lines]
    assert labels == [("a", True), ("b", True), ("a", False), ("b", False)]
    assert list(written.left_out.values()) == [2]


def test_kto_else_takes_best_and_worst(view):
    _, lines = view("kto", record(texts=["a", "b", "c"], judgements=[judgement([[2], [0], [1]])]))

    labels = {json.loads(line)["completion"][0]["content"]: json.loads(line)["label"] for line in lines}
    assert labels == {"c": True, "b": False}


def test_kto_of_one_class_is_one_sentence(view):
    with pytest.raises(EmptyRelease, match="this release has 2 desirable and no undesirable ones"):
        view("kto", record(texts=["a", "b"], judgements=[judgement([[0], [1]], acceptable=[0, 1])]))


@pytest.mark.parametrize(
    ("judgements", "expected"),
    [
        ([], ["a", "b"]),  # a demonstration: nobody judged it
        ([judgement([[0], [1]], edited={"1": "mended"}), judgement([[0], [1]])], ["mended"]),
        ([judgement([], written="my own"), judgement([[0], [1]], edited={"0": "mended"})], ["my own", "mended"]),
        ([judgement([[0], [1]])], ["a"]),
        ([judgement([[0], [1]]), judgement([[1], [0]])], []),  # no majority
        ([judgement([[0], [1]]), judgement([[0], [1]]), judgement([[1], [0]])], ["a"]),
        ([judgement([[0, 1]])], []),  # all equal: nothing is best
        ([judgement([[0], [1]], acceptable=[])], []),  # best, but not good enough
        ([judgement([[0], [1]], acceptable=[0]), judgement([[0], [1]])], ["a"]),
    ],
)
def test_sft_answers(view, judgements, expected):
    anchor = record(texts=["anchor"], judgements=[], prompt=[{"role": "user", "content": "Else?"}])

    _, (_, *lines) = view("sft", anchor, record(texts=["a", "b"], judgements=judgements))

    assert [json.loads(line)["messages"] for line in lines] == [[*QUESTION, *said(text)] for text in expected]


def test_sft_writes_a_conversation_once(view):
    written, lines = view("sft", *[record(key=key, texts=["a"], judgements=[]) for key in "xy"])

    assert len(lines) == 1
    assert written.left_out == {"conversations left out: the same prompt and answer is there already": 1}


def test_csv_has_one_comparison_a_row(view):
    judgements = [judgement([[1], [0]], strength=2), judgement([[0, 1]], strength=1)]

    written, _ = view("csv", record(texts=["line\none", "b"], judgements=judgements))

    with written.path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["chosen"], row["rejected"], row["tie"], row["strength"]) for row in rows[:1]] == [
        ("b", "line\none", "0", "2")
    ]
    assert (rows[1]["tie"], rows[1]["strength"]) == ("1", "")
    assert written.lines == len(rows) == 2


@pytest.mark.parametrize("text", ["=HYPERLINK(1)", "+1", "-1", "@SUM(1)", "\t=1", "\r=1"])
def test_csv_disarms_formulas(view, text):
    written, _ = view("csv", record(texts=[text, "b"], judgements=[judgement([[0], [1]])]))

    with written.path.open(newline="") as file:
        assert next(csv.DictReader(file))["chosen"] == f"'{text}"


def test_gz_is_compressed_and_the_same_bytes_each_time(tmp_path):
    release = release_of(tmp_path / "release", record(texts=["a", "b"], judgements=[judgement([[0], [1]])]))

    first, second = (
        write_view(release, view=VIEWS["trl"], output=tmp_path / folder / "pairs.jsonl.gz").path.read_bytes()
        for folder in (made(tmp_path / "1"), made(tmp_path / "2"))
    )

    assert first == second
    assert json.loads(gzip.decompress(first))["chosen"] == said("a")


def test_an_output_that_cannot_be_written_is_one_sentence(tmp_path):
    release = release_of(tmp_path / "release", record(texts=["a", "b"], judgements=[judgement([[0], [1]])]))

    with pytest.raises(UnwritableFile, match=r"missing/pairs.jsonl cannot be written: No such file or directory"):
        write_view(release, view=VIEWS["trl"], output=tmp_path / "missing" / "pairs.jsonl")
    with pytest.raises(UnwritableFile, match="is a folder"):
        write_view(release, view=VIEWS["trl"], output=made(tmp_path / "folder"))


def made(directory: Path) -> Path:
    directory.mkdir()
    return directory
