"""Whoever gets no task in a project for a while, and is told why."""

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import OuterRef, QuerySet
from django.utils import timezone
from django.utils.translation import gettext

from annotation.actions import audit, hidden, seats, slots
from annotation.actions.reasons import reason_of
from annotation.exceptions import NotFound, Paused
from annotation.models import Annotator, Draft, Project, Seat, Slot

LONGEST_REASON = 300


@transaction.atomic
def pause(project: Project, *, annotator: Annotator, reason: str, by: User | None) -> int:
    """No task for this person until `lift`; what they hold goes back to the queue, and their drafts stay. How many
    places that were. Of somebody who is paused already only the reason changes.

    Raises:
        InvalidReason: none, or a long one.
        NotFound: nobody sits behind this name.
    """
    because = reason_of(reason, longest=LONGEST_REASON)
    if annotator.user_id is None:
        raise NotFound(gettext("%(name)s has no account here: there is nobody to pause.") % {"name": annotator.name})
    seat = _locked(project, annotator=annotator)
    if seat.paused_at and seat.paused_because == because:
        return 0
    Seat.objects.filter(pk=seat.pk).update(paused_at=seat.paused_at or timezone.now(), paused_because=because)
    given_back = give_back(project, annotator=annotator)
    asked = {"annotator": annotator.name, "reason": because, "given_back": given_back}
    audit.record("annotator paused", f"project {project.slug}", by=by, **asked)
    return given_back


@transaction.atomic
def lift(project: Project, *, annotator: Annotator, by: User | None) -> bool:
    """Let them go on; False if they are not paused."""
    paused = Seat.objects.filter(project=project, annotator=annotator, paused_at__isnull=False)
    if not paused.update(paused_at=None, paused_because=""):
        return False
    audit.record("annotator goes on", f"project {project.slug}", by=by, annotator=annotator.name)
    return True


def told(reason: str, *, project: Project) -> str:
    """What the person reads."""
    sentence = gettext(
        "Your work in %(project)s is paused at the moment. Its admins say: “%(reason)s” What you began is kept."
    )
    return sentence % {"project": project, "reason": reason}


def reason_now(project: Project | OuterRef, *, annotator: Annotator | OuterRef) -> QuerySet[Seat, str]:
    """Why this person is paused; no row while they are not."""
    paused = Seat.objects.filter(project=project, annotator=annotator, paused_at__isnull=False)
    return paused.values_list("paused_because", flat=True)


def stop(seat: Seat, *, project: Project) -> Paused | None:
    """What stands before the next task."""
    return Paused(told(seat.paused_because, project=project)) if seat.paused_at else None


def _locked(project: Project, *, annotator: Annotator) -> Seat:
    """A claim locks the seat too: whatever it leases is there to be given back, or it finds them paused."""
    seat = seats.of(project, annotator=annotator)
    return Seat.objects.select_for_update(no_key=True).get(pk=seat.pk)


def give_back(project: Project, *, annotator: Annotator) -> int:
    """What they hold, to the queue; call it with their seat locked. How many places that were."""
    held = Slot.objects.filter(annotator=annotator, state=Slot.State.LEASED, task__project=project)
    # One that is being filled at this moment is filled: it is looked at again once its row is ours.
    locked = list(held.select_for_update(of=("self",)).select_related("task").order_by("pk"))
    # Whoever loses a slot is left a draft: that tells them from a stranger.
    marks = [Draft(task_id=slot.task_id, annotator=annotator) for slot in locked]
    Draft.objects.bulk_create(marks, ignore_conflicts=True)
    given_back = slots.give_back(Slot.objects.filter(pk__in=[slot.pk for slot in locked]))
    for slot in locked:
        hidden.given_back(slot.task)
    return given_back
