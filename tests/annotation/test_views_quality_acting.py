"""What reviewers and admins do about quality: each asks once and says what will happen."""

import pytest
from django.test import Client

from annotation.actions import exclusions, leases
from annotation.models import Annotator, AuditEvent, Exclusion, Judgement, Project, Release, ReleasedJudgement, Seat
from tests.annotation.review_rows import said
from tests.factories import MembershipFactory, ProjectFactory, TaskFactory, member_of

pytestmark = pytest.mark.django_db
RANKING = [[0], [1], [2]]


@pytest.fixture
def project() -> Project:
    return ProjectFactory(slug="lumo", name="Lumo")


@pytest.fixture
def someone(project) -> Annotator:
    return member_of(project)


def client_of(project: Project, role: str) -> Client:
    client = Client()
    client.force_login(MembershipFactory(project=project, role=role).user)
    return client


@pytest.fixture
def admin(project) -> Client:
    return client_of(project, "admin")


@pytest.fixture
def reviewer(project) -> Client:
    return client_of(project, "reviewer")


def judged(project: Project, *, by: Annotator, times: int = 1) -> list[Judgement]:
    return [said(TaskFactory(project=project), RANKING, by=by) for _ in range(times)]


def at(verb: str, annotator: Annotator | None = None) -> str:
    person = f"people/{annotator.name}/" if annotator else ""
    return f"/projects/lumo/quality/{person}{verb}/"


class TestPause:
    def test_asks_and_says_what_will_happen(self, admin, project, someone):
        TaskFactory(project=project)
        leases.claim(project, by=someone)
        html = admin.get(at("pause", someone)).content.decode()
        assert f"Pause {someone.name} in Lumo?" in html
        assert "1 task is in their hands right now and goes back to the queue." in html
        assert not Seat.objects.filter(paused_at__isnull=False).exists()

    def test_happens_with_a_reason(self, admin, project, someone):
        Seat.objects.create(project=project, annotator=someone)
        answer = admin.post(at("pause", someone), {"reason": "Read again."}, follow=True)
        assert f"{someone.name} gets no more tasks here until you let them go on." in answer.content.decode()
        assert Seat.objects.get().paused_because == "Read again."

    def test_without_a_reason_is_refused_beside_the_field(self, admin, project, someone):
        Seat.objects.create(project=project, annotator=someone)
        answer = admin.post(at("pause", someone), {"reason": " "})
        assert (answer.status_code, "Say why: they read it." in answer.content.decode()) == (400, True)

    def test_is_taken_back(self, admin, project, someone):
        Seat.objects.create(project=project, annotator=someone)
        admin.post(at("pause", someone), {"reason": "Read again."})
        assert "They read: “Read again.”" in admin.get(at("", someone)[:-1]).content.decode()
        admin.post(at("resume", someone))
        assert Seat.objects.get().paused_at is None

    @pytest.mark.parametrize("verb", ["pause", "resume", "remove"])
    def test_is_for_admins(self, reviewer, project, someone, verb):
        Seat.objects.create(project=project, annotator=someone)
        ask = reviewer.post if verb == "resume" else reviewer.get
        assert ask(at(verb, someone)).status_code == 403

    def test_is_offered_to_admins_only(self, admin, reviewer, project, someone):
        Seat.objects.create(project=project, annotator=someone)
        page = at("", someone)[:-1]
        assert at("pause", someone) in admin.get(page).content.decode()
        assert at("pause", someone) not in reviewer.get(page).content.decode()

    def test_knows_nobody_who_is_not_there(self, admin, project):
        assert admin.get("/projects/lumo/quality/people/nobody/pause/").status_code == 404


class TestRemove:
    def test_asks_and_then_takes_them_out_and_never_says_who_they_are(self, admin, project, someone):
        judged(project, by=someone)
        asked = admin.get(at("remove", someone)).content.decode()
        answer = admin.post(at("remove", someone), follow=True).content.decode()
        assert f"Remove {someone.name} from Lumo?" in asked
        assert not project.memberships.filter(user=someone.user).exists()
        assert someone.user.username not in asked + answer

    def test_leaves_a_project_its_only_admin_by_pseudonym_too(self, project):
        only = member_of(project)
        project.memberships.update(role="admin")
        judged(project, by=only)
        client = Client()
        client.force_login(only.user)
        answer = client.post(at("remove", only))
        assert (answer.status_code, "is the only admin" in answer.content.decode()) == (409, True)

    def test_does_not_tell_members_from_those_who_are_none(self, admin, project, someone):
        """Who removes somebody by username could find out the pseudonym by trying all of them."""
        judged(project, by=someone)
        admin.post(at("remove", someone))

        asked, answer = admin.get(at("remove", someone)), admin.post(at("remove", someone))

        assert (asked.status_code, answer.status_code) == (200, 302)


