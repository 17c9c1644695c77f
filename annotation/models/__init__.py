"""Who is asked what, and who answered what."""

from annotation.models.audit import AuditEvent
from annotation.models.judgements import Adjudication, Comparison, Judgement
from annotation.models.members import Annotator, Audience, Invitation, Membership, Seat
from annotation.models.projects import Guideline, Project
from annotation.models.prompts import Policy, Prompt, Response
from annotation.models.quality import Alert, AnnotatorMeasure, Exclusion, Measurement, TaskMeasure
from annotation.models.releases import Release, ReleasedJudgement
from annotation.models.tasks import Draft, Skip, Slot, Task, TaskResponse

__all__ = [
    "Adjudication",
    "Alert",
    "Annotator",
    "AnnotatorMeasure",
    "Audience",
    "AuditEvent",
    "Comparison",
    "Draft",
    "Exclusion",
    "Guideline",
    "Invitation",
    "Judgement",
    "Measurement",
    "Membership",
    "Policy",
    "Project",
    "Prompt",
    "Release",
    "ReleasedJudgement",
    "Response",
    "Seat",
    "Skip",
    "Slot",
    "Task",
    "TaskMeasure",
    "TaskResponse",
]
