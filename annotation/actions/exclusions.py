"""Judgements that are kept but count no more: in no figure and in no later release. What was released stays so."""

from collections.abc import Collection, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext

from annotation.actions import audit
from annotation.actions.reasons import reason_of
from annotation.exceptions import Forbidden, NotFound
from annotation.models import Annotator, Exclusion, Judgement, Project, Slot
from annotation.models.judgements import JudgementQuerySet

LONGEST_REASON = 2000
BATCH = 2000


def counting(judgements: JudgementQuerySet) -> JudgementQuerySet:
    """Those of these that count."""
    return judgements.filter(~Exists(_current()))


def excluded(judgements: JudgementQuerySet) -> JudgementQuerySet:
    """Those of these that do not."""
    return judgements.filter(Exists(_current()))


def marked(judgements: "QuerySet[Judgement]") -> "QuerySet[Any]":
    """Each with `is_excluded`."""
    return judgements.annotate(is_excluded=Exists(_current()))


def of_annotator(
    project: Project, *, annotator: Annotator, since: date | None = None, until: date | None = None
) -> JudgementQuerySet:
    """What this person said here, on all days or from `since` to `until`, both included. An import that does not say
    when it was made goes by the day it came."""
    said = Judgement.objects.filter(task__project=project, annotator=annotator)
    if since:
        first = _start_of(since)
        said = said.filter(Q(at__gte=first) | Q(at__isnull=True, created_at__gte=first))
    if until:
        end = _start_of(until) + timedelta(days=1)
        said = said.filter(Q(at__lt=end) | Q(at__isnull=True, created_at__lt=end))
    return said


def of_uids(project: Project, uids: Collection[str]) -> JudgementQuerySet:
    """
    Raises:
        NotFound: one of them names no judgement of this project.
    """
    said = Judgement.objects.filter(task__project=project, uid__in=uids)
    if missing := set(uids) - set(said.values_list("uid", flat=True)):
        raise NotFound(
            gettext("%(project)s has no judgement %(uid)s.") % {"project": project, "uid": min(missing)[:64]}
        )
    return said


@transaction.atomic
def exclude(project: Project, *, judgements: JudgementQuerySet, reason: str, by: User | None, **about: Any) -> int:
    """Let these count no more, with what the same people said of the same tasks before and after. How many counted
    until now. `about` goes into the audit row.

    Raises:
        InvalidReason: none, or a long one.
    """
    why = reason_of(reason, longest=LONGEST_REASON)
    _lock(project, judgements)
    n = _exclude(project, judgements, reason=why, by=by)
    if n:
        audit.record("judgements excluded", f"project {project.slug}", by=by, judgements=n, reason=why, **about)
    return n


@transaction.atomic
def lift(project: Project, *, judgements: JudgementQuerySet, by: User | None, **about: Any) -> int:
    """Let these count again; not what a person has withdrawn. How many that are.

    Raises:
        Forbidden: some are their own.
    """
    if by is not None and judgements.filter(annotator__user=by).exists():
        raise Forbidden(gettext("Some of these are your own: somebody else decides whether they count."))
    _lock(project, judgements)
    chosen = _with_revisions(project, judgements).values("pk")
    standing = Exclusion.objects.current().filter(judgement__in=chosen, withdrawn=False)
    n = standing.filter(judgement__revised_by__isnull=True).count()
    if standing.update(lifted_at=timezone.now(), lifted_by=by):
        audit.record("judgements count again", f"project {project.slug}", by=by, judgements=n, **about)
    return n


@transaction.atomic
def withdraw(project: Project, *, annotator: Annotator, by: User | None) -> int:
    """Take all that this person said here out for good, also what was excluded for another reason. How much it is."""
    said = Judgement.objects.filter(task__project=project, annotator=annotator)
    _lock(project, said)
    others = Exclusion.objects.current().filter(judgement__in=said.values("pk"), withdrawn=False)
    others.update(lifted_at=timezone.now(), lifted_by=by)
    n = _exclude(project, said, withdrawn=True, by=by)
    if n:
        audit.record("judgements withdrawn", f"project {project.slug}", by=by, judgements=n, annotator=annotator.name)
    return n


def withdrawn_annotators() -> set[int]:
    """Who has withdrawn what they said."""
    rows = Exclusion.objects.current().filter(withdrawn=True).order_by()
    return set(rows.values_list("judgement__annotator", flat=True).distinct())


def stay_withdrawn(judgements: Sequence[Judgement]) -> None:
    """What an import brings of whoever has withdrawn is no way back."""
    Exclusion.objects.bulk_create([Exclusion(judgement=one, withdrawn=True) for one in judgements])


def carry_over(old: Judgement, *, new: Judgement) -> None:
    """Whoever revises what is excluded does not put it back. `old` is `marked`, and was read with its slot locked."""
    if getattr(old, "is_excluded", False):
        standing = Exclusion.objects.current().get(judgement=old)
        same = {"reason": standing.reason, "withdrawn": standing.withdrawn, "by_id": standing.by_id}
        Exclusion.objects.create(judgement=new, **same)


def _exclude(
    project: Project, judgements: JudgementQuerySet, *, by: User | None, reason: str = "", withdrawn: bool = False
) -> int:
    rows = counting(_with_revisions(project, judgements)).order_by("pk")
    found = list(rows.values_list("pk", "revised_by"))
    made = [Exclusion(judgement_id=pk, reason=reason, withdrawn=withdrawn, by=by) for pk, _ in found]
    Exclusion.objects.bulk_create(made, batch_size=BATCH)
    return sum(revised_by is None for _, revised_by in found)


def _current() -> "QuerySet[Exclusion]":
    return Exclusion.objects.current().filter(judgement=OuterRef("pk"))


def _with_revisions(project: Project, judgements: JudgementQuerySet) -> JudgementQuerySet:
    """Figures of known answers and repeats use what was said first, releases what was said last."""
    same = judgements.order_by().filter(task=OuterRef("task"), annotator=OuterRef("annotator"))
    return Judgement.objects.filter(
        Exists(same), task__project=project, task__in=judgements.order_by().values("task")
    )


def _lock(project: Project, judgements: JudgementQuerySet) -> None:
    """Two admins at the same moment exclude nothing twice, and count rightly. Whoever revises one of these at this
    moment holds its slot: they come before, and the new one is seen, or after, and see the exclusion."""
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    revisable = judgements.filter(task__project=project, slot__isnull=False).order_by().values("slot")
    list(Slot.objects.filter(pk__in=revisable).select_for_update().order_by("pk").values_list("pk", flat=True))


def _start_of(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))