class TestExclude:
    def test_asks_and_says_what_will_happen(self, reviewer, project, someone):
        one, _ = judged(project, by=someone, times=2)
        release = Release.objects.create(project=project, hash="1", name="lumo-1", path="/nowhere")
        ReleasedJudgement.objects.create(release=release, judgement=one)
        html = reviewer.get(at("exclude"), {"annotator": someone.name}).content.decode()
        assert "2 judgements will count no more: in no figure and in no later release." in html
        assert "1 release holds some of them already and stays as it is." in html
        assert not Exclusion.objects.exists()

    def test_of_one_person_happens_with_a_reason(self, reviewer, project, someone):
        judged(project, by=someone, times=2)
        said_ = {"annotator": someone.name, "reason": "Too fast."}
        answer = reviewer.post(at("exclude"), said_, follow=True)
        assert "2 judgements count no more." in answer.content.decode()
        assert set(Exclusion.objects.values_list("reason", flat=True)) == {"Too fast."}
        assert AuditEvent.objects.get().detail["annotator"] == someone.name

    def test_of_some_uids_leaves_the_others(self, reviewer, project, someone):
        one, two, _ = judged(project, by=someone, times=3)
        reviewer.post(at("exclude"), {"uid": [one.uid, two.uid], "reason": "Spam."})
        assert exclusions.counting(Judgement.objects.all()).count() == 1

    def test_without_a_reason_is_a_question(self, reviewer, project, someone):
        one, _ = judged(project, by=someone, times=2)
        answer = reviewer.post(at("exclude"), {"uid": [one.uid]})
        assert (answer.status_code, f'name="uid" value="{one.uid}"' in answer.content.decode()) == (200, True)
        assert not Exclusion.objects.exists()

    def test_with_an_empty_reason_is_refused(self, reviewer, project, someone):
        one = judged(project, by=someone)[0]
        answer = reviewer.post(at("exclude"), {"uid": [one.uid], "reason": " "})
        assert answer.status_code == 400
        assert not Exclusion.objects.exists()

    def test_only_some_days(self, reviewer, project, someone):
        judged(project, by=someone)
        asked = {"annotator": someone.name, "until": "2020-01-01"}
        assert "there is nothing to exclude" in reviewer.get(at("exclude"), asked).content.decode()
        reviewer.post(at("exclude"), asked | {"reason": "x"})
        assert not Exclusion.objects.exists()

    @pytest.mark.parametrize(
        "asked",
        [
            {},
            {"uid": "<script>"},
            {"uid": ["0"] * 1 + [f"{n:x}" for n in range(501)]},
            {"annotator": "x", "since": "2026-02-02", "until": "2026-02-01"},
            {"annotator": "x", "since": "yesterday"},
        ],
    )
    def test_a_choice_that_is_none_is_refused_with_a_sentence(self, reviewer, project, asked):
        assert reviewer.get(at("exclude"), asked).status_code == 400

    @pytest.mark.parametrize("asked", [{"uid": "abc"}, {"annotator": "nobody"}])
    def test_what_is_not_there_is_not_found(self, reviewer, project, asked):
        assert reviewer.get(at("exclude"), asked).status_code == 404

    def test_reaches_no_other_project(self, reviewer, project):
        other = said(TaskFactory(), RANKING)
        assert reviewer.post(at("exclude"), {"uid": [other.uid], "reason": "x"}).status_code == 404

    def test_is_not_for_annotators(self, project, someone):
        client = Client()
        client.force_login(someone.user)
        one = judged(project, by=someone)[0]
        asked = {"uid": [one.uid], "reason": "x"}
        assert [client.post(at(verb), asked).status_code for verb in ("exclude", "lift")] == [403, 403]
        assert not Exclusion.objects.exists()


class TestLift:
    def test_asks_and_then_lets_them_count(self, reviewer, project, someone):
        one = judged(project, by=someone)[0]
        reviewer.post(at("exclude"), {"uid": [one.uid], "reason": "x"})
        html = reviewer.get(at("lift"), {"annotator": someone.name}).content.decode()
        assert "1 excluded judgement will count again" in html
        answer = reviewer.post(at("lift"), {"annotator": someone.name, "sure": "1"}, follow=True)
        assert "1 judgement counts again." in answer.content.decode()
        assert not Exclusion.objects.current().exists()

    def test_what_a_person_has_withdrawn_stays_out(self, reviewer, project, someone):
        judged(project, by=someone)
        exclusions.withdraw(project, annotator=someone, by=None)
        asked = {"annotator": someone.name}
        assert "there is nothing to do" in reviewer.get(at("lift"), asked).content.decode()
        reviewer.post(at("lift"), asked | {"sure": "1"})
        assert Exclusion.objects.current().exists()


def test_nobody_lifts_their_own_or_lets_themselves_in(project, someone):
    one = judged(project, by=someone)[0]
    seat = Seat.objects.create(project=project, annotator=someone, qualification="failed")
    exclusions.exclude(project, judgements=Judgement.objects.all(), reason="x", by=None)
    project.memberships.filter(user=someone.user).update(role="reviewer")
    client = Client()
    client.force_login(someone.user)
    lifted = client.post(at("lift"), {"uid": [one.uid], "sure": "1"})
    waived = client.post(at("waive", someone))
    seat.refresh_from_db()
    assert (lifted.status_code, waived.status_code, seat.qualification) == (403, 403, "failed")
    assert Exclusion.objects.current().exists()


def test_judgements_of_the_list_are_ticked_to_be_excluded_and_put_back(reviewer, project, someone):
    one = judged(project, by=someone)[0]
    listed = reviewer.get("/projects/lumo/quality/judgements/").content.decode()
    assert f'action="{at("exclude")}"' in listed
    assert f'name="uid" value="{one.uid}"' in listed
    exclusions.exclude(project, judgements=Judgement.objects.all(), reason="x", by=None)
    listed = reviewer.get("/projects/lumo/quality/judgements/?excluded=1").content.decode()
    assert f'action="{at("lift")}"' in listed


def test_a_judgement_on_the_page_of_its_task_says_whether_it_counts(reviewer, project, someone):
    one = judged(project, by=someone)[0]
    page = f"/projects/lumo/review/tasks/{one.task_id}/"
    assert f"{at('exclude')}?uid={one.uid}" in reviewer.get(page).content.decode()
    exclusions.exclude(project, judgements=Judgement.objects.all(), reason="Spam.", by=None)
    html = reviewer.get(page).content.decode()
    assert f"{at('lift')}?uid={one.uid}" in html
    assert "excluded</span>" in html
