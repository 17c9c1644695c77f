"""A person's seat at a project's desk: the lock of their claims, what they confirmed, whether they qualified."""

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery
from django.utils.translation import gettext

from annotation.actions import audit
from annotation.exceptions import Forbidden, GuidelineUnread, NotFound, NotQualified
from annotation.models import Annotator, Audience, Guideline, Membership, Project, Seat, Task
from annotation.models.prepared import ID, Parameter, Prepared
from annotation.stats.known import Score


@dataclass(frozen=True, kw_only=True)
class Standing:
    """A locked seat, with what the queue must know of whoever sits there."""

    seat: Seat
    project_state: str
    takes_part: bool
    membership: Membership | None
    newest_guideline: int | None
    has_audiences: bool
    has_qualification: bool


def of(project: Project, *, annotator: Annotator) -> Seat:
    """The person's seat, made at first use."""
    seat, _ = Seat.objects.get_or_create(project=project, annotator=annotator)
    return seat


def standing(project: Project, *, annotator: Annotator) -> Standing:
    """Lock the seat and read all of it in one query. On PostgreSQL two tabs of one person queue up here; on SQLite
    every transaction does. A superuser takes part everywhere, and so does an annotator without a person (a
    simulated one), who acts only through our own code."""
    seat = _locked(project, annotator=annotator)
    if seat is None:
        Seat.objects.bulk_create([Seat(project=project, annotator=annotator)], ignore_conflicts=True)
        seat = _locked(project, annotator=annotator)
    membership = None
    if seat.member is not None:
        membership = Membership(project=project, groups=seat.member_groups, skills=seat.member_skills)
    return Standing(
        seat=seat,
        project_state=seat.project_state,
        takes_part=annotator.user_id is None or membership is not None or bool(seat.is_superuser),
        membership=membership,
        newest_guideline=seat.newest_guideline,
        has_audiences=bool(seat.has_audiences),
        has_qualification=bool(seat.has_qualification),
    )


def _locked(project: Project, *, annotator: Annotator) -> Any:
    seat = _seat.first(project=project.pk, annotator=annotator.pk)
    if seat is not None:
        seat.project, seat.annotator = project, annotator
    return seat


def _with_standing(project: Parameter, annotator: Parameter) -> "QuerySet[Any]":
    its_project = OuterRef("project")
    member = Membership.objects.filter(project=its_project, user=OuterRef("annotator__user"))
    newest = Guideline.objects.filter(project=its_project).order_by("-number").values("number")
    qualification = qualification_tasks().filter(project=its_project)
    seats = Seat.objects.filter(project=project, annotator=annotator).annotate(
        project_state=F("project__state"),
        is_superuser=F("annotator__user__is_superuser"),
        member=Subquery(member.values("pk")[:1]),
        member_groups=Subquery(member.values("groups")[:1]),
        member_skills=Subquery(member.values("skills")[:1]),
        newest_guideline=Subquery(newest[:1]),
        has_audiences=Exists(Audience.objects.filter(project=its_project)),
        has_qualification=Exists(qualification),
    )
    return seats.select_for_update(no_key=True, of=("self",))


def qualification_tasks() -> "QuerySet[Task]":
    """What people get before their first real task."""
    every = Task.objects.filter(purpose=Task.Purpose.QUALIFICATION, known__isnull=False)
    return every.exclude(state=Task.State.WITHDRAWN)


_seat = Prepared(_with_standing, project=ID, annotator=ID)


@transaction.atomic
def acknowledge(project: Project, *, by: Annotator, number: int) -> Seat:
    """The person has read this version of the guidelines. A second time, or after a newer one: nothing changes.

    Raises:
        NotFound: the project has no such version.
    """
    if not Guideline.objects.filter(project=project, number=number).exists():
        sentence = gettext("%(project)s has no guidelines number %(number)s.")
        raise NotFound(sentence % {"project": project, "number": number})
    seat = of(project, annotator=by)
    older = Q(guideline_seen__isnull=True) | Q(guideline_seen__lt=number)
    if Seat.objects.filter(older, pk=seat.pk).update(guideline_seen=number):
        seat.guideline_seen = number
        audit.record("guidelines confirmed", f"project {project.slug}", by=by.user, annotator=by.name, number=number)
    return seat


def unread(project: Project, standing: Standing) -> GuidelineUnread | None:
    """What stands before the next task as long as the newest guidelines are not confirmed."""
    number, seen = standing.newest_guideline, standing.seat.guideline_seen or 0
    if not project.acknowledgement_asked or number is None or number <= seen:
        return None
    guideline = Guideline.objects.get(project=project, number=number)
    return GuidelineUnread(
        gettext("The guidelines of %(project)s are new to you: confirm them, then your next task comes.")
        % {"project": project},
        guideline=guideline,
    )


def not_qualified(project: Project) -> NotQualified:
    sentence = gettext(
        "Thank you for the qualification tasks of %(project)s. Your answers were further from the known ones than it "
        "asks for, so it has no other tasks for you. If you think that this is a mistake, ask its reviewers."
    )
    return NotQualified(sentence % {"project": project})


@transaction.atomic
def waive(project: Project, *, annotator: Annotator, by: User | None) -> Seat:
    """Let the person in without a pass: the way back for whoever failed, for each task is judged once only.

    Raises:
        Forbidden: that would be oneself.
    """
    if by is not None and annotator.user_id == by.pk:
        raise Forbidden(gettext("You cannot let yourself in: ask another reviewer."))
    seat = of(project, annotator=annotator)
    passed = (Seat.Qualification.PASSED, Seat.Qualification.WAIVED)
    if Seat.objects.filter(pk=seat.pk).exclude(qualification__in=passed).update(qualification="waived"):
        seat.qualification = Seat.Qualification.WAIVED
        audit.record("qualification waived", f"project {project.slug}", by=by, annotator=annotator.name)
    return seat


def settle(seat: Seat, *, score: Score, needed: float) -> None:
    """Write down how the qualification went; call it with the seat locked and still open."""
    passed = score.share >= needed
    state = Seat.Qualification.PASSED if passed else Seat.Qualification.FAILED
    if not Seat.objects.filter(pk=seat.pk, qualification=Seat.Qualification.OPEN).update(qualification=state):
        return
    seat.qualification = state
    audit.record(
        f"qualification {state}",
        f"project {seat.project.slug}",
        by=seat.annotator.user,
        annotator=seat.annotator.name,
        right=score.right,
        pairs=score.pairs,
        needed=needed,
    )
