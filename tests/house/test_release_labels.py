"""What annotation says that all votes on a row come to is what training learns from, where it is told to."""

from pathlib import Path

import pytest

from annotation.actions import releases
from tests.annotation.released import judge, judged
from tests.factories import ProjectFactory
from training.exceptions import InvalidKnob
from training.ml import knobs
from training.ml.data.groups import Group, edges, of_rows
from training.ml.data.releases import read


def groups_of(project, labels: str) -> list[Group]:  # type: ignore[no-untyped-def]
    release = releases.export(project, labels=labels)
    return of_rows(read(Path(release.path), expected_hash=release.hash).rows)


def agreed(project, texts: tuple[str, ...] = ("one", "two")) -> None:  # type: ignore[no-untyped-def]
    """Twelve tasks on which four agree and one never does."""
    for key in range(12):
        task = judged(project, key=f"k{key}", ranking=[[0], [1]], annotators="abcd", texts=texts)
        judge(task, by="e", ranking=[[1], [0]])


@pytest.mark.django_db
def test_the_sides_of_a_pair_weigh_what_they_are_likely():
    project = ProjectFactory()
    agreed(project)

    for group in groups_of(project, "consensus"):
        found = {(edge.better, edge.tie): edge.weight for edge in edges(group, labels="consensus", margin="off")}
        assert sum(found.values()) == pytest.approx(1, abs=1e-3)
        assert found[0, False] > 0.9


@pytest.mark.django_db
def test_dropped_ties_take_their_weight_along():
    project = ProjectFactory()
    agreed(project)
    messages = [{"role": "user", "content": "Which?"}]
    judged(project, key="even", ranking=[[0, 1]], annotators="abcd", texts=("one", "two"), messages=messages)

    (group,) = (group for group in groups_of(project, "consensus") if group.messages == messages)

    strict = edges(group, labels="consensus", margin="off", ties=False)
    assert sum(edge.weight for edge in strict) < 0.9


@pytest.mark.django_db
def test_a_pair_of_two_rows_is_one_pair():
    project = ProjectFactory()
    agreed(project)
    messages = [{"role": "user", "content": "Question k0?"}]
    judged(project, key="turned", ranking=[[1], [0]], annotators="abc", texts=("two", "one"), messages=messages)

    (group,) = (group for group in groups_of(project, "consensus") if group.messages == messages)

    found = edges(group, labels="consensus", margin="off")
    assert len({edge.pair for edge in found}) == 1
    assert sum(edge.weight for edge in found) == pytest.approx(1)


@pytest.mark.django_db
def test_a_release_of_votes_has_no_consensus():
    project = ProjectFactory()
    agreed(project)

    assert all(group.agreed == () for group in groups_of(project, "votes"))


def test_a_consensus_is_of_pairs_not_of_whole_rankings():
    with pytest.raises(InvalidKnob, match="labels=consensus: it is of two answers"):
        knobs.build("rm", {"labels": "consensus", "loss": "plackett-luce"})


def test_a_consensus_knows_no_margin():
    with pytest.raises(InvalidKnob, match="a consensus knows no strength"):
        knobs.build("rm", {"labels": "consensus", "margin": "strength"})
