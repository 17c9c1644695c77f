"""Which tasks are for whom."""

from collections.abc import Collection, Iterable

from django.utils.translation import gettext

from annotation.exceptions import InvalidTask
from annotation.formats.hashing import content_hash
from annotation.models import Annotator, Audience, Membership, Project

LONGEST_NAME = 64


def of(
    project: Project, *, people: Iterable[str] = (), groups: Iterable[str] = (), skills: Iterable[str] = ()
) -> Audience | None:
    """The audience of any of these people or groups with all of these skills, made at first use. None: everyone.

    Raises:
        InvalidTask: a name that is blank or longer than 64 characters, or a person who is no annotator.
    """
    named = {"people": _names(people), "groups": _names(groups), "skills": _names(skills)}
    if not any(named.values()):
        return None
    known = set(Annotator.objects.filter(name__in=named["people"]).values_list("name", flat=True))
    if missing := [name for name in named["people"] if name not in known]:
        raise InvalidTask(f"There is no annotator {missing[0]!r}: name people by their pseudonym.")
    audience, _ = Audience.objects.get_or_create(project=project, key=content_hash(named), defaults=named)
    return audience


def admits(audience: Audience, *, person: str, groups: Collection[str], skills: Collection[str]) -> bool:
    """`person` is the annotator's pseudonym."""
    anyone = not audience.people and not audience.groups
    named = person in audience.people or any(group in groups for group in audience.groups)
    return (anyone or named) and all(skill in skills for skill in audience.skills)


def admitting(
    projects: Collection[Project], *, annotator: Annotator, memberships: Iterable[Membership] | None = None
) -> dict[int, list[int]]:
    """Ids of the audiences that this person belongs to, by project id. Tasks without an audience are for everyone."""
    if memberships is None:
        memberships = Membership.objects.filter(project__in=projects, user=annotator.user_id)
    by_project = {membership.project_id: membership for membership in memberships}
    found: dict[int, list[int]] = {project.pk: [] for project in projects}
    for audience in Audience.objects.filter(project__in=projects).order_by("pk"):
        member = by_project.get(audience.project_id)
        groups, skills = (member.groups, member.skills) if member else ([], [])
        if admits(audience, person=annotator.name, groups=groups, skills=skills):
            found[audience.project_id].append(audience.pk)
    return found


def unpeopled(project: Project, named: Iterable[Audience]) -> list[str]:
    """A sentence for each group and skill that no member has, and for each audience to which nobody belongs."""
    members = list(Membership.objects.filter(project=project).select_related("user__annotator"))
    groups = {group for member in members for group in member.groups}
    skills = {skill for member in members for skill in member.skills}
    sentences: list[str] = []
    for audience in named:
        nobody = not any(
            admits(audience, person=_pseudonym(member), groups=member.groups, skills=member.skills)
            for member in members
        )
        missing = [_no_group(group, nobody=nobody) for group in audience.groups if group not in groups]
        missing += [_no_skill(skill) for skill in audience.skills if skill not in skills]
        sentences += missing or ([_no_member()] if nobody else [])
    return list(dict.fromkeys(sentences))


def _pseudonym(member: Membership) -> str:
    annotator = getattr(member.user, "annotator", None)
    return annotator.name if annotator else ""


def _no_group(group: str, *, nobody: bool) -> str:
    if nobody:
        said = gettext("No member is in the group %(name)s yet: nobody is offered these tasks until someone is.")
    else:
        said = gettext("No member is in the group %(name)s yet.")
    return said % {"name": repr(group)}


def _no_skill(skill: str) -> str:
    said = gettext("No member has the skill %(name)s yet: nobody is offered its tasks until someone has.")
    return said % {"name": repr(skill)}


def _no_member() -> str:
    return gettext("No member fits all that these tasks ask for: nobody is offered them until someone does.")


def _names(names: Iterable[str]) -> list[str]:
    found = sorted({name.strip() for name in names})
    for name in found:
        if not 1 <= len(name) <= LONGEST_NAME:
            raise InvalidTask(f"{name!r} names no person, group or skill: give 1 to {LONGEST_NAME} characters.")
    return found
