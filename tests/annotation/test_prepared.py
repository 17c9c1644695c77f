import pytest
from django.db import connection, models
from django.db.models import Exists, F, OuterRef
from django.test.utils import CaptureQueriesContext

from annotation.models import Draft, Membership, Skip, Slot, Task
from annotation.models.prepared import ID, Prepared, PreparedDelete, PreparedInsert, PreparedUpdate, Together
from tests.factories import AnnotatorFactory, MembershipFactory, TaskFactory, UserFactory

pytestmark = pytest.mark.django_db


def with_relations(token):
    return (
        Slot.objects.select_related("task__prompt", "annotator")
        .annotate(was_skipped=Exists(Skip.objects.filter(task=OuterRef("task"))), priority=F("task__priority"))
        .filter(token=token)
        .order_by()
    )


by_token = Prepared(with_relations, token=models.UUIDField())
one_more = PreparedUpdate(lambda pk: (Task.objects.filter(pk=pk), {"filled": F("filled") + 1}), pk=ID)
keep = PreparedUpdate(
    lambda pk, content: (Draft.objects.filter(pk=pk), {"content": content}), pk=ID, content=models.JSONField()
)
drop = PreparedDelete(lambda pk: Draft.objects.filter(pk=pk), pk=ID)
insert_skips = PreparedInsert(Skip)
count_and_skip = Together(
    insert_skips,
    PreparedUpdate(lambda task: (Task.objects.filter(pk=task), {"filled": F("filled") + 1}), task=ID),
    PreparedDelete(lambda draft: Draft.objects.filter(pk=draft), draft=ID),
)
members = Prepared(lambda user: Membership.objects.filter(user=user).select_related("user__annotator"), user=ID)


def test_the_same_as_the_queryset_with_relations_and_annotations():
    slots = [TaskFactory(priority=priority).slots.get() for priority in (1, 2)]
    Skip.objects.create(task=slots[1].task, annotator=AnnotatorFactory())
    for slot in slots:
        expected = with_relations(slot.token).get()
        with CaptureQueriesContext(connection) as queries:
            found = by_token.first(token=slot.token)
            assert {**vars(found), "_state": None} == {**vars(expected), "_state": None}
            assert found.task.prompt.messages == slot.task.prompt.messages
            assert found.annotator is None
        assert len(queries) == 1
    assert found.was_skipped
    found.refresh_from_db()


def test_nothing_found_is_an_empty_list_and_no_first():
    assert by_token(token="00000000-0000-0000-0000-000000000000") == []
    assert by_token.first(token="00000000-0000-0000-0000-000000000000") is None


def test_the_other_side_of_a_relation_may_be_missing():
    lonely, known = UserFactory(), AnnotatorFactory().user
    for user in (lonely, known):
        MembershipFactory(user=user)
    assert members.first(user=known.pk).user.annotator == known.annotator
    with pytest.raises(lonely.__class__.annotator.RelatedObjectDoesNotExist):
        _ = members.first(user=lonely.pk).user.annotator


def test_an_update_says_how_many_rows_it_changed():
    task = TaskFactory(overlap=2)
    assert one_more(pk=task.pk) == 1
    assert one_more(pk=-1) == 0
    task.refresh_from_db()
    assert task.filled == 1


def test_an_update_sets_what_the_field_can_hold():
    draft = Draft.objects.create(task=TaskFactory(), annotator=AnnotatorFactory())
    for content in ({"reason": "100% 'sure' %s"}, [1, None], "text"):
        assert keep(pk=draft.pk, content=content) == 1
        draft.refresh_from_db()
        assert draft.content == content


def test_deletes_what_it_names():
    drafts = [Draft.objects.create(task=TaskFactory(), annotator=AnnotatorFactory()) for _ in range(2)]
    assert drop(pk=drafts[0].pk) == 1
    assert drop(pk=drafts[0].pk) == 0
    assert Draft.objects.get() == drafts[1]


def test_new_rows_are_what_the_orm_would_have_written_with_ids_in_their_order():
    task, people = TaskFactory(), [AnnotatorFactory() for _ in range(3)]
    rows = [Skip(task=task, annotator=person, reason=f"100 % of {person}: 'no'") for person in people]
    insert_skips(rows)
    insert_skips([])
    for row, stored in zip(rows, Skip.objects.order_by("pk"), strict=True):
        written = {name: vars(row)[name] for name in vars(stored) if name != "_state"}
        assert written == {name: value for name, value in vars(stored).items() if name != "_state"}
        assert not row._state.adding


@pytest.mark.parametrize("n", [0, 1, 3])
def test_changes_together_tell_how_many_rows_each_changed(n):
    task = TaskFactory(overlap=2)
    draft = Draft.objects.create(task=task, annotator=AnnotatorFactory())
    rows = [Skip(task=task, annotator=AnnotatorFactory()) for _ in range(n)]
    with CaptureQueriesContext(connection) as queries:
        assert count_and_skip(rows, task=task.pk, draft=draft.pk) == [1, 1]
    assert Skip.objects.filter(pk__in=[row.pk for row in rows]).count() == Skip.objects.count() == n
    assert not Draft.objects.exists()
    task.refresh_from_db()
    assert task.filled == 1
    if connection.vendor == "postgresql" and n:
        assert len(queries) == 1
    assert count_and_skip([], task=0, draft=draft.pk) == [0, 0]
