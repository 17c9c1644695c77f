import uuid
from datetime import datetime

from django.db import models
from django.db.models import Case, Count, Exists, F, IntegerField, OuterRef, Q, Subquery, Value, When
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.functional import cached_property

from annotation.models.members import Annotator, Audience
from annotation.models.prepared import ID, Prepared
from annotation.models.projects import Project
from annotation.models.prompts import Prompt, Response


class TaskQuerySet(models.QuerySet["Task"]):
    def recount(self) -> int:
        """Set overlap, filled and state of the tasks that have slots by those slots alone; a withdrawn one stays so.

        Call it in a transaction. It locks the tasks first, so that of two people who fill the last two slots at once
        the second one sees the first one's.
        """
        locked = list(self.select_for_update(no_key=True).order_by("pk").values_list("pk", flat=True))
        slots = Slot.objects.filter(task=OuterRef("pk")).order_by()
        filled = Q(state=Slot.State.FILLED)
        unfilled = Exists(slots.exclude(filled))
        return Task.objects.filter(Exists(slots), pk__in=locked).update(
            overlap=_count(slots),
            filled=Coalesce(_count(slots.filter(filled)), 0),
            state=Case(
                When(state="withdrawn", then=F("state")),
                When(unfilled, then=Value("open")),
                default=Value("done"),
            ),
        )


def _count(slots: "models.QuerySet[Slot]") -> Subquery:
    counted = slots.values("task").annotate(n=Count("pk")).values("n")
    return Subquery(counted, output_field=IntegerField())


class Task(models.Model):
    """A prompt with its responses, put to `overlap` people; `key` is what makes it the same task again."""

    class Purpose(models.TextChoices):
        LABEL = "label"
        GOLD = "gold"
        REPEAT = "repeat"
        HEAD_TO_HEAD = "head_to_head"
        QUALIFICATION = "qualification"

    # What releases hold, and what knows its answer. Gold and repeats ask about people, not about answers.
    LABELS = (Purpose.LABEL, Purpose.HEAD_TO_HEAD)
    KNOWN = (Purpose.GOLD, Purpose.QUALIFICATION)

    class State(models.TextChoices):
        OPEN = "open"  # at least one slot is not filled
        DONE = "done"  # every slot is filled, or the task came in judged
        WITHDRAWN = "withdrawn"

    project = models.ForeignKey(Project, models.CASCADE, related_name="tasks", db_index=False)
    prompt = models.ForeignKey(Prompt, models.CASCADE, related_name="tasks")
    responses: models.ManyToManyField[Response, "TaskResponse"] = models.ManyToManyField(
        Response, through="TaskResponse", related_name="tasks"
    )
    key = models.CharField(max_length=200, help_text="The imported row's id, else the hash of the content.")
    purpose = models.CharField(max_length=16, choices=Purpose, default=Purpose.LABEL)
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    audience = models.ForeignKey(
        Audience, models.PROTECT, null=True, blank=True, related_name="tasks", help_text="None: for everyone."
    )
    known = models.JSONField(
        null=True,
        blank=True,
        help_text='The answer of a gold or qualification task: {"ranking": [[1], [0, 2]], "explanation": "…"}.',
    )
    repeats = models.ForeignKey(
        "self", models.CASCADE, null=True, blank=True, related_name="repetitions", help_text="The task asked again."
    )
    priority = models.IntegerField(default=0)
    overlap = models.PositiveSmallIntegerField(default=1)
    filled = models.PositiveSmallIntegerField(default=0, editable=False)
    generation = models.CharField(max_length=200, blank=True, help_text="The policy generation that this is for.")
    strategy = models.CharField(max_length=50, blank=True, help_text="Why this task was chosen.")
    score = models.FloatField(null=True, blank=True)
    propensity = models.FloatField(null=True, blank=True, help_text="Probability with which it was chosen.")
    tags = models.JSONField(default=list, blank=True)
    metadata = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = TaskQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "key"], name="task_key_once_per_project"),
            models.CheckConstraint(condition=Q(filled__lte=F("overlap")), name="task_never_over_filled"),
        ]
        indexes = [
            models.Index(fields=["project", "state", "audience", "-priority", "filled", "id"], name="task_queue"),
            models.Index(fields=["project", "purpose"], name="task_purpose"),
        ]

    def __str__(self) -> str:
        return f"task {self.pk} of {self.project}"

    @cached_property
    def placed(self) -> "list[TaskResponse]":
        """By position, each with its response; read once."""
        return _placed(task=self.pk)


