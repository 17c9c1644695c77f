"""Members and invitations at the same moment: nobody comes in twice, and nothing is decided on what was so before."""

from concurrent.futures import ThreadPoolExecutor, wait

import pytest
from django.contrib.auth.models import User
from django.db import connections

from annotation.actions import invitations, members
from annotation.exceptions import LastAdmin, NotFound, UnusableInvitation
from annotation.models import AuditEvent, Invitation, Membership
from tests.factories import MembershipFactory, UserFactory

pytestmark = pytest.mark.django_db


def invite(boss: Membership, *, uses: int = 1, groups: tuple[str, ...] = ()) -> Invitation:
    offer = {"role": "annotator", "groups": list(groups), "skills": [], "uses": uses, "days": 7}
    invitation, _ = invitations.invite(boss.project, by=boss.user, **offer)
    return invitation


@pytest.mark.django_db(transaction=True)
def test_many_people_at_once_take_no_more_uses_than_there_are():
    boss = MembershipFactory(role="admin")
    invitation = invite(boss, uses=3)
    users = UserFactory.create_batch(8)

    def come(user: User) -> bool:
        try:
            invitations.accept(invitation, user=user)
        except UnusableInvitation:
            return False
        finally:
            connections.close_all()
        return True

    with ThreadPoolExecutor(8) as pool:
        came = list(pool.map(come, users))
    assert sum(came) == 3
    invitation.refresh_from_db()
    assert invitation.uses_left == 0
    assert Membership.objects.filter(project=boss.project, role="annotator").count() == 3


@pytest.mark.django_db(transaction=True)
def test_who_is_demoted_while_they_join_is_not_made_again_what_they_were(monkeypatch):
    boss = MembershipFactory(role="admin")
    demoted = MembershipFactory(project=boss.project, role="admin")
    invitation = invite(boss, groups=("team b",))
    covers = invitations._covers

    def demote() -> None:
        members.change(demoted, role="annotator", groups=[], skills=[], by=boss.user)
        connections.close_all()

    with ThreadPoolExecutor(1) as pool:

        def interrupted(*args):  # type: ignore[no-untyped-def]
            # Where rows are locked the other one waits for us, so we do not wait for them to the end.
            wait([pool.submit(demote)], timeout=0.5)
            return covers(*args)

        monkeypatch.setattr(invitations, "_covers", interrupted)
        invitations.accept(invitation, user=demoted.user)
    assert Membership.objects.get(pk=demoted.pk).role == "annotator"


@pytest.mark.django_db(transaction=True)
def test_somebody_who_joins_twice_at_once_is_a_member_with_both_offers():
    boss = MembershipFactory(role="admin")
    user = UserFactory()
    offers = [invite(boss, groups=(name,)) for name in ("team a", "team b", "team c", "team d")]

    def come(invitation: Invitation) -> None:
        invitations.accept(invitation, user=user)
        connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(come, offers))
    assert set(Membership.objects.get(user=user).groups) == {"team a", "team b", "team c", "team d"}


class TestWhatAPageReadBefore:
    """The rows that two admins' pages hold may be older than what the other one has just done."""

    @pytest.fixture
    def boss(self) -> Membership:
        return MembershipFactory(role="admin")

    @pytest.fixture
    def stale(self, boss) -> Membership:
        """Read as an engineer's; an admin's by now, and the only one's."""
        seen = MembershipFactory(project=boss.project, role="engineer")
        Membership.objects.filter(pk=seen.pk).update(role="admin")
        Membership.objects.filter(pk=boss.pk).update(role="annotator")
        return seen

    def test_the_last_admin_is_not_demoted(self, stale, boss):
        with pytest.raises(LastAdmin):
            members.change(stale, role="reviewer", groups=[], skills=[], by=boss.user)
        assert Membership.objects.get(pk=stale.pk).role == "admin"

    def test_the_last_admin_is_not_dismissed(self, stale, boss):
        with pytest.raises(LastAdmin):
            members.dismiss(stale, by=boss.user)
        assert Membership.objects.filter(pk=stale.pk).exists()

    def test_the_audit_trail_says_what_it_was_and_not_what_the_page_said(self, stale, boss):
        members.change(stale, role="admin", groups=["team b"], skills=[], by=boss.user)
        assert AuditEvent.objects.get(verb="member changed").detail["changes"] == {"groups": [[], ["team b"]]}

    def test_who_was_removed_stays_so(self, stale, boss):
        Membership.objects.filter(pk=stale.pk).delete()
        with pytest.raises(NotFound):
            members.change(stale, role="admin", groups=[], skills=[], by=boss.user)
        with pytest.raises(NotFound):
            members.dismiss(stale, by=boss.user)
        assert not AuditEvent.objects.filter(verb__in=["member changed", "member removed"]).exists()
