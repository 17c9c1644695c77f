"""Every table, for the person who runs the installation. What must never change is shown, not edited."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from annotation.actions import members
from annotation.exceptions import InvalidJudgement
from annotation.formats import rubric
from annotation.models import (
    Adjudication,
    Alert,
    Annotator,
    AnnotatorMeasure,
    Audience,
    AuditEvent,
    Comparison,
    Draft,
    Exclusion,
    Guideline,
    Invitation,
    Judgement,
    Measurement,
    Membership,
    Policy,
    Project,
    Prompt,
    Release,
    ReleasedJudgement,
    Response,
    Seat,
    Skip,
    Slot,
    Task,
    TaskMeasure,
    TaskResponse,
)


class ReadOnly(admin.ModelAdmin[Model]):
    """Records: they are made by actions and never changed."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


def is_used(row: Model) -> bool:
    """Whether anything refers to the row."""
    return any(
        relation.related_model._base_manager.filter(**{relation.field.name: row}).exists()
        for relation in row._meta.related_objects
    )


def person_of(request: HttpRequest) -> User | None:
    return request.user if isinstance(request.user, User) else None


class ProjectForm(forms.ModelForm[Project]):
    def clean_criteria(self) -> Any:
        criteria = self.cleaned_data["criteria"]
        try:
            rubric.parse(criteria)
        except InvalidJudgement as error:
            raise forms.ValidationError(str(error)) from None
        return criteria


@admin.register(Project)
class ProjectAdmin(admin.ModelAdmin[Project]):
    form = ProjectForm
    list_display = ["name", "slug", "state", "overlap", "responses_per_task", "created_at"]
    list_filter = ["state"]
    search_fields = ["name", "slug"]


@admin.register(Guideline)
class GuidelineAdmin(admin.ModelAdmin[Guideline]):
    """A version that exists may have been judged by, so it stays as it is: write the next one."""

    list_display = ["project", "number", "created_at"]
    list_select_related = ["project"]
    raw_id_fields = ["project"]
    search_fields = ["project__name", "text"]

    def has_change_permission(self, request: HttpRequest, obj: Guideline | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Guideline | None = None) -> bool:
        return False


@admin.register(Membership)
class MembershipAdmin(admin.ModelAdmin[Membership]):
    list_display = ["user", "project", "role", "created_at"]
    list_filter = ["role"]
    list_select_related = ["user", "project"]
    raw_id_fields = ["user", "project"]
    search_fields = ["user__username", "project__name"]

    def get_readonly_fields(self, request: HttpRequest, obj: Membership | None = None) -> list[str]:
        """A person's place in another project is another membership."""
        return ["project", "user"] if obj else []

    def save_model(self, request: HttpRequest, obj: Membership, form: Any, change: bool) -> None:
        obj.pk = members.add(obj.project, user=obj.user, role=obj.role, by=person_of(request)).pk

    def delete_model(self, request: HttpRequest, obj: Membership) -> None:
        members.remove(obj, by=person_of(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Membership]) -> None:
        for membership in queryset.select_related("project", "user"):
            members.remove(membership, by=person_of(request))


@admin.register(Annotator)
class AnnotatorAdmin(admin.ModelAdmin[Annotator]):
    list_display = ["name", "user", "created_at"]
    list_select_related = ["user"]
    raw_id_fields = ["user"]
    search_fields = ["name", "user__username"]

    def get_readonly_fields(self, request: HttpRequest, obj: Annotator | None = None) -> list[str]:
        """The uids of judgements are made of the name."""
        return ["name"] if obj and is_used(obj) else []


@admin.register(Policy)
class PolicyAdmin(admin.ModelAdmin[Policy]):
    list_display = ["name", "kind", "generation", "parent", "location"]
    list_filter = ["kind"]
    list_select_related = ["parent"]
    raw_id_fields = ["parent"]
    search_fields = ["name", "location"]

    def get_readonly_fields(self, request: HttpRequest, obj: Policy | None = None) -> list[str]:
        """The keys of tasks are made of the name, and generations go by it."""
        return ["name"] if obj and is_used(obj) else []


@admin.register(Prompt)
class PromptAdmin(admin.ModelAdmin[Prompt]):
    list_display = ["pk", "project", "__str__", "split", "created_at"]
    list_filter = ["split"]
    list_select_related = ["project"]
    raw_id_fields = ["project"]
    search_fields = ["content_hash", "messages"]
    show_full_result_count = False

    def get_readonly_fields(self, request: HttpRequest, obj: Prompt | None = None) -> list[str]:
        """The messages are the prompt's identity: other messages are another prompt."""
        return ["project", "messages", "content_hash", "split"] if obj else ["content_hash", "split"]


@admin.register(Response)
class ResponseAdmin(admin.ModelAdmin[Response]):
    list_display = ["pk", "__str__", "policy", "prompt_id", "created_at"]
    list_filter = ["policy"]
    list_select_related = ["policy"]
    raw_id_fields = ["prompt", "policy"]
    search_fields = ["text", "text_hash", "policy__name"]
    show_full_result_count = False

    def get_readonly_fields(self, request: HttpRequest, obj: Response | None = None) -> list[str]:
        """What was written, and by whom, is not for later hands."""
        return ["prompt", "policy", "text", "text_hash"] if obj else ["text_hash"]


