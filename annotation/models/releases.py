from django.conf import settings
from django.db import models

from annotation.models.judgements import Judgement
from annotation.models.members import Annotator
from annotation.models.projects import Project


class ReleaseQuerySet(models.QuerySet["Release"]):
    def holding(self, judgement: Judgement) -> "ReleaseQuerySet":
        return self.filter(judgements=judgement)

    def touched_by(self, annotator: Annotator) -> "ReleaseQuerySet":
        """Releases with at least one judgement of this annotator."""
        return self.filter(judgements__annotator=annotator).distinct()


class Release(models.Model):
    """A frozen directory of judgements. The same judgements give the same hash."""

    project = models.ForeignKey(Project, models.PROTECT, related_name="releases")
    hash = models.CharField(max_length=64)
    name = models.CharField(max_length=200, unique=True, help_text="Directory name: <slug>-<hash>.")
    path = models.CharField(max_length=500)
    manifest = models.JSONField(default=dict)
    judgements: models.ManyToManyField[Judgement, "ReleasedJudgement"] = models.ManyToManyField(
        Judgement, through="ReleasedJudgement", related_name="releases"
    )
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ReleaseQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        constraints = [models.UniqueConstraint(fields=["project", "hash"], name="release_hash_once_per_project")]

    def __str__(self) -> str:
        return self.name

    @property
    def annotators(self) -> models.QuerySet[Annotator]:
        return Annotator.objects.filter(judgements__releases=self).distinct()

    @property
    def guideline_versions(self) -> list[int]:
        """Numbers of the project's guidelines that its judgements were made under."""
        versions = self.judgements.values_list("guideline_version", flat=True).distinct()
        return sorted(version for version in versions if version is not None)


class ReleasedJudgement(models.Model):
    """The link that lineage walks: judgement to release, release to runs, runs to models."""

    release = models.ForeignKey(Release, models.CASCADE)
    judgement = models.ForeignKey(Judgement, models.PROTECT)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["release", "judgement"], name="released_once")]

    def __str__(self) -> str:
        return f"{self.judgement_id} in {self.release_id}"
