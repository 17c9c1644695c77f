import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from annotation.actions import leases, tasks
from annotation.exceptions import InvalidJudgement, NotFound, SlotLost
from annotation.models import Draft, Membership, Project, Seat, Skip, Slot, Task
from tests.factories import (
    AnnotatorFactory,
    PolicyFactory,
    ProjectFactory,
    PromptFactory,
    ResponseFactory,
    TaskFactory,
    fill,
    member_of,
    run_out,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def project():
    return ProjectFactory()


@pytest.fixture
def someone(project):
    return member_of(project)


class TestClaim:
    def test_leases_an_open_slot_for_as_long_as_the_project_says(self, project, someone):
        project.lease_minutes = 7
        project.save()
        TaskFactory(project=project)

        slot = leases.claim(project, by=someone)

        slot.refresh_from_db()
        assert (slot.state, slot.annotator) == (Slot.State.LEASED, someone)
        assert timedelta(minutes=6) < slot.lease_expires_at - timezone.now() <= timedelta(minutes=7)

    def test_again_gives_the_same_slot_with_its_order_and_a_fresh_lease(self, project, someone):
        TaskFactory.create_batch(3, project=project)
        first = leases.claim(project, by=someone)
        Slot.objects.filter(pk=first.pk).update(lease_expires_at=timezone.now() + timedelta(seconds=1))

        again = leases.claim(project, by=someone)

        assert (again.pk, again.order, again.submission_key) == (first.pk, first.order, first.submission_key)
        assert again.lease_expires_at > timezone.now() + timedelta(minutes=20)

    def test_gives_back_the_own_slot_whose_lease_ran_out_if_nobody_took_it(self, project, someone):
        TaskFactory.create_batch(2, project=project)
        slot = leases.claim(project, by=someone)
        run_out(slot)

        assert leases.claim(project, by=someone).pk == slot.pk

    def test_takes_over_what_ran_out_with_a_new_key_and_leaves_the_former_holder_a_draft(self, project, someone):
        TaskFactory(project=project)
        former = member_of(project)
        lost = leases.claim(project, by=former)
        run_out(lost)

        taken = leases.claim(project, by=someone)

        assert taken.pk == lost.pk
        assert taken.submission_key != lost.submission_key
        assert Draft.objects.get().annotator == former
        assert leases.claim(project, by=former) is None

    def test_leaves_a_live_lease_of_someone_else_alone(self, project, someone):
        TaskFactory(project=project)
        leases.claim(project, by=member_of(project))

        assert leases.claim(project, by=someone) is None

    def test_never_offers_two_slots_of_one_task(self, project, someone):
        task = TaskFactory(project=project, overlap=3)
        slot = leases.claim(project, by=someone)
        Slot.objects.filter(pk=slot.pk).update(
            state=Slot.State.FILLED, lease_expires_at=None, filled_at=timezone.now()
        )

        assert leases.claim(project, by=someone) is None
        assert task.slots.filter(state=Slot.State.OPEN).count() == 2

    def test_goes_by_priority_then_least_filled_then_age(self, project):
        old, fuller = TaskFactory.create_batch(2, project=project, overlap=2)
        first = TaskFactory(project=project, priority=5)
        Task.objects.filter(pk=old.pk).update(filled=1)

        order = [leases.claim(project, by=member_of(project)).task for _ in range(4)]

        assert order == [first, fuller, fuller, old]

    def test_shows_every_position_in_an_order_of_its_own(self, project):
        TaskFactory(project=project, overlap=40, size=5)

        orders = [tuple(leases.claim(project, by=member_of(project)).order) for _ in range(40)]

        assert {tuple(sorted(order)) for order in orders} == {(0, 1, 2, 3, 4)}
        assert len({order[0] for order in orders}) == 5

    @pytest.mark.parametrize("state", [Project.State.PAUSED, Project.State.ENDED])
    def test_gives_nothing_in_a_project_that_stands_still(self, project, someone, state):
        TaskFactory.create_batch(2, project=project)
        leases.claim(project, by=someone)
        Project.objects.filter(pk=project.pk).update(state=state)

        assert leases.claim(project, by=someone) is None

    def test_gives_nothing_of_a_withdrawn_task(self, project, someone):
        TaskFactory(project=project, state=Task.State.WITHDRAWN)

        assert leases.claim(project, by=someone) is None

    def test_gives_nothing_of_another_project(self, project, someone):
        TaskFactory()

        assert leases.claim(project, by=someone) is None

    def test_is_for_members(self, project):
        TaskFactory(project=project)

        with pytest.raises(NotFound):
            leases.claim(project, by=AnnotatorFactory())

    def test_is_open_to_a_superuser_and_to_a_simulated_annotator(self, project):
        TaskFactory(project=project, overlap=2)

        assert leases.claim(project, by=AnnotatorFactory(user__is_superuser=True))
        assert leases.claim(project, by=AnnotatorFactory(user=None))

    def test_asks_a_bounded_number_of_questions(self, project, someone, django_assert_max_num_queries):
        TaskFactory.create_batch(30, project=project)
        run_out(leases.claim(project, by=member_of(project)))

        # A savepoint makes two of each; the first claim makes the seat too, and leaves a draft to the former holder.
        with django_assert_max_num_queries(11):
            slot = leases.claim(project, by=someone)
        with django_assert_max_num_queries(8):
            leases.claim(project, by=someone, ahead_of=slot)
        with django_assert_max_num_queries(5):
            leases.claim(project, by=someone)

    def test_brings_the_answers_along(self, project, someone, django_assert_num_queries):
        TaskFactory(project=project, size=2)
        slot = leases.claim(project, by=someone)

        with django_assert_num_queries(0):
            assert len({place.response.text for place in slot.task.placed}) == 2

    def test_balances_what_stands_where_over_a_persons_tasks(self, project, someone):
        policies = PolicyFactory.create_batch(2)
        for _ in range(12):
            prompt = PromptFactory(project=project)
            responses = [ResponseFactory(prompt=prompt, policy=policy) for policy in policies]
            tasks.create(project, prompt=prompt, responses=responses, overlap=1)
        for _ in range(12):
            fill(leases.claim(project, by=someone))

        seen = Seat.objects.get().exposure
        assert {sum(row) for row in seen.values()} == {12}
        assert all(abs(row[0] - row[1]) <= 8 for row in seen.values())

    def test_offers_no_task_that_checks_on_people(self, project, someone):
        for purpose in (Task.Purpose.GOLD, Task.Purpose.REPEAT):
            TaskFactory(project=project, purpose=purpose, known={"ranking": [[0], [1], [2]]})

        assert leases.claim(project, by=someone) is None


class TestReserve:
    def test_is_the_task_after_the_one_in_hand_and_stays_the_same(self, project, someone):
        TaskFactory.create_batch(4, project=project)
        slot = leases.claim(project, by=someone)

        reserve = leases.claim(project, by=someone, ahead_of=slot)
        again = leases.claim(project, by=someone, ahead_of=slot)

        assert reserve == again != slot
        assert leases.claim(project, by=someone) == slot
        assert Slot.objects.filter(state=Slot.State.LEASED).count() == 2

    def test_is_next_once_the_task_in_hand_is_done(self, project, someone):
        TaskFactory.create_batch(3, project=project)
        slot = leases.claim(project, by=someone)
        reserve = leases.claim(project, by=someone, ahead_of=slot)
        fill(slot)

        assert leases.claim(project, by=someone) == reserve
        assert leases.claim(project, by=someone, ahead_of=slot) == reserve

    def test_is_not_there_at_the_end_of_the_queue(self, project, someone):
        TaskFactory(project=project)
        slot = leases.claim(project, by=someone)

        assert leases.claim(project, by=someone, ahead_of=slot) is None

    def test_lives_on_while_one_works_on_the_task_before_it(self, project, someone):
        TaskFactory.create_batch(2, project=project)
        slot = leases.claim(project, by=someone)
        reserve = leases.claim(project, by=someone, ahead_of=slot)
        run_out(reserve)

        leases.renew(slot, by=someone)

        reserve.refresh_from_db()
        assert reserve.lease_expires_at > timezone.now()


class TestRenew:
    def test_starts_the_lease_anew(self, project, someone):
        TaskFactory(project=project)
        slot = leases.claim(project, by=someone)
        run_out(slot)

        leases.renew(slot, by=someone)

        slot.refresh_from_db()
        assert slot.lease_expires_at > timezone.now()

    def test_says_that_the_slot_went_to_someone_else(self, project, someone):
        TaskFactory(project=project)
        slot = leases.claim(project, by=someone)
        run_out(slot)
        leases.claim(project, by=member_of(project))

        with pytest.raises(SlotLost, match="given to someone else"):
            leases.renew(slot, by=someone)

    def test_shows_nothing_of_somebody_elses_slot(self, project, someone):
        TaskFactory(project=project)
        slot = leases.claim(project, by=member_of(project))

        with pytest.raises(NotFound):
            leases.renew(slot, by=someone)


class TestSkip:
    def test_frees_the_slot_and_never_offers_it_again(self, project, someone):
        TaskFactory(project=project)
        slot = leases.claim(project, by=someone)

        leases.skip(slot, by=someone, reason=" too hard ")

        slot.refresh_from_db()
        assert (slot.state, slot.annotator, slot.order) == (Slot.State.OPEN, None, [])
        assert Skip.objects.get().reason == "too hard"
        assert leases.claim(project, by=someone) is None
        assert leases.claim(project, by=member_of(project)).pk == slot.pk

    def test_twice_is_once(self, project, someone):
        TaskFactory(project=project)
        slot = leases.claim(project, by=someone)
        leases.skip(slot, by=someone, reason="first")
        leases.claim(project, by=member_of(project))

        leases.skip(slot, by=someone, reason="second")

        assert Skip.objects.get().reason == "first"
        assert Slot.objects.get().state == Slot.State.LEASED

    def test_is_not_for_somebody_elses_slot(self, project, someone):
        TaskFactory(project=project)
        slot = leases.claim(project, by=member_of(project))

        with pytest.raises(NotFound):
            leases.skip(slot, by=someone, reason="")
        assert Slot.objects.get().state == Slot.State.LEASED

    @pytest.mark.parametrize("reason", ["x" * 2001, "nul \0"])
    def test_refuses_a_reason_that_cannot_be_kept(self, project, someone, reason):
        TaskFactory(project=project)
        slot = leases.claim(project, by=someone)

        with pytest.raises(InvalidJudgement):
            leases.skip(slot, by=someone, reason=reason)


def test_a_person_who_left_the_project_may_not_go_on(project, someone):
    TaskFactory(project=project)
    slot = leases.claim(project, by=someone)
    Membership.objects.all().delete()

    with pytest.raises(SlotLost, match="no longer a member"):
        leases.renew(slot, by=someone)


class TestHeldBy:
    def test_finds_ones_own_by_its_token(self, project, someone):
        TaskFactory(project=project)
        slot = leases.claim(project, by=someone)

        assert leases.held_by(someone, token=slot.token) == slot

    def test_is_still_there_for_who_lost_it_and_not_for_strangers(self, project, someone):
        TaskFactory(project=project)
        slot = leases.claim(project, by=someone)
        run_out(slot)
        leases.claim(project, by=member_of(project))

        assert leases.held_by(someone, token=slot.token) == slot
        for token in (slot.token, uuid.uuid4()):
            with pytest.raises(NotFound, match="no such task"):
                leases.held_by(member_of(project), token=token)
