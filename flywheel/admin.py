"""The loop's records. Promotion and rollback are commands, because they check gates first: nothing is edited here."""

from django.contrib import admin

from annotation.admin import ReadOnly
from flywheel.models import Gate, Generation, Sampling, Stage, Turn


@admin.register(Generation)
class GenerationAdmin(ReadOnly):
    list_display = ["policy", "project", "number", "state", "artifact", "reward_model", "created_at"]
    list_filter = ["state", "project"]
    list_select_related = ["policy", "project", "artifact", "reward_model"]
    search_fields = ["policy__name", "project__name"]


@admin.register(Turn)
class TurnAdmin(ReadOnly):
    list_display = ["project", "number", "state", "candidate", "created_at", "finished_at"]
    list_filter = ["state"]
    list_select_related = ["project", "candidate__policy"]
    search_fields = ["project__name"]


@admin.register(Stage)
class StageAdmin(ReadOnly):
    list_display = ["turn", "name", "finished_at"]
    list_filter = ["name"]
    list_select_related = ["turn__project"]
    search_fields = ["name", "turn__project__name"]


@admin.register(Gate)
class GateAdmin(ReadOnly):
    list_display = ["generation", "name", "passed", "decided_at"]
    list_filter = ["passed", "name"]
    list_select_related = ["generation__policy"]
    search_fields = ["name", "generation__policy__name"]


@admin.register(Sampling)
class SamplingAdmin(ReadOnly):
    list_display = ["pk", "policy", "prompt_id", "drawn", "created_at"]
    list_select_related = ["policy"]
    search_fields = ["policy__name", "settings_hash"]
