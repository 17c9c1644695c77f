import json
from pathlib import Path

import pytest
from django.db import connection
from django.utils.dateparse import parse_datetime

from annotation.actions import releases
from annotation.exceptions import DamagedRelease, EmptyRelease, UnwritableFile
from annotation.formats.release import read_rows, verify
from annotation.models import AuditEvent, Judgement, Release
from tests.annotation.released import demonstrated, judge, judged
from tests.factories import ProjectFactory, UserFactory

pytestmark = pytest.mark.django_db

# The hash of what `everything` makes, on every database: it changes only when the format does.
PINNED = "12e4b2e372ccfc832107f68b56d5e2faf39d14c5ccb51bc29fce9ab93ef9944f"


def everything(project, keys=("b", "a", "Ä", "_", "B")):  # type: ignore[no-untyped-def]
    for key in keys:
        judged(
            project,
            key=key,
            ranking=[[2], [0, 1]],
            annotators=("zoe", "ann"),
            strength=2,
            acceptable=[2],
            ratings={"correctness": [4.0, 2.5, 1e16]},
            flags=["unsafe"],
            reason="מפני ש 🙂 <script>",
            edited={"0": "better"},
            seconds=31.0,
            shown=[2, 1, 0],
            at=parse_datetime("2026-01-31T10:00:00.000001Z"),
            guideline_version=3,
            task={"tags": ["x"], "metadata": {"n": 1e20, "zero": -0.0, "deep": [{"b": 1, "a": 0.1}]}, "score": 0.25},
        )


def released_rows(release: Release) -> list[dict]:  # type: ignore[type-arg]
    return list(read_rows(Path(release.path)))


def test_a_release_is_a_directory_with_rows_and_manifest():
    project = ProjectFactory(slug="qa")
    everything(project)

    release = releases.export(project)

    path = Path(release.path)
    assert sorted(child.name for child in path.iterdir()) == ["manifest.json", "rankings.parquet"]
    assert path.name == release.name == f"qa-{release.hash[:12]}"
    assert verify(path) == release.manifest == json.loads((path / "manifest.json").read_text())
    assert release.manifest["hash"] == release.hash
    assert release.manifest["policies"] == {"policy-0": "imported", "policy-1": "imported", "policy-2": "imported"}
    assert release.manifest["filters"] == {
        "contents": "rankings",
        "sources": ["human", "imported"],
        "purposes": ["head_to_head", "label"],
        "tags": [],
    }


def test_the_manifest_counts_what_stands_in_the_release():
    project = ProjectFactory()
    everything(project)

    counts = releases.export(project).manifest["counts"]

    assert (counts["rows"], counts["prompts"], counts["judgements"]) == (5, 5, 10)
    assert counts["comparisons"] == {"strict": 20, "ties": 10, "with_strength": 20}
    assert counts["annotators"] == {"ann": 5, "zoe": 5}
    assert counts["policies"] == {"policy-0": 5, "policy-1": 5, "policy-2": 5}
    assert counts["sources"] == {"human": 10}
    assert counts["guidelines"] == {"3": 10}
    assert sum(split["judgements"] for split in counts["splits"].values()) == 10


def test_the_hash_is_the_same_on_every_database():
    project = ProjectFactory()
    everything(project)

    assert releases.export(project).hash == PINNED, connection.vendor


def test_the_hash_does_not_depend_on_the_order_of_arrival():
    first, second = ProjectFactory(), ProjectFactory()
    everything(first)
    everything(second, keys=("_", "B", "Ä", "b", "a"))

    assert releases.export(first).hash == releases.export(second).hash


def test_rows_stand_in_the_byte_order_of_their_keys_on_every_database():
    project = ProjectFactory()
    everything(project)

    keys = [row["key"] for row in released_rows(releases.export(project))]

    assert keys == ["B", "_", "a", "b", "Ä"]


def test_another_judgement_is_another_release():
    project = ProjectFactory()
    task = judged(project, key="a", ranking=[[0], [1]])
    before = releases.export(project)
    judge(task, by="zoe", ranking=[[1], [0]])

    assert releases.export(project).hash != before.hash


def test_exporting_again_gives_the_same_release_and_writes_nothing():
    project = ProjectFactory()
    everything(project)
    first = releases.export(project)
    written = (Path(first.path) / "rankings.parquet").stat()
    identity = (written.st_ino, written.st_mtime_ns)

    second = releases.export(project)

    assert second == first
    found = (Path(first.path) / "rankings.parquet").stat()
    assert (found.st_ino, found.st_mtime_ns) == identity
    assert AuditEvent.objects.filter(verb="release exported").count() == 1
    assert first.judgements.count() == 10


def test_a_release_whose_directory_was_lost_is_made_again():
    project = ProjectFactory()
    everything(project)
    first = releases.export(project)
    Path(first.path).rename(Path(first.path).with_name("elsewhere"))

    assert releases.export(project) == first
    assert verify(Path(first.path))["hash"] == first.hash


def test_a_changed_directory_is_refused():
    project = ProjectFactory()
    everything(project)
    path = Path(releases.export(project).path)
    manifest = path / "manifest.json"
    manifest.chmod(0o644)
    manifest.write_text(manifest.read_text().replace('"judgements": 10', '"judgements": 11'))

    with pytest.raises(DamagedRelease, match=r"was changed after it was released.*export again"):
        releases.export(project)


