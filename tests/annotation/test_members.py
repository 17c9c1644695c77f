"""Members and invitations: who comes in, as what, and who does not."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from annotation.actions import invitations
from annotation.models import AuditEvent, Invitation, Project
from tests.factories import PASSWORD, MembershipFactory, ProjectFactory, UserFactory

pytestmark = pytest.mark.django_db

SENTENCE = "This invitation cannot be used"
ACCOUNT = {"username": "newcomer", "password1": "a-long-pass-phrase", "password2": "a-long-pass-phrase"}


@pytest.fixture(autouse=True)
def nobody_tried_yet():  # type: ignore[no-untyped-def]
    cache.clear()
    yield
    cache.clear()


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def project() -> Project:
    return ProjectFactory(slug="lumo", name="Lumo")


@pytest.fixture
def boss(project) -> User:
    return MembershipFactory(project=project, role="admin").user


@pytest.fixture
def admin(boss) -> Client:
    return signed_in(boss)


def invite(project: Project, boss: User, **asked) -> tuple[Invitation, str]:  # type: ignore[no-untyped-def]
    offer = {"role": "annotator", "groups": [], "skills": [], "uses": 1, "days": 7}
    invitation, token = invitations.invite(project, by=boss, **{**offer, **asked})
    return invitation, f"/projects/join/{token}/"


def roles(project: Project) -> dict[str, str]:
    return {item.user.username: item.role for item in project.memberships.select_related("user")}


class TestMembers:
    def test_one_is_added_by_username_with_role_groups_and_skills(self, admin, project):
        user = UserFactory(username="noor")
        said = {
            "username": "noor",
            "role": "reviewer",
            "groups": "night shift,  team b ,night shift",
            "skills": "lang:de",
        }
        assert admin.post("/projects/lumo/members/", said).url == "/projects/lumo/members/"
        membership = project.memberships.get(user=user)
        assert (membership.role, membership.groups) == ("reviewer", ["night shift", "team b"])
        assert membership.skills == ["lang:de"]
        assert AuditEvent.objects.filter(verb__in=["member added", "member changed"]).count() == 2

    @pytest.mark.parametrize(
        ("said", "sentence"),
        [
            ({"username": "nobody"}, "There is no account of this name."),
            ({"username": "gone"}, "There is no account of this name."),
            ({"username": "here"}, "They are a member already"),
            ({"username": "free", "role": "owner"}, "Select a valid choice"),
            ({"username": "free", "groups": "x" * 51}, "is longer than 50 characters"),
            ({"username": "free", "skills": ",".join(map(str, range(21)))}, "at most 20"),
        ],
    )
    def test_who_cannot_be_added_is_said_beside_the_field(self, admin, project, said, sentence):
        UserFactory(username="gone", is_active=False)
        UserFactory(username="free")
        MembershipFactory(project=project, user__username="here")
        answer = admin.post("/projects/lumo/members/", {"role": "annotator", **said})
        assert answer.status_code == 400
        assert sentence in answer.content.decode()
        assert project.memberships.count() == 2

    def test_a_role_is_changed_and_the_change_is_kept(self, admin, project):
        membership = MembershipFactory(project=project)
        page = f"/projects/lumo/members/{membership.pk}/"
        assert 'value="annotator" selected' in admin.get(page).content.decode()
        admin.post(page, {"role": "engineer", "groups": "", "skills": "medicine"})
        membership.refresh_from_db()
        assert (membership.role, membership.skills) == ("engineer", ["medicine"])
        changes = AuditEvent.objects.get(verb="member changed").detail["changes"]
        assert changes == {"role": ["annotator", "engineer"], "skills": [[], ["medicine"]]}

    def test_removal_asks_first(self, admin, project):
        membership = MembershipFactory(project=project)
        page = f"/projects/lumo/members/{membership.pk}/remove/"
        assert "What they judged stays." in admin.get(page).content.decode()
        assert project.memberships.count() == 2
        admin.post(page)
        assert project.memberships.count() == 1
        assert AuditEvent.objects.filter(verb="member removed").exists()

    def test_the_only_admin_can_neither_go_nor_step_down(self, admin, project, boss):
        mine = project.memberships.get(user=boss)
        page = f"/projects/lumo/members/{mine.pk}/"
        for answer in (admin.post(page, {"role": "annotator"}), admin.post(f"{page}remove/")):
            assert answer.status_code == 409
            assert "is the only admin of this project" in answer.content.decode()
        assert roles(project)[boss.username] == "admin"

    def test_an_admin_who_steps_down_is_led_to_a_page_that_is_still_theirs(self, admin, project, boss):
        MembershipFactory(project=project, role="admin")
        mine = project.memberships.get(user=boss)
        assert admin.post(f"/projects/lumo/members/{mine.pk}/", {"role": "annotator"}).url == "/"
        assert admin.get("/projects/lumo/members/").status_code == 403

    def test_a_member_of_another_project_is_not_there(self, admin):
        other = MembershipFactory()
        for page in (f"/projects/lumo/members/{other.pk}/", f"/projects/lumo/members/{other.pk}/remove/"):
            assert admin.post(page, {"role": "admin"}).status_code == 404
        other.refresh_from_db()
        assert other.role == "annotator"

    @pytest.mark.parametrize("role", ["annotator", "reviewer", "engineer"])
    def test_nobody_but_an_admin_changes_anybody(self, project, boss, role):
        member = MembershipFactory(project=project, role=role)
        client = signed_in(member.user)
        invitation, _ = invite(project, boss)
        for page in (
            "members/", f"members/{member.pk}/", f"members/{member.pk}/remove/", "invitations/",
            f"invitations/{invitation.pk}/revoke/",
        ):  # fmt: skip
            assert client.post(f"/projects/lumo/{page}", {"role": "admin", "uses": 1, "days": 1}).status_code == 403
        member.refresh_from_db()
        assert member.role == role
        assert Invitation.objects.get().revoked_at is None

    def test_many_members_take_no_more_queries_than_one(self, admin, project, django_assert_max_num_queries):
        MembershipFactory.create_batch(60, project=project)
        with django_assert_max_num_queries(12):
            html = admin.get("/projects/lumo/members/").content.decode()
        assert "61 people take part." in html
        assert "Page 1 of 2" in html


class TestInvitations:
    def test_the_link_is_shown_once_and_only_its_hash_is_kept(self, admin, project):
        said = {"role": "reviewer", "groups": "team b", "skills": "", "uses": "3", "days": "7"}
        answer = admin.post("/projects/lumo/invitations/", said)
        html = answer.content.decode()
        (token,) = re.findall(r"http://testserver/projects/join/([\w-]{43})/", html)
        invitation = Invitation.objects.get()
        assert invitation.digest == invitations.digest_of(token)
        assert (invitation.role, invitation.groups, invitation.uses_left) == ("reviewer", ["team b"], 3)
        assert timedelta(days=6) < invitation.expires_at - timezone.now() <= timedelta(days=7)
        assert "no-store" in answer["Cache-Control"]
        assert token not in admin.get("/projects/lumo/invitations/").content.decode()
        kept = [*AuditEvent.objects.values_list("detail", flat=True), Invitation.objects.values().get()]
        assert token not in str(kept)

    @pytest.mark.parametrize(
        ("field", "value"), [("uses", "0"), ("days", "91"), ("role", "superuser"), ("uses", "x")]
    )
    def test_an_offer_that_makes_no_sense_is_refused(self, admin, field, value):
        said = {"role": "annotator", "uses": "1", "days": "7", field: value}
        assert admin.post("/projects/lumo/invitations/", said).status_code == 400
        assert not Invitation.objects.exists()

    def test_looking_at_the_link_changes_nothing(self, project, boss):
        invitation, link = invite(project, boss)
        client = signed_in(UserFactory())
        answer = client.get(link)
        assert "Join Lumo" in answer.content.decode()
        assert answer["Referrer-Policy"] == "strict-origin"
        assert "no-store" in answer["Cache-Control"]
        assert "invitation" not in client.session
        invitation.refresh_from_db()
        assert invitation.uses_left == 1
        assert project.memberships.count() == 1

    def test_a_person_who_is_signed_in_joins_with_one_button(self, project, boss):
        invitation, link = invite(project, boss, groups=["team b"], skills=["lang:de"])
        user = UserFactory()
        assert signed_in(user).post(link).url == "/"
        membership = project.memberships.get(user=user)
        assert (membership.role, membership.groups, membership.skills) == ("annotator", ["team b"], ["lang:de"])
        assert AuditEvent.objects.get(verb="invitation accepted").by == user
        invitation.refresh_from_db()
        assert invitation.uses_left == 0

    def test_it_never_lowers_a_role_and_then_takes_no_use(self, project, boss):
        invitation, link = invite(project, boss)
        signed_in(boss).post(link)
        invitation.refresh_from_db()
        assert (roles(project)[boss.username], invitation.uses_left) == ("admin", 1)

    def test_it_raises_a_role_and_adds_to_groups(self, project, boss):
        member = MembershipFactory(project=project, groups=["team a"])
        _, link = invite(project, boss, role="engineer", groups=["team b"])
        signed_in(member.user).post(link)
        member.refresh_from_db()
        assert (member.role, member.groups) == ("engineer", ["team a", "team b"])

    def test_a_second_press_of_the_button_is_no_second_use(self, project, boss):
        invitation, link = invite(project, boss, uses=2)
        client = signed_in(UserFactory())
        assert [client.post(link).status_code for _ in range(3)] == [302, 302, 302]
        invitation.refresh_from_db()
        assert invitation.uses_left == 1

    @pytest.mark.parametrize(
        "how", ["wrong", "used", "expired", "revoked", "inviter left", "inviter demoted", "inviter inactive"]
    )
    @pytest.mark.parametrize("method", ["get", "post"])
    def test_a_link_that_lets_nobody_in_says_the_same_whatever_the_reason(self, project, boss, how, method):
        invitation, link = invite(project, boss, role="admin")
        mine = project.memberships.filter(user=boss)
        {
            "wrong": lambda: None,
            "used": lambda: Invitation.objects.update(uses_left=0),
            "expired": lambda: Invitation.objects.update(expires_at=timezone.now()),
            "revoked": lambda: invitations.revoke(invitation, by=boss),
            "inviter left": mine.delete,
            "inviter demoted": lambda: mine.update(role="engineer"),
            "inviter inactive": lambda: User.objects.filter(pk=boss.pk).update(is_active=False),
        }[how]()
        link = "/projects/join/" + "x" * 43 + "/" if how == "wrong" else link
        for client in (Client(), signed_in(UserFactory()), signed_in(boss) if how == "inviter left" else Client()):
            answer = getattr(client, method)(link)
            assert answer.status_code == 404
            assert SENTENCE in answer.content.decode()
            assert "Lumo" not in answer.content.decode()
        assert not project.memberships.exclude(user=boss).exists()

    def test_a_withdrawn_one_is_listed_as_such(self, admin, project, boss):
        invitation, link = invite(project, boss)
        assert admin.get(f"/projects/lumo/invitations/{invitation.pk}/revoke/").status_code == 405
        admin.post(f"/projects/lumo/invitations/{invitation.pk}/revoke/")
        assert "withdrawn" in admin.get("/projects/lumo/invitations/").content.decode()
        assert AuditEvent.objects.filter(verb="invitation withdrawn").count() == 1
        assert Client().get(link).status_code == 404

    def test_an_invitation_of_another_project_cannot_be_withdrawn(self, admin):
        other = MembershipFactory(role="admin")
        invitation, _ = invite(other.project, other.user)
        assert admin.post(f"/projects/lumo/invitations/{invitation.pk}/revoke/").status_code == 404

    def test_joining_asks_for_the_token_of_the_form(self, project, boss):
        _, link = invite(project, boss)
        client = Client(enforce_csrf_checks=True)
        client.force_login(UserFactory())
        assert client.post(link).status_code == 403
        assert project.memberships.count() == 1


class TestAccountsByInvitation:
    def test_a_new_person_makes_an_account_and_is_a_member(self, project, boss):
        invitation, link = invite(project, boss, skills=["lang:de"])
        client = Client()
        assert client.post(link, {"signup": "1"}).url == "/accounts/signup/"
        assert "With it you join Lumo." in client.get("/accounts/signup/").content.decode()
        assert client.post("/accounts/signup/", ACCOUNT).url == "/"
        membership = project.memberships.get(user__username="newcomer")
        assert (membership.role, membership.skills) == ("annotator", ["lang:de"])
        assert not membership.user.is_staff
        assert client.get("/projects/lumo/desk/").status_code == 200
        invitation.refresh_from_db()
        assert invitation.uses_left == 0

    def test_one_use_makes_one_account(self, project, boss):
        _, link = invite(project, boss)
        first, second = Client(), Client()
        for client in (first, second):
            client.post(link, {"signup": "1"})
        assert first.post("/accounts/signup/", ACCOUNT).status_code == 302
        first.post("/accounts/logout/")
        for client in (first, second):
            answer = client.post("/accounts/signup/", ACCOUNT | {"username": "another"})
            assert answer.status_code == 404
            assert SENTENCE in answer.content.decode()
        assert not User.objects.filter(username="another").exists()

    def test_a_use_that_is_lost_while_the_form_is_filled_in_leaves_no_account(self, project, boss, monkeypatch):
        _, link = invite(project, boss)
        client = Client()
        client.post(link, {"signup": "1"})

        def taken_just_now(*args, **kwargs):  # type: ignore[no-untyped-def]
            raise invitations.unusable()

        monkeypatch.setattr(invitations, "accept", taken_just_now)
        assert client.post("/accounts/signup/", ACCOUNT).status_code == 404
        assert not User.objects.filter(username="newcomer").exists()

    @pytest.mark.parametrize("withdrawn", [True, False])
    def test_without_a_usable_invitation_there_is_no_such_page(self, project, boss, withdrawn):
        invitation, link = invite(project, boss)
        client = Client()
        if withdrawn:
            client.post(link, {"signup": "1"})
            invitations.revoke(invitation, by=boss)
        for answer in (client.get("/accounts/signup/"), client.post("/accounts/signup/", ACCOUNT)):
            assert answer.status_code == 404
            assert SENTENCE in answer.content.decode()
        assert not User.objects.filter(username="newcomer").exists()

    def test_looking_at_a_link_opens_no_door(self, project, boss):
        _, link = invite(project, boss)
        client = Client()
        client.get(link)
        assert client.post("/accounts/signup/", ACCOUNT).status_code == 404

    def test_a_bad_password_or_a_taken_name_is_said_and_takes_no_use(self, project, boss):
        invitation, link = invite(project, boss)
        client = Client()
        client.post(link, {"signup": "1"})
        for said in ({"password1": "x", "password2": "x"}, {"username": boss.username}):
            answer = client.post("/accounts/signup/", ACCOUNT | said)
            assert answer.status_code == 200
            assert 'role="alert"' in answer.content.decode()
        invitation.refresh_from_db()
        assert invitation.uses_left == 1

    def test_somebody_with_an_account_signs_in_and_then_joins(self, project, boss):
        _, link = invite(project, boss)
        user, client = UserFactory(), Client()
        login = client.post(link, {"signin": "1"}).url
        assert login == "/accounts/login/?next=%2Fprojects%2Fjoin%2F"
        page = client.post(login, {"login": user.username, "password": PASSWORD, "next": "/projects/join/"}).url
        assert page == "/projects/join/"
        assert "Join Lumo" in client.get(page).content.decode()
        assert not project.memberships.filter(user=user).exists()
        client.post(page)
        assert project.memberships.filter(user=user).exists()
        assert client.get(page).status_code == 404

    def test_it_leads_nowhere_else(self, project, boss):
        _, link = invite(project, boss)
        client = Client()
        client.post(link + "?next=//evil.example", {"signup": "1", "next": "//evil.example"})
        answer = client.post("/accounts/signup/?next=//evil.example", ACCOUNT | {"next": "//evil.example"})
        assert answer.url == "/"

    def test_many_tries_from_one_place_are_slowed_down(self, project, boss):
        _, link = invite(project, boss)
        client = Client()
        client.post(link, {"signup": "1"})
        statuses = [client.post("/accounts/signup/", {}).status_code for _ in range(25)]
        assert statuses[-1] == 429
