"""Cutting a pseudonym from the person behind it: what they judged stays, and nothing that is stored says any more
whose it was."""

from allauth.account.models import EmailAddress
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.db.models import Q, QuerySet

from annotation.actions import known_answers, members, pauses, reviews
from annotation.models import Annotator, AuditEvent, Draft, Membership, Seat, Skip

NOBODY = "forgotten"  # in place of a name


def leave_all(user: User, *, by: User | None) -> None:
    """They are a member of no project any more. The audit rows do not name them: what is written in the next moment
    names the pseudonym.

    Raises:
        LastAdmin: they are the only admin of one.
    """
    for membership in Membership.objects.filter(user=user).order_by("project"):
        members.dismiss(membership, by=by, named=False)


def cut(annotator: Annotator) -> None:
    """Take the person away from the pseudonym, and what was theirs alone: seats, drafts, what they hold. Also what
    would tell the two together again: audit rows that name the one and were written by the other, and skips that they
    made for having decided a task under their own name. Call it in a transaction."""
    user = annotator.user_id
    seats = Seat.objects.filter(annotator=annotator).select_related("project").order_by("pk")
    for seat in seats.select_for_update(no_key=True, of=("self",)):
        pauses.give_back(seat.project, annotator=annotator)
    Seat.objects.filter(annotator=annotator).delete()
    Draft.objects.filter(annotator=annotator).delete()
    Skip.objects.filter(annotator=annotator, reason__in=[known_answers.SET, reviews.READ]).delete()
    if user is not None:
        AuditEvent.objects.filter(by=user, detail__annotator=annotator.name).update(by=None)
    Annotator.objects.filter(pk=annotator.pk).update(user=None)
    annotator.user = None


def delete_account(user: User) -> None:
    """The account with its tokens and second factors, and its name wherever it was written down."""
    for event in AuditEvent.objects.filter(detail__user=user.get_username()):
        AuditEvent.objects.filter(pk=event.pk).update(detail=event.detail | {"user": NOBODY})
    _logged(user).update(object_repr=NOBODY)
    user.delete()


def _logged(user: User) -> QuerySet[LogEntry]:
    """Rows of the admin's own log that name the person."""
    kinds = ContentType.objects.get_for_models(User, Membership, EmailAddress)
    mails = [str(pk) for pk in EmailAddress.objects.filter(user=user).values_list("pk", flat=True)]
    themselves = Q(content_type=kinds[User], object_id=str(user.pk))
    places = Q(content_type=kinds[Membership], object_repr__startswith=f"{user.get_username()} as ")
    return LogEntry.objects.filter(themselves | places | Q(content_type=kinds[EmailAddress], object_id__in=mails))