class TaskResponse(models.Model):
    """A response at its fixed position (0, 1, …) on a task. Rankings name positions."""

    task = models.ForeignKey(Task, models.CASCADE, related_name="positions", db_index=False)
    response = models.ForeignKey(Response, models.PROTECT, related_name="positions")
    position = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ["task", "position"]
        constraints = [
            models.UniqueConstraint(fields=["task", "position"], name="task_position_once"),
            models.UniqueConstraint(fields=["task", "response"], name="task_response_once"),
        ]

    def __str__(self) -> str:
        return f"position {self.position} of task {self.task_id}"


_placed = Prepared(
    lambda task: TaskResponse.objects.filter(task=task).select_related("response").order_by("position"), task=ID
)


class SlotQuerySet(models.QuerySet["Slot"]):
    def claimable(self, *, now: datetime | Value | None = None) -> "SlotQuerySet":
        """Open, or leased by someone whose lease has run out."""
        run_out = Q(state=Slot.State.LEASED, lease_expires_at__lte=now or timezone.now())
        return self.filter(Q(state=Slot.State.OPEN) | run_out)


class Slot(models.Model):
    """One numbered place on a task: open -> leased -> filled. The constraints are the guarantee; actions only
    ask nicely."""

    class State(models.TextChoices):
        OPEN = "open"
        LEASED = "leased"
        FILLED = "filled"

    token = models.UUIDField(
        default=uuid.uuid4, unique=True, editable=False, help_text="Its name in addresses: ids would tell its age."
    )
    task = models.ForeignKey(Task, models.CASCADE, related_name="slots", db_index=False)
    number = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=6, choices=State, default=State.OPEN)
    annotator = models.ForeignKey(
        Annotator, models.PROTECT, null=True, blank=True, related_name="slots", db_index=False
    )
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    order = models.JSONField(default=list, blank=True, help_text="Positions in the order shown.")
    submission_key = models.UUIDField(
        default=uuid.uuid4, help_text="Sent back with the judgement; new at each lease."
    )
    guideline_version = models.PositiveIntegerField(
        null=True, blank=True, help_text="Number of the guideline shown with this lease."
    )
    leased_at = models.DateTimeField(null=True, blank=True)
    filled_at = models.DateTimeField(null=True, blank=True)

    objects = SlotQuerySet.as_manager()

    class Meta:
        ordering = ["task", "number"]
        constraints = [
            models.UniqueConstraint(fields=["task", "number"], name="slot_number_once"),
            models.UniqueConstraint(
                fields=["task", "annotator"],
                condition=Q(annotator__isnull=False),
                name="slot_annotator_once_per_task",
            ),
            models.CheckConstraint(
                condition=(
                    Q(
                        state="open",
                        annotator__isnull=True,
                        lease_expires_at__isnull=True,
                        filled_at__isnull=True,
                    )
                    | Q(
                        state="leased",
                        annotator__isnull=False,
                        lease_expires_at__isnull=False,
                        filled_at__isnull=True,
                    )
                    | Q(
                        state="filled",
                        annotator__isnull=False,
                        lease_expires_at__isnull=True,
                        filled_at__isnull=False,
                    )
                ),
                name="slot_state_consistent",
            ),
        ]
        indexes = [models.Index(fields=["annotator", "state", "filled_at"], name="slot_of_annotator")]

    def __str__(self) -> str:
        return f"slot {self.number} of task {self.task_id}"


class Draft(models.Model):
    """An annotator's unfinished work on a task. Not on the slot: it outlives a lost lease."""

    task = models.ForeignKey(Task, models.CASCADE, related_name="drafts", db_index=False)
    annotator = models.ForeignKey(Annotator, models.CASCADE, related_name="drafts")
    content = models.JSONField(default=dict)
    revises = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="The revision that it is to replace; none: nothing was submitted yet."
    )
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["task", "annotator"], name="draft_once")]

    def __str__(self) -> str:
        return f"draft of {self.annotator} on task {self.task_id}"


class Skip(models.Model):
    """A task that an annotator gave back with a reason; they are not asked again."""

    task = models.ForeignKey(Task, models.CASCADE, related_name="skips", db_index=False)
    annotator = models.ForeignKey(Annotator, models.CASCADE, related_name="skips")
    reason = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["task", "annotator"], name="skip_once")]

    def __str__(self) -> str:
        return f"{self.annotator} skipped task {self.task_id}"
