"""Freezing a release on the web: labels and weights by choice, and each refusal in one sentence."""

from pathlib import Path

import pytest
from django.test import Client

from annotation.actions.release_labels import LABELS
from annotation.actions.release_weights import METHODS
from annotation.forms.releasing import ReleaseForm
from annotation.models import AuditEvent, Project, Release
from annotation.views import releases
from tests.annotation.released import judge, judged
from tests.factories import MembershipFactory, ProjectFactory

pytestmark = pytest.mark.django_db
FIRST, SECOND = [[0], [1]], [[1], [0]]


@pytest.fixture
def project(settings, tmp_path) -> Project:
    settings.RELEASES_DIR = tmp_path / "releases"
    return ProjectFactory(slug="qa")


def client_of(project: Project, role: str = "engineer") -> Client:
    client = Client()
    client.force_login(MembershipFactory(project=project, role=role).user)
    return client


def crowd(project: Project, *, tasks: int = 30) -> None:
    """Three people who mostly agree."""
    for number in range(tasks):
        task = judged(project, key=f"t{number}", ranking=[], annotators=(), texts=("one", "two"))
        for turn, name in enumerate(("ann", "ben", "cay")):
            judge(task, by=name, ranking=SECOND if (number + turn) % 6 == 0 else FIRST)


def freeze(client: Client, **said: str):  # type: ignore[no-untyped-def]
    return client.post("/projects/qa/releases/", {"labels": "votes", "weights": "none", **said}, follow=True)


@pytest.mark.parametrize(
    ("said", "labels", "weights"),
    [
        ({}, "votes", "none"),
        ({"labels": "consensus"}, "consensus", "none"),
        ({"weights": "mace"}, "votes", "mace"),
        ({"labels": "consensus", "weights": "dawid-skene"}, "consensus", "dawid-skene"),
    ],
)
def test_labels_and_weights_are_chosen_and_told(project, said, labels, weights):
    crowd(project)
    answer = freeze(client_of(project), **said)
    release = Release.objects.get()
    assert answer.redirect_chain == [(f"/projects/qa/releases/{release.name}/", 302)]
    assert release.manifest["labels"]["kind"] == labels
    assert release.manifest["weights"]["method"] == weights
    html = answer.content.decode()
    assert "Frozen." in html
    assert f'<dt>labels</dt><dd class="mono">{labels}</dd><dt>weights</dt><dd class="mono">{weights}</dd>' in html
    assert Path(release.path, "rankings.parquet").exists()


def test_who_froze_it_is_kept(project):
    crowd(project, tasks=1)
    client = client_of(project)
    freeze(client)
    assert Release.objects.get().created_by == AuditEvent.objects.get(verb="release exported").by is not None


def test_the_same_judgements_are_the_release_that_is_there(project):
    crowd(project, tasks=1)
    client = client_of(project)
    freeze(client)
    assert "The same judgements had been frozen already" in freeze(client).content.decode()
    assert Release.objects.count() == 1


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"labels": "consensus"}, "Judgements cannot be weighed by dawid-skene: "),
        ({"weights": "mace"}, "Judgements cannot be weighed by mace: "),
        ({"labels": "truth"}, "Select a valid choice. truth is not one of the available choices."),
        ({"weights": "gold"}, "Select a valid choice. gold is not one of the available choices."),
    ],
)
def test_what_cannot_be_weighed_is_refused_and_nothing_is_frozen(project, settings, said, sentence):
    judged(project, key="t", ranking=FIRST, texts=("one", "two"))
    answer = freeze(client_of(project), **said)
    assert answer.status_code == 400
    assert sentence in answer.content.decode()
    assert not Release.objects.exists()
    assert not list(Path(settings.RELEASES_DIR).glob("qa-*"))


def test_nothing_to_freeze_is_refused(project):
    answer = freeze(client_of(project))
    assert answer.status_code == 400
    assert "Nothing to release from project" in answer.content.decode()


def test_a_changed_directory_is_refused(project):
    crowd(project, tasks=1)
    client = client_of(project)
    freeze(client)
    manifest = Path(Release.objects.get().path, "manifest.json")
    manifest.chmod(0o644)
    manifest.write_text("{}")
    answer = freeze(client)
    assert answer.status_code == 400
    assert 'class="errors" role="alert"' in answer.content.decode()


def test_more_than_a_page_can_wait_for_names_the_command(project, monkeypatch):
    monkeypatch.setattr(releases, "MOST_JUDGEMENTS", 5)
    crowd(project, tasks=2)
    answer = freeze(client_of(project), labels="consensus")
    assert answer.status_code == 400
    command = "manage.py export_release --project qa --labels consensus --weights none"
    assert f"More than 5 judgements are too much for a page: on the server, run {command}." in answer.content.decode()


def test_what_would_not_be_frozen_is_not_too_much(project, monkeypatch):
    monkeypatch.setattr(releases, "MOST_JUDGEMENTS", 5)
    task = judged(project, key="t", ranking=FIRST, annotators=("ann",), texts=("one", "two"))
    for number in range(6):
        judge(task, by=f"robot-{number}", ranking=SECOND, source="simulated")
    assert freeze(client_of(project)).status_code == 200
    assert Release.objects.get().manifest["counts"]["judgements"] == 1


def test_a_form_without_a_field_is_refused(project):
    crowd(project, tasks=1)
    assert client_of(project).post("/projects/qa/releases/").status_code == 400
    assert not Release.objects.exists()


@pytest.mark.parametrize(("role", "status"), [("annotator", 403), ("reviewer", 403), ("admin", 200)])
def test_engineers_and_admins_freeze_and_nobody_else(project, role, status):
    crowd(project, tasks=1)
    assert freeze(client_of(project, role)).status_code == status
    assert Release.objects.exists() == (status == 200)


def test_reviewers_are_told_who_does_it(project):
    html = client_of(project, "reviewer").get("/projects/qa/releases/").content.decode()
    assert "Engineers and admins of the project do this here" in html
    assert "<select" not in html
    assert "<select" in client_of(project).get("/projects/qa/releases/").content.decode()


def test_the_form_has_every_choice_of_the_command():
    form = ReleaseForm()
    offered = {name: tuple(value for value, _ in field.choices) for name, field in form.fields.items()}
    assert offered == {"labels": LABELS, "weights": METHODS}
