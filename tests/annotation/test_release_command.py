import gzip
import json
from io import StringIO

import pytest
from django.core.management import call_command

from annotation.exceptions import EmptyRelease, NotFound, UnwritableFile
from annotation.models import Judgement
from tests.annotation.released import judged
from tests.factories import ProjectFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def project():  # type: ignore[no-untyped-def]
    project = ProjectFactory(slug="qa")
    for key in ("a", "b"):
        judged(project, key=key, ranking=[[2], [0, 1]])
    return project


def export(*arguments: str) -> str:
    out = StringIO()
    call_command("export_release", "--project", "qa", *arguments, stdout=out)
    return out.getvalue()


def test_it_says_what_was_frozen_and_what_to_do_next(project):
    said = export()

    release = project.releases.get()
    assert f"{release.name}: 2 rows (" in said
    assert "2 judgements by 1 annotators, 4 strict comparisons and 2 ties, 0 demonstrations" in said
    assert f"hash {release.hash}" in said
    assert said.endswith(f"Next: manage.py train_rm --release {release.name}\n")


def test_a_view_goes_to_its_output_and_says_what_it_left_out(project, tmp_path):
    said = export("--view", "trl", "--output", str(tmp_path / "pairs.jsonl.gz"))

    lines = gzip.decompress((tmp_path / "pairs.jsonl.gz").read_bytes()).splitlines()
    assert [json.loads(line)["chosen"][0]["content"] for line in lines] == ["three"] * 4
    assert "trl: 4 lines in" in said
    assert "2 ties left out: a preference pair has a better and a worse answer" in said


def test_a_view_without_an_output_goes_beside_the_release_not_into_it(project, settings):
    export("--view", "csv")

    release = project.releases.get()
    assert (settings.RELEASES_DIR / "views" / release.name / "csv.csv").is_file()
    assert not list((settings.RELEASES_DIR / release.name).glob("*csv*"))


def test_views_of_one_release_do_not_make_another(project):
    for view in ("rankings", "native", "trl", "kto", "sft", "csv"):
        export("--view", view)

    assert project.releases.count() == 1


def test_sources_and_purposes_are_asked_for_by_name(project):
    judged(project, key="c", ranking=[[0], [1]], source=Judgement.Source.SIMULATED, task={"purpose": "gold"})

    said = export("--source", "human", "--source", "simulated", "--purpose", "gold")

    assert ": 1 rows (" in said


def test_an_unknown_project_and_an_empty_release_are_one_sentence(project):
    with pytest.raises(NotFound, match="There is no project 'nope'"):
        call_command("export_release", "--project", "nope")
    with pytest.raises(EmptyRelease, match="Nothing to release from project 'qa'"):
        export("--tags", "nothing")


@pytest.mark.parametrize("output", [".", "..", "views"])
def test_an_output_that_is_a_folder_is_refused_in_a_sentence(project, tmp_path, monkeypatch, output):
    (tmp_path / "views").mkdir()
    monkeypatch.chdir(tmp_path)

    with pytest.raises(UnwritableFile, match="is a folder; name a file in it"):
        export("--output", output)
