"""The two apps share no code: what annotation freezes, training must read and hash alike."""

from pathlib import Path

import pytest

from annotation.actions import releases
from tests.annotation.released import demonstrated, judged
from tests.factories import ProjectFactory
from training.ml.releases import read


@pytest.mark.django_db
def test_training_reads_what_annotation_freezes_and_finds_the_same_hash():
    project = ProjectFactory()
    judged(project, key="a", ranking=[[2], [0, 1]], strength=2, seconds=31.0, edited={"0": "better"})
    demonstrated(project, question="How?", text="Like this.")

    release = releases.export(project, contents="both")

    found = read(Path(release.path), expected_hash=release.hash)
    assert found.rows[0].judgements[0].ranking == [[2], [0, 1]]
    assert [row.is_demonstration for row in found.rows] == [False, True]
