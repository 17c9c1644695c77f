"""A person is forgotten: what they said is kept unlinked or withdrawn, and nothing stored says whose it was."""

import pytest
from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.core import serializers
from rest_framework.authtoken.models import Token

from annotation.actions import exclusions, invitations, judgements, leases, members, pauses, releases, seats
from annotation.exceptions import LastAdmin
from annotation.models import (
    Annotator,
    AuditEvent,
    Draft,
    Exclusion,
    Judgement,
    Membership,
    Project,
    Release,
    Seat,
    Skip,
    Slot,
)
from flywheel.actions import forgetting, generations
from flywheel.exceptions import NotFound, NotReady
from tests.factories import (
    AnnotatorFactory,
    MembershipFactory,
    PolicyFactory,
    ProjectFactory,
    TaskFactory,
    UserFactory,
)
from training.models import Artifact, Run

pytestmark = pytest.mark.django_db
NAME, MAIL = "maria.fernandez", "maria.fernandez@example.org"


@pytest.fixture
def project() -> Project:
    return ProjectFactory(slug="lumo")


@pytest.fixture
def maria(project) -> Annotator:
    """Came by an invitation, confirmed guidelines, judged one task, gave one back and has one in hand."""
    user = UserFactory(username=NAME, email=MAIL)
    admin = MembershipFactory(project=project, role="admin").user
    offer = {"role": "annotator", "groups": [], "skills": [], "uses": 1, "days": 1}
    invitation, _ = invitations.invite(project, by=admin, **offer)
    invitations.accept(invitation, user=user)
    annotator = members.annotator_of(user)
    project.guidelines.create(number=1, text="Be fair.")
    seats.acknowledge(project, by=annotator, number=1)
    TaskFactory.create_batch(3, project=project)
    judge(project, annotator)
    leases.skip(leases.claim(project, by=annotator), by=annotator, reason="hard")
    leases.save_draft(leases.claim(project, by=annotator), by=annotator, content={"reason": "unsent"})
    return annotator


def judge(project: Project, by: Annotator) -> Judgement:
    slot = leases.claim(project, by=by)
    return judgements.submit(slot.pk, by=by, submission_key=slot.submission_key, ranking=[[0], [1], [2]])


def forget(person: Annotator | User, *, withdraw: bool = False, delete_account: bool = True, by: User | None = None):  # type: ignore[no-untyped-def]
    name = person.name if isinstance(person, Annotator) else person.username
    return forgetting.forget(forgetting.named(name), withdraw=withdraw, delete_account=delete_account, by=by)


def everything_stored() -> str:
    """Every row of every table."""
    return "\n".join(serializers.serialize("json", model._default_manager.all()) for model in apps.get_models())


class TestKept:
    def test_judgements_stay_and_count_and_are_linked_to_nobody(self, maria):
        forget(maria)
        said = Judgement.objects.get()
        assert (said.annotator.name, said.annotator.user) == (maria.name, None)
        assert exclusions.counting(Judgement.objects.current()).exists()

    def test_nothing_stored_names_them_once_the_account_is_gone(self, maria):
        assert NAME in everything_stored()
        forget(maria)
        assert NAME not in everything_stored()

    def test_what_they_hold_goes_back_and_what_was_theirs_alone_goes(self, maria):
        forget(maria)
        assert not Slot.objects.filter(state=Slot.State.LEASED).exists()
        assert not Draft.objects.exists()
        assert not Seat.objects.exists()
        assert Skip.objects.get().reason == "hard"

    def test_with_the_account_kept_no_row_tells_the_two_together_again(self, maria):
        user = maria.user
        forget(maria, delete_account=False)
        user.refresh_from_db()
        assert not Membership.objects.filter(user=user).exists()
        together = AuditEvent.objects.filter(by=user, detail__annotator=maria.name)
        assert not together.exists()
        assert members.annotator_of(user) != maria

    def test_the_audit_rows_of_that_moment_name_the_pseudonym_alone(self, maria):
        before = AuditEvent.objects.order_by("pk").last()
        forget(maria, withdraw=True, delete_account=False)
        rows = AuditEvent.objects.filter(pk__gt=before.pk)
        assert any(maria.name in row.subject for row in rows)
        assert NAME not in serializers.serialize("json", rows)

    def test_who_decided_under_their_own_name_leaves_no_skip_that_tells(self, project, maria):
        Skip.objects.create(task=TaskFactory(project=project), annotator=maria, reason="set the known answer")
        Skip.objects.create(task=TaskFactory(project=project), annotator=maria, reason="read as a reviewer")
        forget(maria, delete_account=False)
        assert [skip.reason for skip in Skip.objects.all()] == ["hard"]

    def test_a_pause_is_forgotten_with_them(self, project, maria):
        pauses.pause(project, annotator=maria, reason="Ill until May.", by=None)
        forget(maria)
        assert not Seat.objects.exists()


