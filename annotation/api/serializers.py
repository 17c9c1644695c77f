from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from annotation.models import Judgement, Project, Release, Slot, Task


class ProjectSerializer(serializers.ModelSerializer[Project]):
    class Meta:
        model = Project
        fields = ["slug", "name", "state", "overlap", "responses_per_task"]


class MessageSerializer(serializers.Serializer[dict[str, str]]):
    role = serializers.CharField()
    content = serializers.CharField()


class BlindedResponseSerializer(serializers.Serializer[dict[str, Any]]):
    """An answer without a trace of who wrote it."""

    position = serializers.IntegerField(help_text="How rankings name this response.")
    text = serializers.CharField()


class LeasedTaskSerializer(serializers.ModelSerializer[Slot]):
    """What an annotator needs to judge: the responses stand in the order in which they are to be shown."""

    prompt = MessageSerializer(many=True, source="task.prompt.messages")
    responses = serializers.SerializerMethodField()
    ties_allowed = serializers.BooleanField(source="task.project.ties_allowed")
    strength_asked = serializers.BooleanField(source="task.project.strength_asked")
    acceptability_asked = serializers.BooleanField(source="task.project.acceptability_asked")
    criteria = serializers.JSONField(source="task.project.criteria")
    draft = serializers.SerializerMethodField()

    class Meta:
        model = Slot
        fields = [
            "token",
            "submission_key",
            "lease_expires_at",
            "prompt",
            "responses",
            "ties_allowed",
            "strength_asked",
            "acceptability_asked",
            "criteria",
            "draft",
        ]

    @extend_schema_field(BlindedResponseSerializer(many=True))
    def get_responses(self, slot: Slot) -> list[dict[str, Any]]:
        texts = texts_of(slot.task)
        return [{"position": position, "text": texts[position]} for position in slot.order]

    def get_draft(self, slot: Slot) -> dict[str, Any]:
        draft: dict[str, Any] = self.context["draft"]
        return draft


class SubmissionSerializer(serializers.Serializer[dict[str, Any]]):
    """Shapes only; what the values must be for this task is the action's to say."""

    submission_key = serializers.UUIDField(help_text="As it came with the task; the same key is the same submission.")
    ranking = serializers.ListField(
        child=serializers.ListField(child=serializers.IntegerField()),
        help_text="Tie groups of positions, best first.",
    )
    strength = serializers.IntegerField(required=False, allow_null=True)
    acceptable = serializers.ListField(child=serializers.IntegerField(), required=False, allow_null=True)
    ratings = serializers.DictField(child=serializers.ListField(child=serializers.FloatField()), required=False)
    flags = serializers.ListField(child=serializers.JSONField(), required=False)
    reason = serializers.CharField(required=False, allow_blank=True, trim_whitespace=False)
    edited = serializers.DictField(
        child=serializers.CharField(allow_blank=True, trim_whitespace=False), required=False
    )
    seconds = serializers.FloatField(required=False, allow_null=True)


class JudgementSerializer(serializers.ModelSerializer[Judgement]):
    class Meta:
        model = Judgement
        fields = ["uid", "ranking", "strength", "acceptable", "ratings", "flags", "reason", "edited", "seconds", "at"]


class SkipSerializer(serializers.Serializer[dict[str, Any]]):
    reason = serializers.CharField(required=False, allow_blank=True, default="")


class DraftSerializer(serializers.Serializer[dict[str, Any]]):
    content = serializers.JSONField(help_text="An object of at most 256 kB.")


class ReleaseSerializer(serializers.ModelSerializer[Release]):
    class Meta:
        model = Release
        fields = ["name", "hash", "manifest", "created_at"]


class ErrorSerializer(serializers.Serializer[dict[str, Any]]):
    detail = serializers.CharField(help_text="What was wrong and what to do.")


def texts_of(task: Task) -> dict[int, str]:
    return dict(task.positions.values_list("position", "response__text"))
