import secrets

from django.conf import settings
from django.db import models
from django.utils import timezone

from annotation.models.projects import Project


class Membership(models.Model):
    """What a person may do in a project."""

    class Role(models.TextChoices):
        ANNOTATOR = "annotator"
        REVIEWER = "reviewer"
        ENGINEER = "engineer"
        ADMIN = "admin"

    project = models.ForeignKey(Project, models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role, default=Role.ANNOTATOR)
    groups = models.JSONField(
        default=list, blank=True, help_text='Names that tasks are assigned to: ["night shift"].'
    )
    skills = models.JSONField(default=list, blank=True, help_text='What tasks may ask for: ["lang:de", "medicine"].')
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "user"], name="membership_once")]

    def __str__(self) -> str:
        return f"{self.user} as {self.role} of {self.project}"


def new_pseudonym() -> str:
    return f"anon-{secrets.token_hex(8)}"


class Annotator(models.Model):
    """The pseudonym under which judgements are kept and released. The link to a person can be cut; the
    judgements stay."""

    name = models.CharField(max_length=64, unique=True, default=new_pseudonym)
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="annotator"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Seat(models.Model):
    """An annotator at a project's desk. Its row is also the lock that one person's claims queue up on."""

    class Qualification(models.TextChoices):
        OPEN = "open"
        PASSED = "passed"
        FAILED = "failed"
        WAIVED = "waived"

    project = models.ForeignKey(Project, models.CASCADE, related_name="seats")
    annotator = models.ForeignKey(Annotator, models.CASCADE, related_name="seats")
    guideline_seen = models.PositiveIntegerField(
        null=True, blank=True, help_text="Number of the newest guideline that they confirmed."
    )
    qualification = models.CharField(max_length=7, choices=Qualification, default=Qualification.OPEN)
    exposure = models.JSONField(
        default=dict, blank=True, help_text="How often each policy stood at each place: {policy: [at A, at B, …]}."
    )
    paused_at = models.DateTimeField(null=True, blank=True, help_text="No task for them until it is lifted.")
    paused_because = models.CharField(max_length=300, blank=True, help_text="Shown to them.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "annotator"], name="seat_once")]

    def __str__(self) -> str:
        return f"{self.annotator} at {self.project}"


class Audience(models.Model):
    """Whom a task is for: any of these people or groups (nobody named: everyone) who has all of the skills."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="audiences")
    key = models.CharField(max_length=64, editable=False, help_text="Hash of people, groups and skills.")
    people = models.JSONField(default=list, blank=True, help_text="Names of annotators.")
    groups = models.JSONField(default=list, blank=True)
    skills = models.JSONField(default=list, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "key"], name="audience_once_per_project")]

    def __str__(self) -> str:
        return ", ".join([*self.people, *self.groups, *self.skills]) or "everyone"


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def usable(self) -> "InvitationQuerySet":
        return self.filter(revoked_at__isnull=True, expires_at__gt=timezone.now(), uses_left__gt=0)


class Invitation(models.Model):
    """A link that makes whoever opens it a member. Only the hash of its token is kept."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="invitations")
    digest = models.CharField(max_length=64, unique=True, editable=False, help_text="SHA-256 of the token.")
    role = models.CharField(max_length=10, choices=Membership.Role, default=Membership.Role.ANNOTATOR)
    groups = models.JSONField(default=list, blank=True)
    skills = models.JSONField(default=list, blank=True)
    uses_left = models.PositiveIntegerField(default=1)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"invitation to {self.project} as {self.role}"