@admin.register(Task)
class TaskAdmin(admin.ModelAdmin[Task]):
    """Made by `create_tasks` and by imports; what they and the desk count by is shown, not edited."""

    list_display = ["pk", "project", "purpose", "state", "priority", "filled", "overlap", "generation", "strategy"]
    list_filter = ["state", "purpose", "project"]
    list_select_related = ["project"]
    raw_id_fields = ["project", "prompt"]
    search_fields = ["key", "generation"]
    readonly_fields = [
        "project", "prompt", "key", "purpose", "state", "overlap", "filled", "slots_by_state", "generation",
        "strategy", "score", "propensity", "metadata", "audience", "known", "repeats",
    ]  # fmt: skip
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    @admin.display(description="slots")
    def slots_by_state(self, task: Task) -> str:
        return ", ".join(f"{slot.number}: {slot.state}" for slot in task.slots.all()) or "none"


@admin.register(TaskResponse)
class TaskResponseAdmin(ReadOnly):
    list_display = ["pk", "task_id", "position", "response_id"]
    search_fields = ["task__key"]
    show_full_result_count = False


@admin.register(Slot)
class SlotAdmin(ReadOnly):
    """Only the actions of the desk move a slot."""

    list_display = ["pk", "task_id", "number", "state", "annotator", "lease_expires_at", "filled_at"]
    list_filter = ["state"]
    list_select_related = ["annotator"]
    search_fields = ["task__key", "annotator__name"]
    show_full_result_count = False


@admin.register(Draft)
class DraftAdmin(ReadOnly):
    list_display = ["pk", "task_id", "annotator", "updated_at"]
    list_select_related = ["annotator"]
    search_fields = ["task__key", "annotator__name"]


@admin.register(Skip)
class SkipAdmin(ReadOnly):
    list_display = ["pk", "task_id", "annotator", "reason", "created_at"]
    list_select_related = ["annotator"]
    search_fields = ["task__key", "annotator__name", "reason"]


@admin.register(Judgement)
class JudgementAdmin(ReadOnly):
    list_display = ["pk", "task_id", "annotator", "ranking", "source", "revision", "guideline_version", "at"]
    list_filter = ["source"]
    list_select_related = ["annotator"]
    search_fields = ["uid", "annotator__name", "task__key"]
    show_full_result_count = False


@admin.register(Comparison)
class ComparisonAdmin(ReadOnly):
    list_display = ["pk", "judgement_id", "winner_id", "loser_id", "tie", "strength"]
    list_filter = ["tie"]
    search_fields = ["judgement__uid"]
    show_full_result_count = False


@admin.register(Release)
class ReleaseAdmin(ReadOnly):
    list_display = ["name", "project", "hash", "created_by", "created_at"]
    list_select_related = ["project", "created_by"]
    search_fields = ["name", "hash", "project__name"]


@admin.register(ReleasedJudgement)
class ReleasedJudgementAdmin(ReadOnly):
    list_display = ["pk", "release", "judgement_id"]
    list_select_related = ["release"]
    search_fields = ["release__name", "judgement__uid"]
    show_full_result_count = False


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnly):
    list_display = ["at", "by", "verb", "subject"]
    list_filter = ["verb"]
    list_select_related = ["by"]
    search_fields = ["subject", "verb", "by__username"]
    show_full_result_count = False


@admin.register(Seat)
class SeatAdmin(admin.ModelAdmin[Seat]):
    """Whoever pauses a seat here would leave its leases: the person's page under Quality does it whole."""

    list_display = ["annotator", "project", "guideline_seen", "qualification", "paused_at"]
    list_filter = ["qualification"]
    list_select_related = ["annotator", "project"]
    search_fields = ["annotator__name", "project__name"]
    readonly_fields = ["project", "annotator", "guideline_seen", "exposure", "paused_at", "paused_because"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False


@admin.register(Audience)
class AudienceAdmin(ReadOnly):
    list_display = ["pk", "project", "people", "groups", "skills"]
    list_select_related = ["project"]
    search_fields = ["project__name"]


@admin.register(Invitation)
class InvitationAdmin(ReadOnly):
    list_display = ["project", "role", "uses_left", "expires_at", "revoked_at", "created_by"]
    list_select_related = ["project", "created_by"]
    search_fields = ["project__name"]


@admin.register(Adjudication)
class AdjudicationAdmin(ReadOnly):
    list_display = ["task_id", "by", "ranking", "created_at"]
    list_select_related = ["by"]
    search_fields = ["task__key", "reason"]


@admin.register(Measurement)
class MeasurementAdmin(ReadOnly):
    list_display = ["project", "voices", "judgements", "seconds", "measured_at", "asked_at"]
    list_filter = ["voices"]
    list_select_related = ["project"]
    search_fields = ["project__name"]


@admin.register(AnnotatorMeasure)
class AnnotatorMeasureAdmin(ReadOnly):
    list_display = ["annotator", "measurement", "judgements", "agreement", "reliability", "known", "suggestion"]
    list_filter = ["suggestion"]
    list_select_related = ["annotator", "measurement__project"]
    search_fields = ["annotator__name"]


@admin.register(TaskMeasure)
class TaskMeasureAdmin(ReadOnly):
    list_display = ["task_id", "measurement", "votes", "disagreement", "information", "sureness"]
    list_select_related = ["measurement__project"]
    search_fields = ["task__key"]
    show_full_result_count = False


@admin.register(Exclusion)
class ExclusionAdmin(ReadOnly):
    list_display = ["judgement_id", "reason", "withdrawn", "by", "created_at", "lifted_by", "lifted_at"]
    list_select_related = ["by", "lifted_by"]
    search_fields = ["judgement__uid", "judgement__annotator__name", "reason"]
    show_full_result_count = False


@admin.register(Alert)
class AlertAdmin(ReadOnly):
    list_display = ["project", "kind", "created_at", "mailed_at", "posted_at", "over_at", "error"]
    list_filter = ["kind"]
    list_select_related = ["project"]
    search_fields = ["project__name", "error"]