class TestAccount:
    def test_goes_with_its_tokens(self, maria):
        Token.objects.create(user=maria.user)
        forget(maria)
        assert not User.objects.filter(username=NAME).exists()
        assert not Token.objects.exists()

    def test_goes_out_of_the_admins_own_log(self, project, maria):
        admin = UserFactory(is_staff=True)
        membership = Membership.objects.get(user=maria.user)
        for row in (maria.user, membership):
            kind = ContentType.objects.get_for_model(row)
            LogEntry.objects.create(
                user=admin, content_type=kind, object_id=row.pk, object_repr=str(row), action_flag=2
            )
        forget(maria)
        assert set(LogEntry.objects.values_list("object_repr", flat=True)) == {"forgotten"}

    def test_that_never_judged_goes_as_well(self, project):
        user = UserFactory(username="newcomer")
        forget(user)
        assert not User.objects.filter(username="newcomer").exists()

    @pytest.mark.parametrize("rights", [{"is_superuser": True}, {"is_staff": True}])
    def test_that_runs_the_site_is_refused(self, rights):
        user = UserFactory(**rights)
        with pytest.raises(NotReady, match="runs the site"):
            forget(user)

    def test_of_an_only_admin_is_refused_and_nothing_changes(self, project):
        only = MembershipFactory(project=project, role="admin").user
        annotator = members.annotator_of(only)
        with pytest.raises(LastAdmin):
            forget(only)
        annotator.refresh_from_db()
        assert annotator.user == only


class TestWithdrawn:
    def test_counts_no_more_anywhere(self, project, maria):
        other = ProjectFactory()
        other.memberships.create(user=maria.user)
        TaskFactory(project=other)
        judge(other, maria)
        forget(maria, withdraw=True)
        assert not exclusions.counting(Judgement.objects.all()).exists()
        assert set(Exclusion.objects.values_list("withdrawn", flat=True)) == {True}

    def test_is_in_no_later_release_and_earlier_ones_stay(self, project, maria):
        before = releases.export(project)
        someone = AnnotatorFactory()
        MembershipFactory(project=project, user=someone.user)
        seats.acknowledge(project, by=someone, number=1)
        judge(project, someone)
        forget(maria, withdraw=True)
        after = releases.export(project)
        assert after.manifest["counts"]["annotators"] == {someone.name: 1}
        assert Release.objects.get(pk=before.pk).manifest["counts"]["annotators"] == {maria.name: 1}

    def test_without_an_account_it_is_possible_too(self, project):
        imported = AnnotatorFactory(user=None)
        Judgement.objects.create(task=TaskFactory(project=project), annotator=imported, ranking=[[0], [1]], uid="1")
        forget(imported, withdraw=True)
        assert not exclusions.counting(Judgement.objects.all()).exists()

    def test_to_keep_what_is_unlinked_already_is_refused(self):
        with pytest.raises(NotReady, match="unlinked already"):
            forget(AnnotatorFactory(user=None))


class TestTraces:
    def test_list_every_model_that_learned_from_them(self, project, maria):
        release = releases.export(project)
        run = Run.objects.create(
            name="sft-1", kind="sft", seed=1, base="tiny", release_hash=release.hash, state="done"
        )
        first = artifact("first", run=run)
        artifact("second", run=None, parent=first)
        adopted = generations.adopt(project, policy=PolicyFactory(name="guest", location=first.path))
        traces = forgetting.traces_of(forgetting.named(NAME))
        assert (traces.judgements, traces.releases) == (1, [release])
        assert traces.names_of_models == [adopted.policy.name, "second"]

    def test_stand_in_the_audit_row_which_names_nobody(self, project, maria):
        by = UserFactory(username="boss")
        forget(maria, withdraw=True, by=by)
        event = AuditEvent.objects.get(verb="person forgotten")
        assert (event.subject, event.by) == (f"annotator {maria.name}", by)
        assert event.detail == {"models": [], "judgements": 1, "withdrawn": True, "account_deleted": True}

    def test_are_found_by_pseudonym_and_by_username(self, maria):
        assert forgetting.named(NAME) == forgetting.named(maria.name)

    def test_of_a_stranger_are_not_found(self):
        with pytest.raises(NotFound, match="'nobody'"):
            forgetting.named("nobody")


class TestWhoMay:
    def refused(self, person: Annotator, by: User) -> str:
        found = forgetting.named(person.name)
        return forgetting.refusal(found, forgetting.traces_of(found), by=by)

    def test_an_admin_of_all_their_projects(self, project, maria):
        boss = project.memberships.get(role="admin").user
        assert self.refused(maria, boss) == ""

    @pytest.mark.parametrize("still", [True, False])
    def test_not_an_admin_of_some_of_them(self, project, maria, still):
        elsewhere = ProjectFactory()
        membership = elsewhere.memberships.create(user=maria.user)
        TaskFactory(project=elsewhere)
        judge(elsewhere, maria)
        if not still:
            membership.delete()
        boss = project.memberships.get(role="admin").user
        assert "ask whoever runs the site" in self.refused(maria, boss)

    def test_a_superuser_whatever_the_projects(self, maria):
        assert self.refused(maria, UserFactory(is_superuser=True)) == ""

    def test_nobody_themselves(self, project):
        boss = AnnotatorFactory()
        MembershipFactory(project=project, user=boss.user, role="admin")
        assert "ask another admin" in self.refused(boss, boss.user)


def artifact(name: str, *, run: Run | None, parent: Artifact | None = None) -> Artifact:
    path = f"/runs/{name}/model"
    return Artifact.objects.create(name=name, kind="policy", path=path, sha256="0" * 64, run=run, parent=parent)
