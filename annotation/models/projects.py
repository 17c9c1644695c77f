from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext

MAX_RESPONSES = 9
MAX_HIDDEN = 0.5


class Project(models.Model):
    """One question put to a group of people: what to judge by, how many judge each task, who may do what."""

    class State(models.TextChoices):
        ACTIVE = "active"
        PAUSED = "paused"
        ENDED = "ended"

    class Asked(models.TextChoices):
        OFF = "off"
        OPTIONAL = "optional"
        REQUIRED = "required"

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=200)
    state = models.CharField(max_length=10, choices=State, default=State.ACTIVE)
    overlap = models.PositiveSmallIntegerField(
        default=1, validators=[MinValueValidator(1)], help_text="How many people judge each task."
    )
    responses_per_task = models.PositiveSmallIntegerField(
        default=4,
        validators=[MaxValueValidator(MAX_RESPONSES)],
        help_text="1: rate and edit the one answer. 0: write an answer.",
    )
    ties_allowed = models.BooleanField(default=True)
    strength_asked = models.BooleanField(default=False, help_text="Slightly, clearly or much better, for pairs.")
    acceptability_asked = models.BooleanField(
        default=False, help_text="Which answers are good enough to send: a line between the ranks."
    )
    reason_asked = models.CharField(max_length=10, choices=Asked, default=Asked.OPTIONAL)
    flags_asked = models.BooleanField(default=True, help_text="Harmful, personal data, off-topic, …")
    highlights_asked = models.BooleanField(default=False, help_text="Mark a span of an answer and comment on it.")
    edit_asked = models.BooleanField(default=False, help_text="Turn the best answer into an ideal one.")
    criteria = models.JSONField(
        default=list,
        blank=True,
        help_text='Rubric: [{"name": "correctness", "scale": 5, "description": "…", "required": true}].',
    )
    lease_minutes = models.PositiveSmallIntegerField(default=30, validators=[MinValueValidator(1)])
    gold_rate = models.FloatField(
        default=0,
        validators=[MinValueValidator(0), MaxValueValidator(1)],
        help_text="Share of tasks whose best answer is known.",
    )
    repeat_rate = models.FloatField(
        default=0,
        validators=[MinValueValidator(0), MaxValueValidator(1)],
        help_text="Share of tasks that one person judges again later, without knowing.",
    )
    gold_feedback = models.BooleanField(
        default=False, help_text="Tell people at once whether they got a known answer right."
    )
    qualification_pass = models.FloatField(
        default=0.7,
        validators=[MinValueValidator(0), MaxValueValidator(1)],
        help_text="Share of known pairs to get right in the qualification set before the first real task.",
    )
    acknowledgement_asked = models.BooleanField(
        default=True, help_text="People confirm each new version of the guidelines before they go on."
    )
    most_overlap = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="Ask up to so many people where the first ones leave it open; empty: never more than the overlap.",
    )
    sureness = models.FloatField(
        default=0.95,
        validators=[MinValueValidator(0.5), MaxValueValidator(1)],
        help_text="How sure the consensus must be before nobody else is asked.",
    )
    alert_agreement = models.FloatField(
        null=True,
        blank=True,
        validators=[MinValueValidator(0), MaxValueValidator(1)],
        help_text="Tell the admins when agreement falls below this share of pairs.",
    )
    alert_known = models.FloatField(
        null=True,
        blank=True,
        validators=[MinValueValidator(0), MaxValueValidator(1)],
        help_text="Tell the admins when less than this share of known pairs is right.",
    )
    alert_webhook = models.CharField(
        max_length=500, blank=True, help_text="Address that alerts and summaries are posted to as JSON."
    )
    weekly_summary = models.BooleanField(default=False, help_text="Tell the admins once a week how it went.")
    revisions_locked = models.BooleanField(default=False, help_text="What was submitted can no longer be revised.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(condition=models.Q(overlap__gte=1), name="project_overlap_positive"),
            models.CheckConstraint(
                condition=models.Q(responses_per_task__range=(0, MAX_RESPONSES)),
                name="project_responses_in_range",
            ),
            # Empty means none: a condition on nothing is no breach.
            models.CheckConstraint(
                condition=models.Q(most_overlap__gte=models.F("overlap")), name="project_most_overlap_is_most"
            ),
            models.CheckConstraint(condition=models.Q(sureness__range=(0.5, 1)), name="project_sureness_in_range"),
            models.CheckConstraint(
                condition=models.Q(alert_agreement__range=(0, 1)), name="project_alert_agreement_is_share"
            ),
            models.CheckConstraint(
                condition=models.Q(alert_known__range=(0, 1)), name="project_alert_known_is_share"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """
        Raises:
            ValidationError: the rates of hidden tasks leave less than half for real ones, or the most people are
                fewer than the least.
        """
        if self.most_overlap is not None and self.overlap is not None and self.most_overlap < self.overlap:
            raise ValidationError({"most_overlap": gettext("At least as many as the overlap, or none.")})
        if round((self.gold_rate or 0) + (self.repeat_rate or 0), 9) > MAX_HIDDEN:
            said = gettext("The gold rate and the repeat rate are at most 0.5 together.")
            raise ValidationError({"repeat_rate": said})

    @property
    def guideline(self) -> "Guideline | None":
        return self.guidelines.order_by("-number").first()


class Guideline(models.Model):
    """One version of a project's guidelines; never changed once written."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="guidelines")
    number = models.PositiveIntegerField()
    text = models.TextField(help_text="Markdown.")
    changes = models.CharField(max_length=500, blank=True, help_text="What is new, for those who know the last one.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["project", "number"]
        constraints = [models.UniqueConstraint(fields=["project", "number"], name="guideline_number_once")]

    def __str__(self) -> str:
        return f"{self.project} guidelines v{self.number}"
