from typing import Any

from django.db import models

from annotation.formats.hashing import content_hash, split_of
from annotation.models.projects import Project


class Prompt(models.Model):
    """A conversation up to the answer that is asked for. Equal messages are one prompt within a project."""

    class Split(models.TextChoices):
        TRAIN = "train"
        TEST = "test"

    project = models.ForeignKey(Project, models.CASCADE, related_name="prompts")
    messages = models.JSONField(help_text='[{"role": "user", "content": "…"}, …]')
    content_hash = models.CharField(max_length=64, editable=False)
    split = models.CharField(max_length=5, choices=Split, editable=False)
    tags = models.JSONField(default=list, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "content_hash"], name="prompt_once_per_project")]

    def __str__(self) -> str:
        return f"{self.last_message[:60]}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.set_identity()
        super().save(*args, **kwargs)

    def set_identity(self) -> "Prompt":
        """Derive hash and split from the messages. `bulk_create` does not call `save`: call this first."""
        self.content_hash = content_hash(self.messages)
        self.split = split_of(self.content_hash)
        return self

    @property
    def last_message(self) -> str:
        return str(self.messages[-1]["content"]) if self.messages else ""


class Policy(models.Model):
    """Who wrote answers: a model generation, a person, or the source of an import."""

    class Kind(models.TextChoices):
        MODEL = "model"
        PEOPLE = "people"
        IMPORTED = "imported"

    name = models.CharField(max_length=200, unique=True)
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.IMPORTED)
    generation = models.PositiveIntegerField(null=True, blank=True)
    parent = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="children")
    location = models.CharField(
        max_length=500,
        blank=True,
        help_text="Directory of the weights, or base URL of an OpenAI-compatible server.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "policies"
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Response(models.Model):
    """One answer to a prompt. Equal (prompt, policy, text) is one response."""

    prompt = models.ForeignKey(Prompt, models.CASCADE, related_name="responses")
    policy = models.ForeignKey(Policy, models.PROTECT, related_name="responses")
    text = models.TextField(blank=True)
    text_hash = models.CharField(max_length=64, editable=False)
    sampling = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["prompt", "policy", "text_hash"], name="response_once")]

    def __str__(self) -> str:
        return self.text[:60]

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.set_identity()
        super().save(*args, **kwargs)

    def set_identity(self) -> "Response":
        """Derive the hash of the text. `bulk_create` does not call `save`: call this first."""
        self.text_hash = content_hash(self.text)
        return self
