"""What the votes on each row come to together, as it stands in a release."""

from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from django.core.management import call_command
from django.db import connection

from annotation.actions import releases
from annotation.exceptions import Unweighable
from annotation.formats.release import read_rows, verify
from annotation.formats.views.writing import VIEWS
from annotation.models import Annotator, Judgement, Project, Release
from tests.annotation.released import judge, judged
from tests.factories import ProjectFactory

pytestmark = pytest.mark.django_db

# The hash of what `judged_by_four` makes, with its consensus: on every database the same.
PINNED = "eb55a120bb9a696abb7bd40acbd44877c5e6265c785bd9d154553cb5189d9049"


def judged_by_four(project, keys=range(24)):  # type: ignore[no-untyped-def]
    """Three who mostly agree and one who says anything; nobody compares anything in `z`."""
    chance = np.random.default_rng(5)
    said = {key: [int(chance.random() < right) for right in (0.95, 0.9, 0.9, 0.4)] for key in range(24)}
    for key in keys:
        task = judged(project, key=f"k{key:02}", ranking=[], annotators=(), texts=("one", "two"))
        for name, right in zip("abcd", said[key], strict=True):
            judge(task, by=name, ranking=[[0], [1]] if right else [[1], [0]])
    judged(project, key="z", ranking=[[0]], annotators=("a",), texts=("one",))


@pytest.fixture
def project():  # type: ignore[no-untyped-def]
    project = ProjectFactory(slug="qa")
    judged_by_four(project)
    return project


def labels_of(release: Release) -> dict[str, dict]:  # type: ignore[type-arg]
    return {row["key"]: row["consensus"] for row in read_rows(Path(release.path))}


def test_each_row_says_its_likeliest_ranking_and_how_sure_it_is(project):
    labels = labels_of(releases.export(project, labels="consensus"))

    first = labels["k00"]
    assert (first["ranking"], first["judgements"]) == ([[0], [1]], 4)
    assert 0.5 < first["sureness"] <= 1


def test_the_probabilities_of_a_pair_sum_to_1(project):
    labels = labels_of(releases.export(project, labels="consensus"))

    sums = [
        pair["first"] + pair["tie"] + pair["second"] for label in labels.values() if label for pair in label["pairs"]
    ]
    assert len(sums) == 24
    assert sums == pytest.approx([1] * 24, abs=2e-4)


def test_a_row_in_which_nobody_compared_anything_has_none(project):
    assert labels_of(releases.export(project, labels="consensus"))["z"] is None


def test_who_is_reliable_outweighs_who_is_not(project):
    """Of two who contradict each other, `a` is nearly always right and `d` is not."""
    task = judged(project, key="two", ranking=[[1], [0]], annotators=("a",), texts=("one", "two"))
    judge(task, by="d", ranking=[[0], [1]])

    (pair,) = labels_of(releases.export(project, labels="consensus"))["two"]["pairs"]
    assert pair["second"] > 2 * pair["first"]


def test_a_ranking_of_several_answers_has_all_its_pairs(project):
    for key in range(5):
        judged(project, key=f"m{key}", ranking=[[2], [0], [1]], annotators="abc")

    label = labels_of(releases.export(project, labels="consensus"))["m0"]
    assert label["ranking"] == [[2], [0], [1]]
    assert [(pair["a"], pair["b"]) for pair in label["pairs"]] == [(0, 1), (0, 2), (1, 2)]


def test_the_manifest_says_where_the_labels_come_from(project):
    release = releases.export(project, labels="consensus")

    said = verify(Path(release.path))["labels"]
    assert {name: said[name] for name in ("kind", "method", "version", "prior_votes", "rows")} == {
        "kind": "consensus",
        "method": "dawid-skene",
        "version": 1,
        "prior_votes": 16,
        "rows": 24,
    }
    assert 0.5 < said["sureness"] < 1


def test_without_a_consensus_the_release_is_what_it_was(project):
    plain, labelled = releases.export(project), releases.export(project, labels="consensus")

    assert plain.manifest["labels"] == {"kind": "votes"}
    assert "consensus" not in next(read_rows(Path(plain.path)))
    assert plain.hash != labelled.hash
    assert plain.manifest["counts"] == labelled.manifest["counts"]


