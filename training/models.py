from django.db import models
from django.db.models import Q


class RunQuerySet(models.QuerySet["Run"]):
    def unfinished(self, config_hash: str) -> "RunQuerySet":
        """What the same command would go on with: queued, running, stopped or failed; the newest first."""
        return self.filter(config_hash=config_hash).exclude(state=Run.State.DONE)


class Run(models.Model):
    """One execution of `python -m training.ml` on its directory. The directory is the truth; this row finds it."""

    class Kind(models.TextChoices):
        SFT = "sft"
        RM = "rm"
        DPO = "dpo"
        PPO = "ppo"
        RLOO = "rloo"
        BEST_OF_N = "best_of_n"
        SAMPLE = "sample"

    class State(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        STOPPED = "stopped"
        DONE = "done"
        FAILED = "failed"

    name = models.CharField(max_length=100, unique=True, help_text="Directory name under RUNS_DIR.")
    kind = models.CharField(max_length=9, choices=Kind)
    state = models.CharField(max_length=7, choices=State, default=State.QUEUED)
    directory = models.CharField(max_length=500)
    config = models.JSONField(default=dict)
    config_hash = models.CharField(max_length=64, help_text="Hash of what decides the result; finds a run to resume.")
    release_hash = models.CharField(max_length=64, blank=True)
    base = models.CharField(max_length=500)
    seed = models.PositiveIntegerField()
    versions = models.JSONField(default=dict)
    commit = models.CharField(max_length=64, blank=True)
    report = models.JSONField(default=dict, blank=True)
    error = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = RunQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["config_hash", "state"], name="run_to_resume"),
            models.Index(fields=["release_hash"], name="run_of_release"),
        ]

    def __str__(self) -> str:
        return self.name


class ArtifactQuerySet(models.QuerySet["Artifact"]):
    def of_release(self, release_hash: str) -> "ArtifactQuerySet":
        """What was trained on this release itself."""
        return self.filter(run__release_hash=release_hash)

    def touched_by(self, release_hash: str) -> "ArtifactQuerySet":
        """What was trained on this release, and everything that was trained from that or rewarded by it. One query a
        generation."""
        touched: set[int] = set()
        newest = set(self.of_release(release_hash).values_list("pk", flat=True))
        while newest:
            touched |= newest
            learned = Q(parent__in=newest) | Q(run__rewards__artifact__in=newest)
            newest = set(self.filter(learned).values_list("pk", flat=True)) - touched
        return self.filter(pk__in=touched)


class Artifact(models.Model):
    """Weights that a run left behind, found again by name or path and checked by hash."""

    class Kind(models.TextChoices):
        POLICY = "policy"
        REWARD_MODEL = "reward_model"
        ADAPTER = "adapter"

    name = models.CharField(max_length=200, unique=True)
    kind = models.CharField(max_length=12, choices=Kind)
    path = models.CharField(max_length=500)
    sha256 = models.CharField(max_length=64)
    run = models.ForeignKey(Run, models.PROTECT, null=True, blank=True, related_name="artifacts")
    parent = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="children",
        help_text="The base it was trained from.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ArtifactQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]

    def __str__(self) -> str:
        return self.name

    def ancestors(self) -> list["Artifact"]:
        """What it was trained from, the nearest first. One query a generation."""
        line: list[Artifact] = []
        parent = self.parent
        while parent and parent not in line:
            line.append(parent)
            parent = parent.parent
        return line

    def behind(self) -> list["Artifact"]:
        """All that these weights rest on, the nearest first: what they were trained from, what they were rewarded by,
        and so on. One query a generation."""
        found: dict[int, Artifact] = {self.pk: self}
        newest = [self]
        while newest:
            near = Q(children__in=newest) | Q(rewarded__run__artifacts__in=newest)
            known = Artifact.objects.filter(near).exclude(pk__in=found)
            newest = list(known.select_related("run").distinct())
            found |= {artifact.pk: artifact for artifact in newest}
        return list(found.values())[1:]

    def releases(self) -> list[str]:
        """The hashes of every release behind these weights, the latest first: the way to their judgements."""
        hashes = [artifact.run.release_hash for artifact in (self, *self.behind()) if artifact.run]
        return list(dict.fromkeys(filter(None, hashes)))


class Reward(models.Model):
    """A reward model that scored a run's answers. What it learned, the weights that the run left rest on too."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="rewards")
    artifact = models.ForeignKey(Artifact, models.PROTECT, related_name="rewarded")
    weight = models.FloatField()
    held_out = models.BooleanField(
        default=False, help_text="Nothing is trained on it; it says which of a run's weights are kept."
    )

    class Meta:
        ordering = ["run", "id"]
        constraints = [models.UniqueConstraint(fields=["run", "artifact"], name="reward_once_per_run")]

    def __str__(self) -> str:
        return f"{self.artifact} of {self.run}"


class Evaluation(models.Model):
    """Numbers about an artifact, with their intervals."""

    artifact = models.ForeignKey(Artifact, models.CASCADE, related_name="evaluations")
    suite = models.CharField(max_length=100)
    numbers = models.JSONField(help_text='{"accuracy": {"value": 0.71, "low": 0.66, "high": 0.76, "n": 310}}')
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at", "-id"]

    def __str__(self) -> str:
        return f"{self.suite} of {self.artifact}"
