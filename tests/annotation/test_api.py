import json
import uuid
from io import StringIO

import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import Client
from hypothesis import HealthCheck, given
from hypothesis import settings as fuzz
from hypothesis import strategies as st
from rest_framework.authtoken.models import Token

from annotation.models import Draft, Guideline, Judgement, Policy, Project, Skip, Slot
from tests.annotation.at_api import client_of, send
from tests.factories import MembershipFactory, ProjectFactory, TaskFactory, run_out

pytestmark = pytest.mark.django_db


@pytest.fixture
def project():
    return ProjectFactory()


@pytest.fixture
def client(project):
    return client_of(project)


def next_task(client, project):
    return client.post(f"/api/v1/projects/{project.slug}/tasks/next/")


def leased(client, project, **task):
    TaskFactory(project=project, **task)
    return next_task(client, project).json()


def test_the_schema_has_no_warnings():
    call_command("spectacular", validate=True, fail_on_warn=True, stdout=StringIO())


def test_the_schema_is_served(client):
    assert client.get("/api/v1/schema/").status_code == 200


class TestWhoMayComeIn:
    def test_nobody_unknown(self, project):
        answer = next_task(Client(), project)

        assert (answer.status_code, "detail" in answer.json()) == (403, True)

    def test_a_token_is_enough(self, project):
        TaskFactory(project=project)
        user = MembershipFactory(project=project).user
        client = Client(headers={"Authorization": f"Token {Token.objects.create(user=user).key}"})

        assert next_task(client, project).status_code == 200

    def test_a_session_needs_the_csrf_token(self, project):
        client = Client(enforce_csrf_checks=True)
        client.force_login(MembershipFactory(project=project).user)

        assert next_task(client, project).status_code == 403

    def test_strangers_see_no_project(self, client):
        other = ProjectFactory()
        TaskFactory(project=other)

        assert next_task(client, other).status_code == 404
        assert [item["slug"] for item in client.get("/api/v1/projects/").json()["results"]] == [
            project.slug for project in Project.objects.exclude(pk=other.pk)
        ]


class TestNextTask:
    def test_shows_the_task_in_the_order_of_the_slot(self, client, project):
        task = leased(client, project)

        slot = Slot.objects.get()
        assert (task["token"], task["submission_key"]) == (str(slot.token), str(slot.submission_key))
        assert [response["position"] for response in task["responses"]] == slot.order
        texts = dict(slot.task.positions.values_list("position", "response__text"))
        assert [response["text"] for response in task["responses"]] == [texts[position] for position in slot.order]

    def test_never_says_which_policy_wrote_what(self, client, project):
        task = json.dumps(leased(client, project, generation="gen-7", strategy="uncertain"))

        assert not [policy.name for policy in Policy.objects.all() if policy.name in task]
        assert "policy" not in task
        assert "gen-7" not in task

    def test_says_when_nothing_waits(self, client, project):
        answer = next_task(client, project)

        assert (answer.status_code, answer.content) == (204, b"")

    def test_brings_the_draft_back(self, client, project):
        task = leased(client, project)
        saved = send(client, f"slots/{task['token']}/draft/", {"content": {"reason": "so far"}}, method="put")

        assert saved.status_code == 200
        assert next_task(client, project).json()["draft"] == {"reason": "so far"}


