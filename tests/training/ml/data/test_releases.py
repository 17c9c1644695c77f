"""What training reads of a release's rows."""

from pathlib import Path

from tests.training.ml import builders
from training.ml.data import releases


def test_tags_ratings_and_sources_are_read_as_they_were_written(tmp_path: Path) -> None:
    told = builders.row("Why?", ["So.", "No."], [[0], [1]], ratings={"kind": [5, 2.5]}, source="imported")
    plain = builders.row("When?", ["Now.", "Never."], [[1], [0]])
    builders.release(tmp_path / "r", [told | {"tags": ["maths", "short"]}, plain])
    when, why = releases.read(tmp_path / "r").rows
    assert (why.tags, when.tags) == (("maths", "short"), ())
    assert (why.judgements[0].ratings, when.judgements[0].ratings) == ({"kind": [5, 2.5]}, {})
    assert (why.judgements[0].source, when.judgements[0].source) == ("imported", "human")
