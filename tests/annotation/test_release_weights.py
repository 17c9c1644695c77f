import json
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from django.core.management import call_command
from django.db import connection

from annotation.actions import releases
from annotation.exceptions import Unweighable
from annotation.formats.release import read_rows, verify
from annotation.models import Release
from tests.annotation.released import judge, judged
from tests.factories import ProjectFactory

pytestmark = pytest.mark.django_db

METHODS = ["dawid-skene", "mace"]
# The hash of what `judged_by_four` makes, weighed: on every database the same.
PINNED = {
    "dawid-skene": "3f66a43c892f29f3c553b6b62ed56b35ba729bf6cad94f5ad3bdd62a18e52f6c",
    "mace": "d207296a27ce62cf9c20770aac312675ac7e80c2b4d5b1348e24b705453b6e15",
}


def judged_by_four(project, keys=range(24)):  # type: ignore[no-untyped-def]
    """Three who mostly agree and one who says anything; `late` said one thing, `alone` what nobody else judged."""
    chance = np.random.default_rng(5)
    said = {key: [int(chance.random() < right) for right in (0.95, 0.9, 0.9, 0.4)] for key in range(24)}
    for key in keys:
        task = judged(project, key=f"k{key:02}", ranking=[[0], [1]], annotators=(), texts=("one", "two"))
        for name, right in zip("abcd", said[key], strict=True):
            judge(task, by=name, ranking=[[0], [1]] if right else [[1], [0]] if key % 3 else [[0, 1]])
        if key == 0:
            judge(task, by="late", ranking=[[0], [1]])
    judged(project, key="x", ranking=[[0], [1], [2]], annotators=("alone",))
    judged(project, key="y", ranking=[[0]], annotators=("silent",))


def weights_of(release: Release) -> dict[str, float]:
    return {
        judgement["annotator"]: judgement["weight"]
        for row in read_rows(Path(release.path))
        for judgement in row["judgements"]
    }


@pytest.fixture
def project():  # type: ignore[no-untyped-def]
    project = ProjectFactory(slug="qa")
    judged_by_four(project)
    return project


@pytest.mark.parametrize("method", METHODS)
def test_who_agrees_with_the_others_weighs_more(project, method):
    weights = weights_of(releases.export(project, weights=method))

    assert min(weights["a"], weights["b"], weights["c"]) > weights["d"] >= 0


@pytest.mark.parametrize("method", METHODS)
def test_weights_are_1_on_average_over_the_judgements_of_the_release(project, method):
    release = releases.export(project, weights=method)

    weights = [judgement["weight"] for row in read_rows(Path(release.path)) for judgement in row["judgements"]]
    assert len(weights) == 4 * 24 + 3
    assert np.mean(weights) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_whoever_shares_no_pair_weighs_what_everybody_does(project, method):
    weights = weights_of(releases.export(project, weights=method))

    assert weights["alone"] == weights["silent"]
    assert min(weights["a"], weights["b"], weights["c"]) > weights["alone"] > weights["d"]


def test_the_manifest_says_how_reliable_each_annotator_is_and_of_how_much(project):
    release = releases.export(project, weights="dawid-skene")

    said = verify(Path(release.path))["weights"]
    assert (said["method"], said["version"], said["prior_votes"]) == ("dawid-skene", 2, 16)
    assert sorted(said["annotators"]) == ["a", "alone", "b", "c", "d", "late"]
    first = said["annotators"]["a"]
    assert (first["comparisons"], first["shared"], first["weight"]) == (24, 24, weights_of(release)["a"])
    low, high = first["interval"]
    assert 0.5 < low < first["reliability"] < high <= 1
    assert said["annotators"]["alone"]["comparisons"] == 3
    for few in ("late", "alone"):
        assert said["annotators"][few]["reliability"] is said["annotators"][few]["interval"] is None


def test_equal_weights_are_said_and_are_another_release(project):
    equal, weighed = releases.export(project), releases.export(project, weights="mace")

    assert equal.manifest["weights"] == {"method": "none"}
    assert set(weights_of(equal).values()) == {1}
    assert equal.hash != weighed.hash
    assert equal.manifest["counts"] == weighed.manifest["counts"]


@pytest.mark.parametrize("method", METHODS)
def test_the_hash_is_the_same_on_every_database(project, method):
    assert releases.export(project, weights=method).hash == PINNED[method], connection.vendor


@pytest.mark.parametrize("method", METHODS)
def test_the_hash_does_not_depend_on_the_order_of_arrival(project, method):
    other = ProjectFactory()
    judged_by_four(other, keys=reversed(range(24)))

    assert releases.export(other, weights=method).hash == releases.export(project, weights=method).hash


def test_what_went_through_an_export_and_an_import_weighs_the_same(project, tmp_path):
    path = tmp_path / "rows.jsonl"
    first = releases.export(project, weights="mace")
    call_command("export_release", "--project", "qa", "--view", "native", "--output", str(path), stdout=StringIO())
    other = ProjectFactory(slug="other")

    call_command("import_data", str(path), "--project", "other", "--keep-annotator-ids", stdout=StringIO())

    assert weights_of(releases.export(other, weights="mace")) == weights_of(first)


def test_a_pair_of_texts_is_one_pair_in_whichever_row_and_order_it_stands():
    project = ProjectFactory()
    messages = [{"role": "user", "content": "Which?"}]
    for key, texts in (("p", ("one", "two")), ("q", ("two", "one"))):
        best = [[0], [1]] if key == "p" else [[1], [0]]
        judged(project, key=key, ranking=best, annotators=(f"by-{key}",), texts=texts, messages=messages)

    said = releases.export(project, weights="dawid-skene").manifest["weights"]["annotators"]

    assert {name: facts["shared"] for name, facts in said.items()} == {"by-p": 1, "by-q": 1}


def test_one_comparison_of_two_people_is_too_little_for_mace():
    project = ProjectFactory()
    judged(project, key="p", ranking=[[0], [1]], annotators=("a", "b"), texts=("one", "two"))

    with pytest.raises(Unweighable, match=r"by mace: .* too few or agree no better than chance\. .*--weights none"):
        releases.export(project, weights="mace")


@pytest.mark.parametrize(
    ("ranking", "why"), [([[0], [1]], "no pair was judged by two people"), ([[0]], "no judgement ranks two answers")]
)
def test_without_overlap_nobody_is_weighed_and_nothing_is_left_behind(settings, ranking, why):
    project = ProjectFactory(slug="qa")
    judged(project, key="a", ranking=ranking)

    with pytest.raises(Unweighable, match=rf"cannot be weighed by mace: {why}.*--weights none"):
        releases.export(project, weights="mace")

    assert not list(Path(settings.RELEASES_DIR).glob("[!.]*"))
    assert not project.releases.exists()


def test_the_command_weighs_and_says_so(project):
    out = StringIO()

    call_command("export_release", "--project", "qa", "--weights", "dawid-skene", stdout=out)

    release = project.releases.get()
    weights = [facts["weight"] for facts in release.manifest["weights"]["annotators"].values()]
    assert json.loads((Path(release.path) / "manifest.json").read_text())["weights"]["method"] == "dawid-skene"
    assert (
        f"weights by dawid-skene: {min(weights):.2f} to {max(weights):.2f}; "
        "4 of 6 annotators shared enough comparisons for a reliability of their own"
    ) in out.getvalue()
