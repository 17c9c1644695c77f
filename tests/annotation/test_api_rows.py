"""Rows that come in by the API, and the releases that it lists."""

import json

import pytest

from annotation.models import Prompt, Release
from tests.annotation.at_api import client_of, send
from tests.factories import ProjectFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def project():
    return ProjectFactory()


@pytest.fixture
def client(project):
    return client_of(project)


class TestRows:
    row = {"prompt": "Why?", "responses": [{"text": "a", "policy": "m"}, {"text": "b", "policy": "m"}]}

    def test_are_for_engineers(self, client, project):
        assert send(client, f"projects/{project.slug}/rows/", [self.row]).status_code == 403

    def test_come_in_once(self, project):
        engineer = client_of(project, "engineer")
        first = send(engineer, f"projects/{project.slug}/rows/", [self.row]).json()
        again = send(engineer, f"projects/{project.slug}/rows/", [self.row]).json()

        assert (first["rows"], first["rejected"], first["added"]["prompts"]) == (1, 0, 1)
        assert not any(again["added"].values())
        assert Prompt.objects.get().messages == [{"role": "user", "content": "Why?"}]

    def test_come_in_line_by_line_and_bad_lines_are_told_of(self, project):
        lines = [json.dumps(self.row), "{", "", '{"promt": "x"}', "[" * 100_000]
        answer = client_of(project, "admin").post(
            f"/api/v1/projects/{project.slug}/rows/", "\n".join(lines), content_type="application/x-ndjson"
        )

        told = answer.json()
        assert (answer.status_code, told["rows"], told["rejected"]) == (200, 4, 3)
        assert [reject["line"] for reject in told["rejects"]] == [2, 4, 5]
        assert "promt" in told["rejects"][1]["reason"]

    @pytest.mark.parametrize("body", [{}, {"lines": [1]}, 5, "text"])
    def test_of_another_shape_get_a_sentence(self, project, body):
        answer = send(
            client_of(project, "admin"),
            f"projects/{project.slug}/rows/",
            json.dumps(body).replace("Infinity", "1e999"),
        )

        assert answer.status_code == 400
        assert "Send a JSON list" in answer.json()["detail"]


class TestReleases:
    def test_are_listed_for_reviewers(self, client, project):
        Release.objects.create(project=project, hash="abc", name="r-abc", path="/x", manifest={"rows": 1})
        Release.objects.create(project=ProjectFactory(), hash="abc", name="s-abc", path="/y")

        url = f"/api/v1/projects/{project.slug}/releases/"
        listed = client_of(project, "reviewer").get(url).json()["results"]

        assert [(item["name"], item["manifest"]) for item in listed] == [("r-abc", {"rows": 1})]
        assert client.get(url).status_code == 403
