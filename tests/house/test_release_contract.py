"""The two apps share no code: what annotation freezes, training must read and hash alike."""

from pathlib import Path

import pytest

from annotation.actions import releases
from tests.annotation.released import demonstrated, judged
from tests.factories import ProjectFactory
from training.ml.data.releases import read
from training.ml.demonstrations import demonstrated as demonstrated_in


@pytest.mark.django_db
def test_training_reads_what_annotation_freezes_and_finds_the_same_hash():
    project = ProjectFactory()
    judged(project, key="a", ranking=[[2], [0, 1]], strength=2, seconds=31.0, edited={"0": "better"})
    judged(project, key="b", ranking=[], texts=(), written="My own.", spans=[], flags=[{"flag": "unclear"}])
    demonstrated(project, question="How?", text="Like this.")

    release = releases.export(project, contents="both")

    found = read(Path(release.path), expected_hash=release.hash)
    assert found.rows[0].judgements[0].ranking == [[2], [0, 1]]
    assert found.rows[1].judgements[0].written == "My own."
    assert [row.is_demonstration for row in found.rows] == [False, False, True]
    assert [shown.answer for shown in demonstrated_in(found.rows)] == ["better", "My own.", "Like this."]
