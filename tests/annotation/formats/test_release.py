import hashlib
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from annotation.exceptions import DamagedRelease
from annotation.formats import release
from annotation.formats.release import read_rows, verify, write_rows
from annotation.formats.release_rows import canonical_line
from tests.annotation.formats.release_records import judgement, record, release_of

FULL = judgement(
    [[1], [0]],
    strength=3,
    acceptable=[],
    ratings={"tone": [1.0, 2.5]},
    flags=[{"why": "spam"}],
    edited={"0": "better"},
    seconds=1.5,
    shown=[1, 0],
    at="2026-01-31T10:00:00.000000Z",
    guideline=2,
)


def row(key="row", **changed):  # type: ignore[no-untyped-def]
    return record(key=key, texts=["a", "b"], judgements=[FULL, judgement([[0, 1]])], **changed)


def test_rows_come_back_as_they_were_written(tmp_path):
    rows = [row("1", metadata={"deep": [{"x": None}]}, tags=["t"], score=0.5), row("2")]

    assert list(read_rows(release_of(tmp_path, *rows))) == rows


def test_the_hash_is_that_of_the_canonical_lines(tmp_path):
    rows = [row("1"), row("2")]

    digest = write_rows(tmp_path, rows)

    assert digest.hash == hashlib.sha256("".join(map(canonical_line, rows)).encode()).hexdigest()


def test_numbers_that_databases_write_differently_hash_alike():
    ours, theirs = row(metadata={"n": 1e16, "z": -0.0}), row(metadata={"n": 10**16, "z": 0})

    assert canonical_line(ours) == canonical_line(theirs)


def test_many_and_large_rows_are_written_in_groups(tmp_path, monkeypatch):
    monkeypatch.setattr(release, "GROUP_ROWS", 10)
    monkeypatch.setattr(release, "GROUP_CHARACTERS", 50_000)
    rows = [row(str(i)) for i in range(25)] + [record(key="z", texts=["x" * 60_000, "b"], judgements=[])]
    path = release_of(tmp_path, *rows)

    assert pq.ParquetFile(path / "rankings.parquet").metadata.num_row_groups == 4
    assert list(read_rows(path)) == rows


def test_an_untouched_release_is_verified(tmp_path):
    path = release_of(tmp_path, row())

    assert verify(path)["counts"]["rows"] == 1


@pytest.mark.parametrize("name", ["manifest.json", "rankings.parquet"])
def test_a_missing_file_is_said(tmp_path, name):
    path = release_of(tmp_path, row())
    (path / name).unlink()

    with pytest.raises(DamagedRelease, match=name):
        verify(path)


@pytest.mark.parametrize("name", ["manifest.json", "rankings.parquet"])
def test_a_truncated_file_is_said(tmp_path, name):
    path = release_of(tmp_path, row())
    (path / name).chmod(0o644)
    (path / name).write_bytes((path / name).read_bytes()[:-20])

    with pytest.raises(DamagedRelease, match=f"{name} cannot be read"):
        verify(path)


def test_a_changed_row_is_found(tmp_path):
    path = release_of(tmp_path / "a", row())
    other = release_of(tmp_path / "b", row(split="test"))
    (other / "rankings.parquet").rename(path / "rankings.parquet")

    with pytest.raises(DamagedRelease, match="was changed after it was released"):
        verify(path)


def test_another_parquet_file_is_no_release(tmp_path):
    path = release_of(tmp_path, row())
    (path / "rankings.parquet").unlink()
    pq.write_table(pa.table({"a": [1]}), path / "rankings.parquet")

    with pytest.raises(DamagedRelease, match="does not have the columns of a release"):
        verify(path)


def test_a_manifest_of_another_version_is_refused(tmp_path):
    path = release_of(tmp_path, row())
    manifest = path / "manifest.json"
    manifest.chmod(0o644)
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"format_version": 99}))

    with pytest.raises(DamagedRelease, match="not of format version 1"):
        verify(path)


def test_files_of_a_release_are_read_only(tmp_path):
    path = release_of(tmp_path, row())

    assert {child.stat().st_mode & 0o777 for child in path.iterdir()} == {0o444}