def test_what_a_crash_left_is_no_release_and_is_cleaned_up(settings):
    project = ProjectFactory(slug="qa")
    everything(project)
    left = settings.RELEASES_DIR / ".building-qa"
    left.mkdir(parents=True)
    (left / "rankings.parquet").write_bytes(b"half")

    releases.export(project)

    assert not left.exists()


def test_simulated_and_ai_judgements_come_only_by_name():
    project = ProjectFactory()
    task = judged(project, key="a", ranking=[[0], [1]])
    judge(task, by="bot", ranking=[[1], [0]], source=Judgement.Source.SIMULATED)
    judged(project, key="b", ranking=[[0], [1]], source=Judgement.Source.AI)

    usual = releases.export(project)
    simulated = releases.export(project, sources=["simulated"])

    assert usual.manifest["counts"]["sources"] == {"human": 1}
    assert simulated.manifest["counts"]["annotators"] == {"bot": 1}


def test_gold_and_repeat_tasks_come_only_by_name():
    project = ProjectFactory()
    for purpose in ("label", "gold", "repeat", "head_to_head"):
        judged(project, key=purpose, ranking=[[0], [1]], task={"purpose": purpose})

    assert releases.export(project).manifest["counts"]["purposes"] == {"head_to_head": 1, "label": 1}
    assert releases.export(project, purposes=["gold"]).manifest["counts"]["purposes"] == {"gold": 1}


def test_a_revised_judgement_gives_way_to_its_revision():
    project = ProjectFactory()
    task = judged(project, key="a", ranking=[[0], [1]], annotators=())
    old = judge(task, by="ann", ranking=[[0], [1]])
    old.revised_by = None
    new = Judgement(task=task, annotator=old.annotator, uid="f" * 64, revision=1, ranking=[[1], [0]])
    # The constraint wants one current judgement: point the old one at its successor first.
    new.revised_by = old
    new.save()
    old.revised_by = new
    old.save()
    new.revised_by = None
    new.save()

    (row,) = released_rows(releases.export(project))

    assert [(said["revision"], said["ranking"]) for said in row["judgements"]] == [(1, [[1], [0]])]


def test_a_row_whose_judgements_of_these_sources_were_revised_away_is_left_out():
    project = ProjectFactory()
    judged(project, key="a", ranking=[[0], [1]])
    task = judged(project, key="b", ranking=[[0], [1]], annotators=())
    new = judge(task, by="zoe", ranking=[[1], [0]], source=Judgement.Source.AI)
    judge(task, by="ann", ranking=[[0], [1]], revised_by=new)

    assert [row["key"] for row in released_rows(releases.export(project))] == ["a"]


def test_tags_keep_rows_that_carry_one_of_them():
    project = ProjectFactory()
    for key, tags in (("a", ["x", "y"]), ("b", ["z"]), ("c", [])):
        judged(project, key=key, ranking=[[0], [1]], task={"tags": tags})

    rows = released_rows(releases.export(project, tags=["y", "z"]))

    assert [row["key"] for row in rows] == ["a", "b"]


def test_demonstrations_are_answers_by_people_that_nobody_judged():
    project = ProjectFactory()
    judged(project, key="a", ranking=[[0], [1]])
    demonstrated(project, question="How?", text="Like this.")

    (row,) = released_rows(releases.export(project, contents="demonstrations"))
    both = releases.export(project, contents="both").manifest["counts"]

    assert (row["responses"][0]["text"], row["judgements"]) == ("Like this.", [])
    assert (both["rows"], both["demonstrations"], both["judgements"]) == (2, 1, 1)


def test_an_empty_release_says_which_filter_took_what():
    project = ProjectFactory(slug="qa")
    judged(project, key="a", ranking=[[0], [1]], source=Judgement.Source.SIMULATED)
    judged(project, key="b", ranking=[[0], [1]], task={"purpose": "gold"})

    with pytest.raises(EmptyRelease) as raised:
        releases.export(project)

    assert str(raised.value) == (
        "Nothing to release from project 'qa': of 2 judgements (1 human, 1 simulated) the sources asked for "
        "(human, imported) leave 1, the purposes (label, head_to_head) leave 0. "
        "Ask for more by name, such as --source simulated or --contents both, or rank something first."
    )


def test_an_empty_release_leaves_nothing_behind(settings):
    with pytest.raises(EmptyRelease):
        releases.export(ProjectFactory())

    assert not [path for path in settings.RELEASES_DIR.iterdir() if path.is_dir()]


def test_a_place_that_cannot_be_written_is_one_sentence(settings, tmp_path):
    project = ProjectFactory()
    everything(project)
    settings.RELEASES_DIR = tmp_path / "file"
    settings.RELEASES_DIR.write_text("not a directory")

    with pytest.raises(UnwritableFile, match="cannot be written under"):
        releases.export(project)


def test_who_exported_is_audited_and_every_judgement_is_linked():
    project, person = ProjectFactory(), UserFactory()
    everything(project)

    release = releases.export(project, by=person)

    event = AuditEvent.objects.get(verb="release exported")
    assert (event.by, event.subject) == (person, f"release {release.name}")
    assert release.created_by == person
    assert set(release.judgements.all()) == set(Judgement.objects.all())


def test_lineage_walks_both_ways():
    project = ProjectFactory()
    everything(project)
    release = releases.export(project)
    judgement = Judgement.objects.first()

    assert list(Release.objects.holding(judgement)) == [release]
    assert list(Release.objects.touched_by(judgement.annotator)) == [release]
    assert [annotator.name for annotator in release.annotators] == ["ann", "zoe"]
    assert release.guideline_versions == [3]
