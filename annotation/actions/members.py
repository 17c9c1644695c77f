from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import CharField, OuterRef, Subquery
from django.utils.translation import gettext as _

from annotation.actions import audit
from annotation.exceptions import Forbidden, LastAdmin, NotFound
from annotation.models import Annotator, Membership, Project
from annotation.models.prepared import ID, Prepared

Role = Membership.Role
# Each may do more than the one before it.
RANKS = (Role.ANNOTATOR, Role.REVIEWER, Role.ENGINEER, Role.ADMIN)
REVIEWERS, ENGINEERS, ADMINS = RANKS[1:], RANKS[2:], RANKS[3:]


_seated = Prepared(
    lambda user, slug: (
        Membership.objects.filter(user=user, project__slug=slug)
        .select_related("project", "user__annotator")
        .order_by()
    ),
    user=ID,
    slug=CharField(),
)


def annotator_of(user: User) -> Annotator:
    """The pseudonym of this person, made at first use."""
    return Annotator.objects.get_or_create(user=user)[0]


def seated(user: User, slug: str) -> tuple[Project, Annotator]:
    """The project and the pseudonym of its member, in one query for whoever was here before.

    Raises:
        NotFound: see `project_for`.
    """
    membership = _seated.first(user=user.pk, slug=slug)
    if membership is None:
        return project_for(user, slug), annotator_of(user)
    try:
        return membership.project, membership.user.annotator
    except Annotator.DoesNotExist:
        return membership.project, annotator_of(user)


@transaction.atomic
def add(project: Project, *, user: User, role: str, by: User | None) -> Membership:
    """Make the person a member, or change their role."""
    added = Membership.objects.update_or_create(project=project, user=user, defaults={"role": role})
    audit.record("member added", f"project {project.slug}", by=by, user=user.get_username(), role=role)
    return added[0]


@transaction.atomic
def remove(membership: Membership, *, by: User | None, named: bool = True) -> None:
    """Take the person out of the project; what they judged stays. Unless `named`, the audit row does not say whom."""
    who = {"user": membership.user.get_username()} if named else {}
    audit.record("member removed", f"project {membership.project.slug}", by=by, **who, role=membership.role)
    membership.delete()


@transaction.atomic
def change(membership: Membership, *, role: str, groups: list[str], skills: list[str], by: User | None) -> None:
    """Give the member another role, other groups or other skills. An admin who is none any more loses with the role
    what they invited others by.

    Raises:
        LastAdmin: they are the only admin.
        NotFound: somebody removed them a moment ago.
    """
    now = _as_it_is(membership)
    if role != Role.ADMIN:
        _keep_an_admin(now)
    asked = {"role": role, "groups": groups, "skills": skills}
    changes = {name: [getattr(now, name), value] for name, value in asked.items() if getattr(now, name) != value}
    if not changes:
        return
    Membership.objects.filter(pk=now.pk).update(**asked)
    user = now.user.get_username()
    audit.record("member changed", f"project {now.project.slug}", by=by, user=user, changes=changes)


@transaction.atomic
def dismiss(membership: Membership, *, by: User | None, named: bool = True) -> None:
    """`remove`, unless nobody would be left to look after the project.

    Raises:
        LastAdmin: they are the only admin.
        NotFound: somebody removed them a moment ago.
    """
    now = _as_it_is(membership)
    _keep_an_admin(now)
    remove(now, by=by, named=named)


def _as_it_is(membership: Membership) -> Membership:
    """The row as it stands now, locked, and its project, so that two admins cannot dismiss each other at the same
    moment: what a page read before it may have changed since."""
    Project.objects.select_for_update(no_key=True).get(pk=membership.project_id)
    rows = Membership.objects.select_for_update(of=("self",)).select_related("project", "user")
    now = rows.filter(pk=membership.pk).first()
    if now is None:
        raise NotFound(_("This member is not there any more."))
    return now


def _keep_an_admin(membership: Membership) -> None:
    others = Membership.objects.filter(project=membership.project_id, role=Role.ADMIN).exclude(pk=membership.pk)
    if membership.role == Role.ADMIN and not others.exists():
        name = membership.user.get_username()
        raise LastAdmin(
            _("%(name)s is the only admin of this project. Make somebody else its admin first.") % {"name": name}
        )


def takes_part(project: Project, *, annotator: Annotator) -> bool:
    """Whether the annotator is a member today. One without a person (a simulated one) acts only through our own
    code, which knows what it may do; a superuser is a member everywhere."""
    if annotator.user_id is None:
        return True
    if Membership.objects.filter(project=project, user=annotator.user_id).exists():
        return True
    return User.objects.filter(pk=annotator.user_id, is_superuser=True).exists()


def project_for(user: User, slug: str, *, roles: tuple[Role, ...] = tuple(Role)) -> Project:
    """The project, if this person is a member in one of `roles` or a superuser.

    Raises:
        NotFound: no such project, or they are no member: both look the same to a stranger.
        Forbidden: they are a member, but not in one of these roles.
    """
    role = Membership.objects.filter(project=OuterRef("pk"), user=user).values("role")
    project = Project.objects.filter(slug=slug).annotate(role=Subquery(role[:1])).first()
    if project and user.is_superuser:
        return project
    if project is None or project.role is None:
        raise NotFound(_("There is no project %(slug)r that you are a member of.") % {"slug": slug})
    if project.role not in roles:
        needed = {"project": project, "role": project.role, "roles": _(" or ").join(roles)}
        raise Forbidden(_("Your role in %(project)s is %(role)s; this needs %(roles)s.") % needed)
    return project
