"""The native view of a release, imported elsewhere, is the same release."""

import json
from pathlib import Path

import pytest

from annotation.actions import import_files, imports, releases
from annotation.actions.import_plans import Naming
from annotation.formats import rows
from annotation.formats.views.writing import VIEWS, write_view
from annotation.models import Release
from tests.factories import ProjectFactory

pytestmark = pytest.mark.django_db

ROWS = [
    {"prompt": "How?", "responses": [{"text": "Like this.", "kind": "people"}], "tags": ["b", "a"]},
    {
        "prompt": "How?",
        "responses": [
            {"text": "Like that.", "kind": "people", "policy": "writers", "sampling": {"t": 1e16, "z": -0.0}}
        ],
        "tags": ["c"],
    },
    {
        "prompt": [{"role": "system", "content": "S"}, {"role": "user", "content": "ß 🙂 مرحبا"}],
        "responses": ["x", {"text": "=y", "policy": "m", "kind": "model", "sampling": {"temperature": 0.7}}],
        "id": "_z",
        "judgements": [
            {
                "annotator": "a17",
                "ranking": [[1], [0]],
                "strength": 2,
                "acceptable": [],
                "ratings": {"c": [4, 1e16]},
                "seconds": 31,
                "at": "2026-01-31T10:00:00+02:00",
                "source": "human",
                "guideline": 2,
                "revision": 1,
                "shown": [1, 0],
                "edited": {"0": "q"},
                "spans": [{"response": 1, "start": 1, "end": 2, "text": "y", "comment": "Why?"}],
                "flags": [1.0],
                "reason": "r",
            }
        ],
        "tags": ["z"],
        "metadata": {"k": 2.0, "big": 1e22},
    },
    {
        "prompt": "Which?",
        "responses": ["x", "y", "z"],
        "judgements": [{"ranking": [[1], [0]], "acceptable": [1]}, {"ranking": [[0, 1]]}],
        "generation": "g",
        "strategy": "s",
        "score": 1,
        "propensity": 0.5,
        "purpose": "head_to_head",
    },
    {"prompt": "Write it.", "judgements": [{"annotator": "a17", "ranking": [], "written": "Here.", "reason": "R"}]},
]


def imported(path: Path, *, keep_annotator_ids: bool = False) -> Release:
    project = ProjectFactory()
    naming = Naming(keep_annotator_ids=keep_annotator_ids)
    import_files.import_file(path, project=project, by=None, naming=naming, strict=True)
    return releases.export(project, contents="both")


def test_the_native_view_imported_again_is_the_same_release(tmp_path):
    source, native = tmp_path / "rows.jsonl", tmp_path / "native.jsonl.gz"
    source.write_text("\n".join(map(json.dumps, ROWS)))
    first = imported(source)

    write_view(Path(first.path), view=VIEWS["native"], output=native)

    assert imported(native).hash == first.hash
    assert first.manifest["counts"]["demonstrations"] == 2


def test_a_known_answer_goes_along(tmp_path):
    project = ProjectFactory()
    known = {"ranking": [[1], [0]], "explanation": "b is true."}
    said = [{"annotator": "x", "ranking": [[0], [1]]}]
    row = {"prompt": "?", "responses": ["a", "b"], "purpose": "gold", "known": known, "judgements": said}
    imports.import_rows([rows.parse(row)], project=project, by=None)
    first = releases.export(project, purposes=("gold",))

    write_view(Path(first.path), view=VIEWS["native"], output=tmp_path / "native.jsonl")
    again = ProjectFactory()
    import_files.import_file(tmp_path / "native.jsonl", project=again, by=None, strict=True)

    assert again.tasks.get().known == known
    assert releases.export(again, purposes=("gold",)).hash == first.hash


def test_the_order_of_the_lines_does_not_matter(tmp_path):
    forward, backward = tmp_path / "forward.jsonl", tmp_path / "backward.jsonl"
    forward.write_text("\n".join(map(json.dumps, ROWS)))
    backward.write_text("\n".join(map(json.dumps, reversed(ROWS))))

    assert imported(forward).hash == imported(backward).hash


@pytest.mark.parametrize("name", ["pandalm", "qa-feedback"])
def test_real_judgements_make_the_round_trip(shared_data, tmp_path, name):
    native = tmp_path / "native.jsonl.gz"
    first = imported(shared_data / "native" / f"{name}.jsonl.gz")

    write_view(Path(first.path), view=VIEWS["native"], output=native)

    assert imported(native).hash == first.hash
