"""Releases read and verified; rankings as strict pairs."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from annotation.formats.release import read_rows
from annotation.formats.release_rows import canonical_line
from tests.training.ml import builders
from training.exceptions import InvalidRelease
from training.ml.data import pairs, releases


def read(directory: Path, rows: list[dict[str, object]]) -> releases.Release:
    reference = builders.release(directory, rows)
    return releases.read(Path(reference.path), expected_hash=reference.hash)


def test_both_sides_compute_the_same_canonical_lines(tmp_path: Path) -> None:
    hostile = builders.row(
        "emoji 🎈 and \u202e", ["<b>", "\u2028"], [[1], [0]], seconds=3.0, ratings={"x": [1.5, 2.0]}
    )
    reference = builders.release(tmp_path / "r", [hostile, *builders.polite_rows(3, 1)])
    directory = Path(reference.path)
    theirs = [canonical_line(record) for record in read_rows(directory)]
    assert [releases.canonical_line(record) for record in releases.read_records(directory)] == theirs
    assert releases.read(directory).hash == reference.hash


def test_an_altered_release_is_refused(tmp_path: Path) -> None:
    directory = Path(builders.release(tmp_path / "r", builders.polite_rows(3, 1)).path)
    table = pq.read_table(directory / "rankings.parquet")
    (directory / "rankings.parquet").unlink()
    pq.write_table(table.slice(1), directory / "rankings.parquet")
    with pytest.raises(InvalidRelease, match="was changed after it was released"):
        releases.read(directory)


def test_another_release_than_the_runs_own_is_refused(tmp_path: Path) -> None:
    directory = Path(builders.release(tmp_path / "r", builders.polite_rows(3, 1)).path)
    with pytest.raises(InvalidRelease, match="another release than this run was made for"):
        releases.read(directory, expected_hash="0" * 64)


@pytest.mark.parametrize("name", ["manifest.json", "rankings.parquet"])
def test_a_file_that_is_not_what_its_name_says_gets_its_sentence(tmp_path: Path, name: str) -> None:
    directory = Path(builders.release(tmp_path / "r", builders.polite_rows(3, 1)).path)
    (directory / name).unlink()
    with pytest.raises(InvalidRelease, match=r"is no release|cannot be read"):
        releases.read(directory)
    (directory / name).write_text("hello")
    with pytest.raises(InvalidRelease, match=r"is no release|cannot be read"):
        releases.read(directory)


def test_a_ranking_gives_all_strict_pairs_and_counts_its_ties(tmp_path: Path) -> None:
    release = read(tmp_path / "r", [builders.row("p", ["a", "b", "c", "d", "e"], [[2], [0, 1], [3]])])
    found = pairs.of_release(release)
    assert [(pair.chosen, pair.rejected) for pair in found.train] == [
        ("c", "a"),
        ("c", "b"),
        ("c", "d"),
        ("a", "d"),
        ("b", "d"),
    ]
    assert found.train_ties == 1


def test_a_pair_knows_who_said_it(tmp_path: Path) -> None:
    rows = [builders.row(f"p{name}", ["a", "b"], [[0], [1]], annotator=name) for name in "xy"]
    assert [pair.annotator for pair in pairs.of_release(read(tmp_path / "r", rows)).train] == ["x", "y"]


def test_strength_becomes_a_margin(tmp_path: Path) -> None:
    rows = [builders.row(f"p{s}", ["a", "b"], [[0], [1]], strength=s) for s in (1, 2, 3, None)]
    assert [pair.margin for pair in pairs.of_release(read(tmp_path / "r", rows)).train] == [0, 1 / 3, 2 / 3, 0]


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ([builders.row("p", ["a", "b"], [[0, 1]])], "holds only ties in its train split \\(1\\)"),
        ([builders.row("p", ["a", "b"], [[0], [1]], split="test")], "all 1 are held out"),
        ([builders.row("p", ["a"])], "holds no comparison: export one that holds rankings"),
    ],
    ids=["one class", "all held out", "demonstrations"],
)
def test_a_release_without_a_pair_to_train_on_gets_its_sentence(
    tmp_path: Path, rows: list[dict[str, object]], sentence: str
) -> None:
    release = read(tmp_path / "r", rows)
    with pytest.raises(InvalidRelease, match=sentence):
        pairs.of_release(release)
