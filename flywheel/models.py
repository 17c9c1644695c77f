from django.db import models

from annotation.models import Policy, Project, Prompt
from training.models import Artifact


class GenerationQuerySet(models.QuerySet["Generation"]):
    def waiting(self) -> "GenerationQuerySet":
        """Those on which nobody has decided yet."""
        return self.filter(state__in=Generation.WAITING)

    def before(self, promoted: "Generation") -> "GenerationQuerySet":
        """Those that were promoted once and retired since, the latest first: where a rollback goes."""
        retired = self.filter(state=Generation.State.RETIRED, project_id=promoted.project_id)
        return retired.filter(promoted_at__isnull=False).order_by("-promoted_at", "-number")


class Generation(models.Model):
    """A policy on its way to being the one that answers."""

    class State(models.TextChoices):
        CANDIDATE = "candidate"
        LABELLING = "labelling"
        PROMOTED = "promoted"
        REJECTED = "rejected"
        RETIRED = "retired"

    WAITING = (State.CANDIDATE, State.LABELLING)

    project = models.ForeignKey(Project, models.PROTECT, related_name="generations")
    number = models.PositiveIntegerField()
    policy = models.OneToOneField(Policy, models.PROTECT, related_name="generation_row")
    artifact = models.ForeignKey(Artifact, models.PROTECT, null=True, blank=True, related_name="generations")
    reward_model = models.ForeignKey(
        Artifact, models.PROTECT, null=True, blank=True, related_name="scored_generations"
    )
    parent = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="children")
    state = models.CharField(max_length=9, choices=State, default=State.CANDIDATE)
    created_at = models.DateTimeField(auto_now_add=True)
    promoted_at = models.DateTimeField(null=True, blank=True, help_text="When it last became the one that answers.")

    objects = GenerationQuerySet.as_manager()

    class Meta:
        ordering = ["project", "number"]
        constraints = [
            models.UniqueConstraint(fields=["project", "number"], name="generation_number_once"),
            models.UniqueConstraint(
                fields=["project"], condition=models.Q(state="promoted"), name="generation_one_promoted"
            ),
        ]

    def __str__(self) -> str:
        return self.policy.name


class TurnQuerySet(models.QuerySet["Turn"]):
    def unfinished(self) -> "TurnQuerySet":
        return self.filter(state__in=Turn.UNFINISHED)


class Turn(models.Model):
    """One trip round the loop. Each finished stage is a row, so that an interrupted turn goes on where it stopped."""

    class State(models.TextChoices):
        RUNNING = "running"
        WAITING = "waiting"  # for people
        DONE = "done"
        ABANDONED = "abandoned"

    UNFINISHED = (State.RUNNING, State.WAITING)

    project = models.ForeignKey(Project, models.PROTECT, related_name="turns")
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=9, choices=State, default=State.RUNNING)
    settings = models.JSONField(default=dict)
    notes = models.JSONField(
        default=dict,
        blank=True,
        help_text="Choices of a stage under way, so that it goes on with the same; why it was abandoned.",
    )
    candidate = models.ForeignKey(Generation, models.PROTECT, null=True, blank=True, related_name="turns")
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = TurnQuerySet.as_manager()

    class Meta:
        ordering = ["project", "number"]
        constraints = [
            models.UniqueConstraint(fields=["project", "number"], name="turn_number_once"),
            models.UniqueConstraint(
                fields=["project"],
                condition=models.Q(state__in=["running", "waiting"]),
                name="turn_one_unfinished_per_project",
            ),
        ]

    def __str__(self) -> str:
        return f"turn {self.number} of {self.project}"


class Sampling(models.Model):
    """That a policy was asked a prompt `drawn` times with these settings. Equal answers are one Response, so that
    counting responses does not tell how often it was asked."""

    policy = models.ForeignKey(Policy, models.CASCADE, related_name="samplings")
    prompt = models.ForeignKey(Prompt, models.CASCADE, related_name="samplings")
    settings = models.JSONField(default=dict)
    settings_hash = models.CharField(max_length=64)
    drawn = models.PositiveSmallIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["policy", "prompt", "settings_hash"], name="sampling_once"),
        ]

    def __str__(self) -> str:
        return f"{self.drawn} answers of {self.policy} to prompt {self.prompt_id}"


class Stage(models.Model):
    """A finished stage of a turn, with what it found or made."""

    class Name(models.TextChoices):
        """In the order in which a turn goes through them."""

        SELECT = "select"
        SAMPLE = "sample"
        PUSH = "push"
        LABEL = "label"
        RELEASE = "release"
        REWARD_MODEL = "reward_model"
        POLICY = "policy"
        CHALLENGE = "challenge"
        GATES = "gates"
        PROMOTE = "promote"

    turn = models.ForeignKey(Turn, models.CASCADE, related_name="stages")
    name = models.CharField(max_length=20, choices=Name)
    result = models.JSONField(default=dict)
    finished_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["turn", "id"]
        constraints = [models.UniqueConstraint(fields=["turn", "name"], name="stage_once_per_turn")]

    def __str__(self) -> str:
        return f"{self.name} of {self.turn}"


class Gate(models.Model):
    """One condition on promotion, with the evidence it was decided on."""

    generation = models.ForeignKey(Generation, models.CASCADE, related_name="gates")
    name = models.CharField(max_length=50)
    passed = models.BooleanField()
    evidence = models.JSONField(help_text="The numbers, each with n and interval, and the sentence.")
    decided_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["generation", "name"], name="gate_once_per_generation")]

    def __str__(self) -> str:
        return f"{self.name} of {self.generation}: {'passed' if self.passed else 'not passed'}"