class TestJudgement:
    def submit(self, client, task, **said):
        body = {"submission_key": task["submission_key"], "ranking": [[1], [0, 2]], **said}
        return send(client, f"slots/{task['token']}/judgement/", body)

    def test_is_made_once_however_often_it_is_sent(self, client, project):
        task = leased(client, project)
        first, again = self.submit(client, task), self.submit(client, task)

        assert (first.status_code, again.status_code) == (201, 201)
        assert first.json() == again.json()
        assert first.json()["ranking"] == [[1], [0, 2]]
        assert (first.json()["token"], first.json()["revision"]) == (task["token"], 0)
        assert Judgement.objects.get().uid not in first.content.decode()  # a hash by which policies could be guessed
        assert Judgement.objects.get().source == "human"

    def test_something_else_with_the_same_key_is_refused_and_kept(self, client, project):
        task = leased(client, project)
        self.submit(client, task)
        other = self.submit(client, task, reason="From another window.")

        assert other.status_code == 409
        assert "already judged" in other.json()["detail"]
        assert Judgement.objects.get().reason == ""
        assert Draft.objects.get().content["reason"] == "From another window."

    def test_that_does_not_fit_gets_a_sentence(self, client, project):
        task = leased(client, project)

        answer = self.submit(client, task, ranking=[[1]])

        assert (answer.status_code, answer.json()) == (
            400,
            {"detail": "ranking: response 0 is not placed; place all 3"},
        )

    def test_on_a_lost_slot_is_refused_and_kept_as_the_draft(self, client, project):
        task = leased(client, project)
        run_out(Slot.objects.get())
        next_task(client_of(project), project)

        answer = self.submit(client, task, reason="long work")

        assert answer.status_code == 409
        assert "kept as a draft" in answer.json()["detail"]
        assert Draft.objects.get().content == {"ranking": [[1], [0, 2]], "reason": "long work"}

    def test_of_somebody_elses_slot_is_not_found(self, client, project):
        task = leased(client_of(project), project)

        assert self.submit(client, task).status_code == 404

    @pytest.mark.parametrize("token", [uuid.UUID(int=0), 0, 10**30, "x"])
    def test_of_no_slot_is_not_found(self, client, project, token):
        task = {**leased(client, project), "token": token}

        assert self.submit(client, task).status_code == 404

    def test_with_a_key_that_is_none_names_the_field(self, client, project):
        answer = self.submit(client, leased(client, project), submission_key="x")

        assert answer.status_code == 400
        assert answer.json()["detail"].startswith("submission_key: ")

    def test_holds_all_that_the_project_asks_for(self, client):
        asked = {
            "acceptability_asked": True,
            "highlights_asked": True,
            "edit_asked": True,
            "reason_asked": "required",
        }
        project = ProjectFactory(criteria=[{"name": "tone", "scale": 5}], **asked)
        client = client_of(project)
        task = leased(client, project)
        assert {name: task["asked"][name] for name in asked} == asked
        text = next(item["text"] for item in task["responses"] if item["position"] == 1)
        said = {
            "acceptable": [1],
            "ratings": {"tone": [1, 5, 2]},
            "flags": [{"flag": "broken", "response": 0}, {"flag": "unclear"}],
            "spans": [{"response": 1, "start": 0, "end": 4, "text": text[:4], "comment": "Good."}],
            "edited": {"1": "Better."},
            "reason": "It is kind.",
        }

        missing = self.submit(client, task, **{**said, "reason": " "})
        made = self.submit(client, task, **said)

        assert (missing.status_code, missing.json()["detail"]) == (400, "reason: this project asks for one; say why")
        assert made.status_code == 201
        assert {name: made.json()[name] for name in said} == said

    def test_of_what_the_project_does_not_ask_for_is_refused(self, client, project):
        answer = self.submit(client, leased(client, project), acceptable=[1])

        assert answer.status_code == 400
        assert answer.json()["detail"] == "acceptable: this project does not ask for it; leave it out"

    def test_of_a_prompt_without_responses_is_an_answer_of_ones_own(self, client, project):
        task = leased(client, project, size=0)
        url = f"slots/{task['token']}/judgement/"

        empty = send(client, url, {"submission_key": task["submission_key"], "written": " "})
        made = send(client, url, {"submission_key": task["submission_key"], "written": "Do this."})

        assert (empty.status_code, made.status_code) == (400, 201)
        assert (made.json()["ranking"], made.json()["written"]) == ([], "Do this.")

    def test_asks_a_bounded_number_of_questions(self, client, project, django_assert_max_num_queries):
        task = leased(client, project)

        with django_assert_max_num_queries(16):
            self.submit(client, task)


class TestRevision:
    def revise(self, client, task, **said):
        body = {"submission_key": str(uuid.uuid4()), "revises": 0, "ranking": [[2], [1], [0]], **said}
        return send(client, f"slots/{task['token']}/revision/", body)

    def test_keeps_the_old_judgement_and_counts_once(self, client, project):
        task = leased(client, project)
        TestJudgement().submit(client, task)

        answer = self.revise(client, task)
        stale = self.revise(client, task)

        assert (answer.status_code, answer.json()["revision"]) == (201, 1)
        assert (stale.status_code, "in another window" in stale.json()["detail"]) == (409, True)
        assert sorted(Judgement.objects.values_list("revision", "revised_by__revision")) == [(0, 1), (1, None)]

    def test_of_a_task_not_judged_yet_gets_a_sentence(self, client, project):
        answer = self.revise(client, leased(client, project))

        assert (answer.status_code, "not submitted this task yet" in answer.json()["detail"]) == (400, True)


