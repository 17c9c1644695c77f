"""Runs and what they left behind. The directories are the truth: here they are looked up, not edited."""

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from training.models import Artifact, Evaluation, Reward, Run


class ReadOnly(admin.ModelAdmin[Model]):
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(Run)
class RunAdmin(ReadOnly):
    list_display = ["name", "kind", "state", "base", "seed", "created_at", "finished_at"]
    list_filter = ["kind", "state"]
    search_fields = ["name", "release_hash", "config_hash", "base"]


@admin.register(Artifact)
class ArtifactAdmin(ReadOnly):
    list_display = ["name", "kind", "run", "parent", "created_at"]
    list_filter = ["kind"]
    list_select_related = ["run", "parent"]
    search_fields = ["name", "path", "sha256"]


@admin.register(Reward)
class RewardAdmin(ReadOnly):
    list_display = ["run", "artifact", "weight", "held_out"]
    list_filter = ["held_out"]
    list_select_related = ["run", "artifact"]
    search_fields = ["run__name", "artifact__name"]


@admin.register(Evaluation)
class EvaluationAdmin(ReadOnly):
    list_display = ["artifact", "suite", "created_at"]
    list_filter = ["suite"]
    list_select_related = ["artifact"]
    search_fields = ["artifact__name", "suite"]
