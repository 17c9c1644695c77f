"""Forgetting a person: the link to the account is cut, what they said is kept without it or taken out for good, and
every model that learned from it is named."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from annotation.actions import audit, exclusions, unlinking
from annotation.models import Annotator, Judgement, Membership, Project, Release
from flywheel.actions import lineage, trail
from flywheel.exceptions import NotFound, NotReady
from flywheel.models import Generation
from training.models import Artifact

LISTED = 200


@dataclass(frozen=True, kw_only=True)
class Person:
    """A pseudonym, an account, or both."""

    annotator: Annotator | None
    user: User | None


@dataclass(frozen=True, kw_only=True)
class Traces:
    """What there is of a person. `projects`: where they are a member, have a place, or have judged something.
    `models`: trained on something that they said, or from such a model, and no generation's."""

    projects: list[Project]
    judgements: int
    counting: int
    releases: list[Release]
    generations: list[Generation]
    models: list[Artifact]

    @property
    def names_of_models(self) -> list[str]:
        return [str(one) for one in (*self.generations, *self.models)]


def named(name: str) -> Person:
    """By pseudonym or by username.

    Raises:
        NotFound: there is neither.
    """
    annotator = Annotator.objects.filter(name=name).select_related("user").first()
    if annotator is not None:
        return Person(annotator=annotator, user=annotator.user)
    user = User.objects.filter(username=name).first()
    if user is None:
        raise NotFound(f"There is no annotator and no account called {name!r}.")
    return of_user(user)


def of_user(user: User) -> Person:
    return Person(annotator=Annotator.objects.filter(user=user).first(), user=user)


def traces_of(person: Person) -> Traces:
    said = Judgement.objects.filter(annotator=person.annotator) if person.annotator else Judgement.objects.none()
    releases = list(Release.objects.filter(judgements__in=said).distinct().order_by("-created_at", "-pk"))
    projects = _projects_of(person)
    generations = [one for project in projects for one in _touched(project, annotator=person.annotator)]
    return Traces(
        projects=projects,
        judgements=said.current().count(),
        counting=exclusions.counting(said.current()).count(),
        releases=releases,
        generations=generations,
        models=_others(releases, generations=generations),
    )


def _touched(project: Project, *, annotator: Annotator | None) -> Iterable[Generation]:
    return lineage.touched_by(project, annotator=annotator) if annotator else []


def refusal(person: Person, traces: Traces, *, by: User) -> str:
    """Why this admin of some project may not forget the person; empty if they may. An account and a pseudonym are the
    same in all projects, so whoever forgets must look after each of them."""
    if person.user == by:
        return _("Nobody forgets themselves: ask another admin.")
    if by.is_superuser:
        return ""
    administered = Membership.objects.filter(user=by, role=Membership.Role.ADMIN)
    if {project.pk for project in traces.projects} - set(administered.values_list("project", flat=True)):
        return _("They take part in projects that you do not look after, too: ask whoever runs the site.")
    return ""


@transaction.atomic
def forget(person: Person, *, withdraw: bool, delete_account: bool, by: User | None) -> Traces:
    """Cut the person from what they said. `withdraw`: it counts no more either, in no figure and in no later release.
    They leave all projects; the account itself goes with `delete_account`. What there was of them, as it was before.

    Raises:
        NotReady: the account runs the site, or nothing would change.
        LastAdmin: they are the only admin of a project.
    """
    person = _locked(person)
    if why_not := _why_not(person, withdraw=withdraw):
        raise NotReady(why_not)
    traces = traces_of(person)
    if person.user:
        unlinking.leave_all(person.user, by=by)
    if person.annotator:
        # What they send at this moment is in before the first, and meets the second.
        unlinking.cut(person.annotator)
        if withdraw:
            _withdraw(person.annotator, projects=traces.projects, by=by)
    if person.user and delete_account:
        unlinking.delete_account(person.user)
    # Who they were stands nowhere in it, and nobody is named as its author who might be the person.
    subject = f"annotator {person.annotator}" if person.annotator else "an account"
    who = {} if by else {"shell_user": trail.shell_user()}
    asked = {"judgements": traces.judgements, "withdrawn": withdraw, "account_deleted": delete_account}
    audit.record("person forgotten", subject, by=by, models=traces.names_of_models[:LISTED], **asked, **who)
    return traces


def _why_not(person: Person, *, withdraw: bool) -> str:
    user = person.user
    if user is not None and (user.is_superuser or user.is_staff):
        return _("This account runs the site: take its rights away first, in the admin.")
    if user is None and not withdraw:
        return _("No account stands behind this name: it is unlinked already.")
    return ""


def _locked(person: Person) -> Person:
    """As it stands now: of two who forget the same person one comes second."""
    if person.annotator is None:
        return person
    annotator = Annotator.objects.select_for_update(no_key=True).get(pk=person.annotator.pk)
    return Person(annotator=annotator, user=annotator.user)


def _projects_of(person: Person) -> list[Project]:
    member = Q(memberships__user=person.user) if person.user else Q(pk__in=[])
    if person.annotator is None:
        return list(Project.objects.filter(member).distinct())
    judged = Q(pk__in=Judgement.objects.filter(annotator=person.annotator).order_by().values("task__project"))
    return list(Project.objects.filter(member | judged | Q(seats__annotator=person.annotator)).distinct())


def _others(releases: Iterable[Release], *, generations: Iterable[Generation]) -> list[Artifact]:
    shown = {pk for one in generations for pk in (one.artifact_id, one.reward_model_id)}
    found: dict[int, Artifact] = {}
    for release in releases:
        found |= {one.pk: one for one in Artifact.objects.touched_by(release.hash) if one.pk not in shown}
    return [found[pk] for pk in sorted(found)]


def _withdraw(annotator: Annotator, *, projects: Iterable[Project], by: User | None) -> None:
    for project in projects:
        exclusions.withdraw(project, annotator=annotator, by=by)