class TestGuidelines:
    def test_stand_before_the_next_task_until_they_are_confirmed(self, client, project):
        TaskFactory(project=project)
        Guideline.objects.create(project=project, number=3, text="Be *fair*.")
        url = f"/api/v1/projects/{project.slug}/guidelines/"

        refused = next_task(client, project)
        text = client.get(url).json()["text"]
        unknown = client.post(url, {"number": 9}, content_type="application/json")
        confirmed = client.post(url, {"number": 3}, content_type="application/json")

        assert (refused.status_code, "guidelines" in refused.json()["detail"]) == (403, True)
        assert (text, unknown.status_code, confirmed.status_code) == ("Be *fair*.", 404, 204)
        assert next_task(client, project).status_code == 200


class TestSkipAndDraft:
    def test_a_skipped_task_is_not_offered_again(self, client, project):
        task = leased(client, project)

        assert send(client, f"slots/{task['token']}/skip/", {"reason": "unclear"}).status_code == 204
        assert Skip.objects.get().reason == "unclear"
        assert next_task(client, project).status_code == 204

    @pytest.mark.parametrize(("what", "method"), [("skip", "post"), ("draft", "put")])
    def test_somebody_elses_slot_is_not_found(self, client, project, what, method):
        task = leased(client_of(project), project)

        answer = send(client, f"slots/{task['token']}/{what}/", {"content": {}}, method=method)

        assert answer.status_code == 404

    def test_a_draft_that_is_too_large_is_refused(self, client, project):
        task = leased(client, project)

        answer = send(client, f"slots/{task['token']}/draft/", {"content": {"reason": "x" * 300_000}}, method="put")

        assert (answer.status_code, "at most 256 kB" in answer.json()["detail"]) == (400, True)


class TestHostileBodies:
    @pytest.mark.parametrize(
        ("body", "status"),
        [
            (b"", 400),
            (b"{", 400),
            (b"[1]", 400),
            (b"\xff\xfe", 400),
            (b"[" * 100_000, 400),
            (b'{"ranking": NaN}', 400),
            (b'{"seconds": 1' + b"0" * 5000 + b"}", 400),
        ],
    )
    def test_get_a_sentence(self, client, project, body, status):
        task = leased(client, project)

        answer = client.post(f"/api/v1/slots/{task['token']}/judgement/", body, content_type="application/json")

        assert answer.status_code == status
        assert answer.json()["detail"]

    def test_that_are_too_large_are_not_read(self, client, project):
        task = leased(client, project)
        body = b'"' + b"x" * settings.DATA_UPLOAD_MAX_MEMORY_SIZE + b'"'

        answer = client.post(f"/api/v1/slots/{task['token']}/judgement/", body, content_type="application/json")

        assert answer.status_code == 413

    @fuzz(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        said=st.dictionaries(
            st.sampled_from(
                [
                    "ranking",
                    "strength",
                    "acceptable",
                    "ratings",
                    "flags",
                    "reason",
                    "edited",
                    "spans",
                    "written",
                    "seconds",
                ]
            ),
            st.recursive(
                st.none()
                | st.booleans()
                | st.integers()
                | st.floats(allow_nan=False, allow_infinity=False)
                | st.text(),
                lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
                max_leaves=8,
            ),
        ).filter(lambda said: said.get("ranking") is None or said["ranking"] != [[0], [1], [2]])
    )
    def test_never_break_the_server(self, client, project, said):
        task = next_task(client, project).json() if Slot.objects.exists() else leased(client, project)
        body = {"submission_key": task["submission_key"], "ranking": [[0], [1]], **said}

        answer = send(client, f"slots/{task['token']}/judgement/", json.dumps(body).replace("Infinity", "1e999"))

        assert answer.status_code == 400
        assert answer.json()["detail"]
