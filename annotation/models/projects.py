import secrets

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

MAX_RESPONSES = 9


class Project(models.Model):
    """One question put to a group of people: what to judge by, how many judge each task, who may do what."""

    class State(models.TextChoices):
        ACTIVE = "active"
        PAUSED = "paused"
        ENDED = "ended"

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=200)
    state = models.CharField(max_length=10, choices=State, default=State.ACTIVE)
    overlap = models.PositiveSmallIntegerField(
        default=1, validators=[MinValueValidator(1)], help_text="How many people judge each task."
    )
    responses_per_task = models.PositiveSmallIntegerField(
        default=4, validators=[MinValueValidator(2), MaxValueValidator(MAX_RESPONSES)]
    )
    ties_allowed = models.BooleanField(default=True)
    strength_asked = models.BooleanField(default=False, help_text="Slightly, clearly or much better, for pairs.")
    acceptability_asked = models.BooleanField(default=False)
    criteria = models.JSONField(
        default=list,
        blank=True,
        help_text='Rubric: [{"name": "correctness", "scale": 5}]. For the API; not used yet on the desk.',
    )
    lease_minutes = models.PositiveSmallIntegerField(default=30, validators=[MinValueValidator(1)])
    gold_rate = models.FloatField(
        default=0,
        validators=[MinValueValidator(0), MaxValueValidator(1)],
        help_text="Share of tasks whose best answer is known. Not used yet.",
    )
    repeat_rate = models.FloatField(
        default=0,
        validators=[MinValueValidator(0), MaxValueValidator(1)],
        help_text="Share of tasks that one person judges twice. Not used yet.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(condition=models.Q(overlap__gte=1), name="project_overlap_positive"),
            models.CheckConstraint(
                condition=models.Q(responses_per_task__range=(2, MAX_RESPONSES)),
                name="project_responses_in_range",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def guideline(self) -> "Guideline | None":
        return self.guidelines.order_by("-number").first()


class Guideline(models.Model):
    """One version of a project's guidelines; never changed once written."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="guidelines")
    number = models.PositiveIntegerField()
    text = models.TextField(help_text="Markdown.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["project", "number"]
        constraints = [models.UniqueConstraint(fields=["project", "number"], name="guideline_number_once")]

    def __str__(self) -> str:
        return f"{self.project} guidelines v{self.number}"


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
