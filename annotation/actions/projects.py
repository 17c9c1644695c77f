"""Projects: finding them by the name that a person typed, making them, changing them."""

from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from annotation.actions import audit, members
from annotation.exceptions import ChangedMeanwhile, NotFound
from annotation.formats.hashing import content_hash
from annotation.models import Membership, Project

PROJECT_HELP = "The project's short name."
LISTED = 10
# What is asked for on the settings page, in its order.
SETTINGS = (
    "name", "ties_allowed", "strength_asked", "acceptability_asked", "reason_asked", "flags_asked",
    "highlights_asked", "edit_asked", "criteria", "overlap", "most_overlap", "sureness", "responses_per_task",
    "lease_minutes", "gold_rate", "repeat_rate", "gold_feedback", "qualification_pass", "acknowledgement_asked",
    "revisions_locked", "alert_agreement", "alert_known", "weekly_summary", "alert_webhook",
)  # fmt: skip


def named(slug: str) -> Project:
    """
    Raises:
        NotFound: there is none of this name; the sentence says which there are.
    """
    project = Project.objects.filter(slug=slug).first()
    if project is None:
        raise unknown(slug)
    return project


def unknown(slug: str, *, hint: str = "") -> NotFound:
    known = list(Project.objects.order_by("slug").values_list("slug", flat=True)[: LISTED + 1])
    names = ", ".join([*known[:LISTED], *(["…"] if len(known) > LISTED else [])])
    there = f"There are: {names}." if known else "There are none yet."
    return NotFound(f"There is no project {slug!r}. {there}{hint and f' {hint}'}")


def create(*, name: str, slug: str, by: User) -> Project:
    """A project with everything at its default; whoever makes it is its admin.

    Raises:
        ChangedMeanwhile: somebody took the short name a moment ago.
    """
    try:
        with transaction.atomic():
            project = Project.objects.create(name=name, slug=slug)
            audit.record("project created", f"project {slug}", by=by, name=name)
            members.add(project, user=by, role=Membership.Role.ADMIN, by=by)
    except IntegrityError:
        raise ChangedMeanwhile(_("There is a project of this short name already; choose another.")) from None
    return project


def settings_mark(project: Project) -> str:
    """What the settings are at this moment, in one word: a page sends it back, so that nobody's change is undone by
    a page that was open before it."""
    return content_hash([getattr(project, name) for name in SETTINGS])[:16]


@transaction.atomic
def change(project: Project, *, seen: str, by: User, **values: Any) -> dict[str, list[Any]]:
    """Set what differs and keep in the audit trail what it was; {setting: [before, after]}.

    Raises:
        ChangedMeanwhile: the settings are no longer those that were `seen`.
    """
    now = Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    if settings_mark(now) != seen:
        raise ChangedMeanwhile(
            _("Someone else changed the settings after you opened this page. Nothing was saved; look again.")
        )
    changes = {name: [getattr(now, name), value] for name, value in values.items() if getattr(now, name) != value}
    for name, (_before, after) in changes.items():
        setattr(now, name, after)
    if changes:
        now.save(update_fields=list(changes))
        audit.record("project changed", f"project {now.slug}", by=by, changes=changes)
    return changes


@transaction.atomic
def set_state(project: Project, *, state: str, by: User) -> bool:
    """Pause it, end it or go on; False when it is so already."""
    now = Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    if now.state == state:
        return False
    Project.objects.filter(pk=now.pk).update(state=state)
    audit.record("project changed", f"project {now.slug}", by=by, changes={"state": [now.state, state]})
    return True
