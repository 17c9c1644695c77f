"""What annotation says a judgement weighs is what a comparison weighs in training."""

from pathlib import Path

import pytest

from annotation.actions import releases
from tests.annotation.released import judge, judged
from tests.factories import ProjectFactory
from training.ml.data.groups import edges, of_rows
from training.ml.data.releases import read

ALWAYS = [[0], [1]]


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["dawid-skene", "mace"])
def test_votes_and_soft_labels_of_training_follow_the_weights_of_the_release(method):
    """Of four who agree and one who never does, each pair has four votes for one side."""
    project = ProjectFactory()
    for key in range(12):
        task = judged(project, key=f"k{key}", ranking=ALWAYS, annotators="abcd", texts=("one", "two"))
        judge(task, by="e", ranking=[[1], [0]])

    release = releases.export(project, weights=method)

    found = read(Path(release.path), expected_hash=release.hash)
    weight = {name: said["weight"] for name, said in release.manifest["weights"]["annotators"].items()}
    assert weight["e"] < 0.5 * weight["a"]
    for group in of_rows(found.rows):
        votes = {edge.better: edge.weight for edge in edges(group, labels="votes", margin="off")}
        shares = {edge.better: edge.weight for edge in edges(group, labels="shares", margin="off")}
        assert votes[0] == pytest.approx(sum(weight[name] for name in "abcd"))
        assert votes.get(1, 0) == pytest.approx(weight["e"])
        assert shares[0] > 0.9  # of the heads it would be 0.8
