"""What was found about the labels of a project: measured in the background, read by the quality pages."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from annotation.models.judgements import Judgement
from annotation.models.members import Annotator
from annotation.models.projects import Project
from annotation.models.tasks import Task


class Measurement(models.Model):
    """The newest figures of a project about one kind of voices; replaced as a whole by the next ones."""

    class Voices(models.TextChoices):
        PEOPLE = "people"
        SIMULATED = "simulated"
        AI = "ai"

    SOURCES: ClassVar[dict[str, tuple[str, ...]]] = {
        Voices.PEOPLE: (Judgement.Source.HUMAN, Judgement.Source.IMPORTED),
        Voices.SIMULATED: (Judgement.Source.SIMULATED,),
        Voices.AI: (Judgement.Source.AI,),
    }

    project = models.ForeignKey(Project, models.CASCADE, related_name="measurements")
    voices = models.CharField(max_length=10, choices=Voices, default=Voices.PEOPLE)
    content = models.JSONField(default=dict, help_text="The figures: annotation/actions/quality/content.py.")
    state = models.CharField(max_length=64, blank=True, help_text="What was measured: another one means stale.")
    judgements = models.PositiveIntegerField(default=0)
    seconds = models.FloatField(default=0, help_text="What measuring took.")
    measured_at = models.DateTimeField(null=True, blank=True, help_text="None: asked for, not measured yet.")
    asked_at = models.DateTimeField(null=True, blank=True, help_text="Somebody wants it anew, at once.")
    claim = models.CharField(max_length=200, blank=True, help_text="Who is measuring it now: host, process, token.")
    claimed_until = models.DateTimeField(null=True, blank=True, help_text="Later than that the claim is nobody's.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "voices"], name="measurement_once")]

    def __str__(self) -> str:
        return f"figures of {self.project} ({self.voices})"


class AnnotatorMeasure(models.Model):
    """One annotator's figures. What lists are sorted by has a column; None where there is not enough."""

    measurement = models.ForeignKey(Measurement, models.CASCADE, related_name="annotators", db_index=False)
    annotator = models.ForeignKey(Annotator, models.CASCADE, related_name="measures")
    judgements = models.PositiveIntegerField()
    agreement = models.FloatField(null=True, blank=True)
    reliability = models.FloatField(null=True, blank=True)
    known = models.FloatField(null=True, blank=True)
    suggestion = models.CharField(max_length=20, help_text="annotation/stats/people/suggestions.py")
    content = models.JSONField(default=dict)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["measurement", "annotator"], name="measure_once_of_annotator")]
        indexes = [
            models.Index(fields=["measurement", "-judgements", "annotator"], name="measure_by_volume"),
        ]

    def __str__(self) -> str:
        return f"{self.annotator} in {self.measurement}"


class TaskMeasure(models.Model):
    """A task that more votes would teach something about, and what its votes say together."""

    measurement = models.ForeignKey(Measurement, models.CASCADE, related_name="tasks", db_index=False)
    task = models.ForeignKey(Task, models.CASCADE, related_name="measures")
    votes = models.PositiveSmallIntegerField()
    disagreement = models.FloatField(null=True, blank=True, help_text="0 all alike, 1 opposite; None: one voice.")
    information = models.FloatField(help_text="Bits that one more vote is expected to tell.")
    sureness = models.FloatField(help_text="Probability that the best answer by consensus is the best.")
    content = models.JSONField(default=dict, help_text="Consensus ranking and the probabilities of its pairs.")
    tags = models.TextField(blank=True, help_text='"\\n"-framed, for a search that every database can do.')

    class Meta:
        constraints = [models.UniqueConstraint(fields=["measurement", "task"], name="measure_once_of_task")]
        indexes = [
            models.Index(fields=["measurement", "-information", "task"], name="measure_by_information"),
            models.Index(fields=["measurement", "-disagreement", "task"], name="measure_by_disagreement"),
        ]

    def __str__(self) -> str:
        return f"task {self.task_id} in {self.measurement}"


class ExclusionQuerySet(models.QuerySet["Exclusion"]):
    def current(self) -> "ExclusionQuerySet":
        return self.filter(lifted_at__isnull=True)


class Exclusion(models.Model):
    """A judgement that is kept but counts no more: in no figure and no later release. Lifting it keeps the row."""

    judgement = models.ForeignKey(Judgement, models.CASCADE, related_name="exclusions")
    reason = models.TextField(blank=True, help_text="Empty where the person withdrew it.")
    withdrawn = models.BooleanField(default=False, help_text="The person asked to be forgotten: it is never lifted.")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    lifted_at = models.DateTimeField(null=True, blank=True)
    lifted_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")

    objects = ExclusionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["judgement"], condition=Q(lifted_at__isnull=True), name="exclusion_once")
        ]

    def __str__(self) -> str:
        return f"exclusion of {self.judgement_id}"


class Alert(models.Model):
    """What the admins of a project were told, or are to be told, about its labels."""

    class Kind(models.TextChoices):
        AGREEMENT = "agreement"
        KNOWN = "known"
        WEEKLY = "weekly"

    project = models.ForeignKey(Project, models.CASCADE, related_name="alerts")
    kind = models.CharField(max_length=10, choices=Kind)
    detail = models.JSONField(default=dict, help_text="The figures that it stands on.")
    created_at = models.DateTimeField(auto_now_add=True)
    mailed_at = models.DateTimeField(null=True, blank=True)
    posted_at = models.DateTimeField(null=True, blank=True, help_text="To the project's webhook.")
    error = models.TextField(blank=True, help_text="Why the last attempt failed.")
    attempts = models.PositiveSmallIntegerField(default=0)
    tried_at = models.DateTimeField(null=True, blank=True)
    over_at = models.DateTimeField(null=True, blank=True, help_text="When the figure stood above its limit again.")

    class Meta:
        ordering = ["-created_at", "-pk"]
        indexes = [models.Index(fields=["project", "kind", "-created_at"], name="alert_newest")]

    def __str__(self) -> str:
        return f"{self.kind} of {self.project}"