def test_weights_and_labels_can_go_together(project):
    release = releases.export(project, labels="consensus", weights="mace")

    row = next(read_rows(Path(release.path)))
    assert {judgement["weight"] for judgement in row["judgements"]} != {1}
    assert release.manifest["labels"]["method"] == release.manifest["weights"]["method"] == "mace"
    assert row["consensus"]["judgements"] == 4


def test_the_hash_is_the_same_on_every_database(project):
    assert releases.export(project, labels="consensus").hash == PINNED, connection.vendor


def test_the_hash_does_not_depend_on_the_order_of_arrival(project):
    other = ProjectFactory()
    judged_by_four(other, keys=reversed(range(24)))

    found = releases.export(other, labels="consensus")

    assert found.hash == releases.export(project, labels="consensus").hash


def test_the_judgements_behind_it_are_linked(project):
    release = releases.export(project, labels="consensus")

    assert release.judgements.count() == Judgement.objects.filter(task__project=project).count()


def test_who_cannot_be_told_apart_makes_no_consensus():
    project = ProjectFactory()
    judged(project, key="a", ranking=[[0], [1]], annotators=("ann",))

    with pytest.raises(Unweighable, match="or export with --labels votes"):
        releases.export(project, labels="consensus")


def test_the_command_says_how_sure_it_is(project):
    out = StringIO()

    call_command("export_release", "--project", "qa", "--labels", "consensus", stdout=out)

    assert "consensus by dawid-skene on 24 rows, sure of the best answer to " in out.getvalue()


@pytest.mark.parametrize("view", sorted(VIEWS))
def test_every_view_can_be_made_of_it(project, view, tmp_path):
    task = judged(project, key="accepted", ranking=[[0], [1]], annotators=(), texts=("one", "two"))
    judge(task, by="a", ranking=[[0], [1]], acceptable=[0])
    path = tmp_path / f"rows{VIEWS[view].suffix}"
    options = {"labels": "consensus", "view": view, "output": path}

    call_command("export_release", project="qa", stdout=StringIO(), **options)

    assert path.stat().st_size


def test_what_went_through_an_export_and_an_import_has_the_same_labels(project, tmp_path):
    path = tmp_path / "rows.jsonl"
    first = releases.export(project, labels="consensus")
    call_command("export_release", project="qa", view="native", output=path, stdout=StringIO())
    options = {"project": "again", "create": True, "keep_annotator_ids": True}
    call_command("import_data", path, stdout=StringIO(), **options)

    again = releases.export(Project.objects.get(slug="again"), labels="consensus")

    assert labels_of(again) == labels_of(first)


def crowd(project, *, seed: int, tasks: int = 300, people: int = 20, votes: int = 5):  # type: ignore[no-untyped-def]
    """30 % guess, 10 % say the opposite, the others are right four times in five; the first answer is the better one
    of even tasks. Gives the better side by the task's key."""
    chance = np.random.default_rng(seed)
    names = [f"p{number:02}" for number in range(people)]
    Annotator.objects.bulk_create(Annotator(name=name) for name in names)
    right = dict(zip(names, [0.5] * 6 + [0.2] * 2 + [0.8] * 12, strict=True))
    better = {}
    for number in range(tasks):
        key = f"t{number:03}"
        task = judged(project, key=key, ranking=[], annotators=(), texts=("one", "two"))
        better[key] = number % 2
        for name in chance.choice(names, size=votes, replace=False):
            said = better[key] if chance.random() < right[name] else 1 - better[key]
            judge(task, by=name, ranking=[[said], [1 - said]])
    return better


def by_consensus(label: dict) -> float:  # type: ignore[type-arg]
    return float(label["ranking"][0] == [0])


def by_majority(judgements: list) -> float:  # type: ignore[type-arg]
    return float(sum(judgement["ranking"][0] == [0] for judgement in judgements) > len(judgements) / 2)


def test_consensus_beats_the_majority_of_a_careless_crowd():
    project = ProjectFactory()
    better = crowd(project, seed=11)

    rows = list(read_rows(Path(releases.export(project, labels="consensus").path)))

    truth = np.array([1.0 - better[row["key"]] for row in rows])
    consensus = np.array([by_consensus(row["consensus"]) for row in rows])
    majority = np.array([by_majority(row["judgements"]) for row in rows])
    assert (consensus == truth).mean() > (majority == truth).mean() + 0.05
