"""What each request of the desk reads of slots and writes to them. Each update asks for all that must still hold, and
whoever calls it acts only on 1."""

import uuid
from typing import Any

from django.contrib.auth.models import User
from django.db.models import (
    Case,
    CharField,
    DateTimeField,
    Exists,
    F,
    JSONField,
    OuterRef,
    QuerySet,
    UUIDField,
    Value,
    When,
)

from annotation.actions import waiting
from annotation.models import Comparison, Draft, Judgement, Membership, Project, Slot, Task
from annotation.models.prepared import (
    ID,
    Parameter,
    Prepared,
    PreparedDelete,
    PreparedInsert,
    PreparedUpdate,
    Together,
)

Update = tuple["QuerySet[Any]", dict[str, Any]]
TIME, KEY = DateTimeField(), UUIDField()


def with_task(slots: "QuerySet[Slot]") -> "QuerySet[Slot]":
    return slots.select_related("task__project", "task__prompt")


def leased_to(annotator: waiting.Person, *, project: Project | Parameter) -> "QuerySet[Any]":
    """Their leases on tasks that are open, also those that ran out and nobody took; oldest first."""
    held = Slot.objects.filter(annotator=annotator, state=Slot.State.LEASED)
    return held.filter(task__project=project, task__state=Task.State.OPEN).order_by("leased_at", "pk")


def give_back(slots: "QuerySet[Slot]") -> int:
    """To the queue, those of these that are still leased. A lost lease's key opens nothing any more."""
    return slots.filter(state=Slot.State.LEASED).update(
        state=Slot.State.OPEN,
        annotator=None,
        lease_expires_at=None,
        leased_at=None,
        order=[],
        guideline_version=None,
        submission_key=uuid.uuid4(),
    )


def _shown_to(*, token: Parameter, user: Parameter, slug: Parameter) -> "QuerySet[Slot]":
    member = Membership.objects.filter(project=OuterRef("task__project"), user=user)
    theirs = Slot.objects.filter(Exists(member), token=token, annotator__user=user, task__project__slug=slug)
    return theirs.select_related("task__project", "annotator").order_by()


def _draft(*, task: Parameter, annotator: Parameter) -> "QuerySet[Draft]":
    return Draft.objects.filter(task=task, annotator=annotator)


def _lease_out(*, slot: Parameter, seen: Parameter, now: Parameter, key: Parameter, **lease: Parameter) -> Update:
    # A slot has another key with each lease: who has seen the one it has knows who had it last.
    free = Slot.objects.claimable(now=now).filter(pk=slot, submission_key=seen)
    return free, {"state": Slot.State.LEASED, "leased_at": now, "submission_key": key, **lease}


def _fill(*, slot: Parameter, annotator: Parameter, key: Parameter, now: Parameter) -> Update:
    mine = Slot.objects.filter(pk=slot, annotator=annotator, state=Slot.State.LEASED, submission_key=key)
    going_on = Task.objects.filter(pk=OuterRef("task"), project__state=Project.State.ACTIVE)
    mine = mine.filter(Exists(going_on.exclude(state=Task.State.WITHDRAWN)))
    return mine, {"state": Slot.State.FILLED, "lease_expires_at": None, "filled_at": now}


def _fill_as_member(*, user: Parameter, project: Parameter, **asked: Parameter) -> Update:
    mine, changes = _fill(**asked)
    member = Exists(Membership.objects.filter(project=project, user=user))
    return mine.filter(member | Exists(User.objects.filter(pk=user, is_superuser=True))), changes


def _count_one_more(*, task: Parameter) -> Update:
    state = Case(
        When(state=Task.State.WITHDRAWN, then=F("state")),
        When(overlap__lte=F("filled") + 1, then=Value(Task.State.DONE)),
        default=Value(Task.State.OPEN),
    )
    return Task.objects.filter(pk=task, filled__lt=F("overlap")), {"filled": F("filled") + 1, "state": state}


# As it stands while this transaction lasts: who fills, revises or gives it back waits.
locked = Prepared(
    lambda slot: with_task(Slot.objects.filter(pk=slot)).select_for_update(of=("self",)).order_by(), slot=ID
)
by_token = Prepared(lambda token: with_task(Slot.objects.filter(token=token)).order_by(), token=KEY)
# Whoever has or had it, as a member of its project: all that a submission has to know first.
shown_to = Prepared(_shown_to, token=KEY, user=ID, slug=CharField())
draft = Prepared(_draft, task=ID, annotator=ID)
drop_draft = PreparedDelete(_draft, task=ID, annotator=ID)
leased_alone = Prepared(lambda annotator, project: leased_to(annotator, project=project), annotator=ID, project=ID)
leased = Prepared(
    lambda annotator, project: leased_to(annotator, project=project).select_related("task__prompt"),
    annotator=ID,
    project=ID,
)
lease_out = PreparedUpdate(
    _lease_out,
    slot=ID,
    seen=KEY,
    now=TIME,
    key=KEY,
    annotator=ID,
    lease_expires_at=TIME,
    order=JSONField(),
    guideline_version=ID,
)
fill = PreparedUpdate(_fill, slot=ID, annotator=ID, key=KEY, now=TIME)
fill_as_member = PreparedUpdate(_fill_as_member, slot=ID, annotator=ID, key=KEY, now=TIME, user=ID, project=ID)
# What `recount` comes to when one slot of the task has just been filled. 0: the count was wrong.
count_one_more = PreparedUpdate(_count_one_more, task=ID)
insert_judgement, insert_comparisons = PreparedInsert(Judgement), PreparedInsert(Comparison)
take_in = Together(insert_judgement, fill, count_one_more)
take_in_of_member = Together(insert_judgement, fill_as_member, count_one_more)
# After the slot is locked: a draft that was written at that moment is seen only by a later statement.
settle = Together(insert_comparisons, drop_draft)
