from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from annotation.models import Guideline, Judgement, Project, Release, Slot, Task


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


class AskedSerializer(serializers.ModelSerializer[Project]):
    """What the project asks for; the rest it refuses."""

    class Meta:
        model = Project
        fields = [
            "ties_allowed",
            "strength_asked",
            "acceptability_asked",
            "reason_asked",
            "flags_asked",
            "highlights_asked",
            "edit_asked",
            "criteria",
        ]


class LeasedTaskSerializer(serializers.ModelSerializer[Slot]):
    """What an annotator needs to judge: the responses stand in the order in which they are to be shown."""

    prompt = MessageSerializer(many=True, source="task.prompt.messages")
    responses = serializers.SerializerMethodField()
    asked = AskedSerializer(source="task.project")
    draft = serializers.SerializerMethodField()

    class Meta:
        model = Slot
        fields = [
            "token",
            "submission_key",
            "lease_expires_at",
            "guideline_version",
            "prompt",
            "responses",
            "asked",
            "draft",
        ]

    @extend_schema_field(BlindedResponseSerializer(many=True))
    def get_responses(self, slot: Slot) -> list[dict[str, Any]]:
        texts = texts_of(slot.task)
        return [{"position": position, "text": texts[position]} for position in slot.order]

    def get_draft(self, slot: Slot) -> dict[str, Any]:
        draft: dict[str, Any] = self.context["draft"]
        return draft


class SaidSerializer(serializers.Serializer[dict[str, Any]]):
    """Shapes only; what the values must be for this task is the action's to say."""

    ranking = serializers.ListField(
        child=serializers.ListField(child=serializers.IntegerField()),
        required=False,
        allow_null=True,
        help_text="Tie groups of positions, best first. Not needed for one response or none.",
    )
    strength = serializers.IntegerField(
        required=False, allow_null=True, help_text="For two: 1 slightly, 2 clearly, 3 much better."
    )
    acceptable = serializers.ListField(
        child=serializers.IntegerField(),
        required=False,
        allow_null=True,
        help_text="Positions that are good enough to send; [] if none is.",
    )
    ratings = serializers.DictField(
        child=serializers.ListField(child=serializers.FloatField()),
        required=False,
        help_text='By criterion one number for each position: {"correctness": [4, 2, 5]}.',
    )
    flags = serializers.ListField(
        child=serializers.JSONField(),
        required=False,
        help_text='[{"flag": "harmful", "response": 1}, {"flag": "unclear"}]; without a response, of the prompt.',
    )
    spans = serializers.ListField(
        child=serializers.JSONField(),
        required=False,
        help_text='[{"response": 0, "start": 3, "end": 9, "text": "…", "comment": "…"}], in characters of the text.',
    )
    reason = serializers.CharField(required=False, allow_blank=True, trim_whitespace=False)
    edited = serializers.DictField(
        child=serializers.CharField(allow_blank=True, trim_whitespace=False), required=False
    )
    written = serializers.CharField(
        required=False, allow_blank=True, trim_whitespace=False, help_text="Your own answer where there is none."
    )
    seconds = serializers.FloatField(required=False, allow_null=True)


class SubmissionSerializer(SaidSerializer):
    submission_key = serializers.UUIDField(help_text="As it came with the task; the same key is the same submission.")


class RevisionSerializer(SaidSerializer):
    submission_key = serializers.UUIDField(help_text="Any new one; the same key is the same revision.")
    revises = serializers.IntegerField(min_value=0, help_text="The revision that this one replaces.")


class JudgementSerializer(serializers.ModelSerializer[Judgement]):
    """By its slot's token and its revision. Its `uid` is a hash of what the task is made of: who got it could try
    names of policies, and whether the task checks on them."""

    token = serializers.UUIDField(source="slot.token", help_text="Of the slot that was judged.")

    class Meta:
        model = Judgement
        fields = [
            "token",
            "revision",
            "ranking",
            "strength",
            "acceptable",
            "ratings",
            "flags",
            "spans",
            "reason",
            "edited",
            "written",
            "seconds",
            "at",
        ]


class GuidelineSerializer(serializers.ModelSerializer[Guideline]):
    class Meta:
        model = Guideline
        fields = ["number", "text", "changes", "created_at"]


class AcknowledgementSerializer(serializers.Serializer[dict[str, Any]]):
    number = serializers.IntegerField(min_value=1, max_value=2**31 - 1, help_text="Of the guidelines that were read.")


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
    return {place.position: place.response.text for place in task.placed}
