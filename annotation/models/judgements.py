from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from annotation.models.members import Annotator
from annotation.models.prompts import Response
from annotation.models.tasks import Slot, Task


class JudgementQuerySet(models.QuerySet["Judgement"]):
    def current(self) -> "JudgementQuerySet":
        """What holds today: not replaced by a revision."""
        return self.filter(revised_by__isnull=True)

    def by_people(self) -> "JudgementQuerySet":
        """People's own, here or imported; neither simulated nor a model's."""
        return self.filter(source__in=[Judgement.Source.HUMAN, Judgement.Source.IMPORTED])


class Judgement(models.Model):
    """What one annotator said about one task, in full. Never changed: a revision is a new row."""

    class Source(models.TextChoices):
        HUMAN = "human"
        AI = "ai"
        SIMULATED = "simulated"
        IMPORTED = "imported"

    class Strength(models.IntegerChoices):
        SLIGHTLY = 1
        CLEARLY = 2
        MUCH = 3

    task = models.ForeignKey(Task, models.CASCADE, related_name="judgements")
    slot = models.ForeignKey(Slot, models.PROTECT, null=True, blank=True, related_name="judgements")
    annotator = models.ForeignKey(Annotator, models.PROTECT, related_name="judgements")
    uid = models.CharField(
        max_length=64,
        editable=False,
        help_text="Hash of task key, annotator and revision: the same everywhere.",
    )
    revision = models.PositiveSmallIntegerField(default=0)
    revised_by = models.OneToOneField("self", models.PROTECT, null=True, blank=True, related_name="revises")
    source = models.CharField(max_length=10, choices=Source, default=Source.HUMAN)
    ranking = models.JSONField(help_text="Tie groups of positions, best first: [[2], [0, 1], [3]].")
    strength = models.PositiveSmallIntegerField(choices=Strength, null=True, blank=True)
    acceptable = models.JSONField(null=True, blank=True, help_text="Positions that are good enough to send.")
    ratings = models.JSONField(default=dict, blank=True)
    flags = models.JSONField(
        default=list,
        blank=True,
        help_text='[{"flag": "harmful", "response": 1}, {"flag": "unclear"}]: none, the prompt.',
    )
    spans = models.JSONField(
        default=list,
        blank=True,
        help_text='[{"response": 0, "start": 3, "end": 9, "text": "…", "comment": "…"}], in characters.',
    )
    reason = models.TextField(blank=True)
    edited = models.JSONField(default=dict, blank=True, help_text='{"0": "better text"}')
    written = models.TextField(blank=True, help_text="The annotator's own answer, where there was none to judge.")
    seconds = models.FloatField(null=True, blank=True)
    shown = models.JSONField(null=True, blank=True, help_text="Positions in the order shown.")
    guideline_version = models.PositiveIntegerField(
        null=True, blank=True, help_text="Number of the project's guideline."
    )
    submission_key = models.UUIDField(null=True, blank=True, unique=True)
    at = models.DateTimeField(null=True, blank=True, help_text="When it was made; unknown for some imports.")
    created_at = models.DateTimeField(default=timezone.now)

    objects = JudgementQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["task", "annotator", "revision"], name="judgement_once_per_revision"),
            models.UniqueConstraint(
                fields=["task", "annotator"],
                condition=Q(revised_by__isnull=True),
                name="judgement_one_current",
            ),
            models.UniqueConstraint(
                fields=["slot"],
                condition=Q(slot__isnull=False, revised_by__isnull=True),
                name="judgement_once_per_slot",
            ),
            models.CheckConstraint(
                condition=Q(strength__isnull=True) | Q(strength__range=(1, 3)),
                name="judgement_strength_in_range",
            ),
        ]
        indexes = [models.Index(fields=["uid"], name="judgement_uid")]

    def __str__(self) -> str:
        return f"judgement of {self.annotator} on task {self.task_id}"


class Comparison(models.Model):
    """One pair of a judgement. With `tie`, the order of winner and loser means nothing."""

    judgement = models.ForeignKey(Judgement, models.CASCADE, related_name="comparisons")
    winner = models.ForeignKey(Response, models.PROTECT, related_name="won")
    loser = models.ForeignKey(Response, models.PROTECT, related_name="lost")
    tie = models.BooleanField(default=False)
    strength = models.PositiveSmallIntegerField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["judgement", "winner", "loser"], name="comparison_once"),
            models.CheckConstraint(condition=~Q(winner=models.F("loser")), name="comparison_of_two"),
        ]

    def __str__(self) -> str:
        return f"{self.winner_id} {'=' if self.tie else '>'} {self.loser_id}"


class Adjudication(models.Model):
    """What a reviewer decided where people disagreed. It stands beside what they said; the newest one counts."""

    task = models.ForeignKey(Task, models.CASCADE, related_name="adjudications")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True)
    ranking = models.JSONField(help_text="Tie groups of positions, best first.")
    reason = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return f"adjudication of task {self.task_id}"
