"""Who is asked what, and who answered what."""

from annotation.models.audit import AuditEvent
from annotation.models.judgements import Comparison, Judgement
from annotation.models.projects import Annotator, Guideline, Membership, Project
from annotation.models.prompts import Policy, Prompt, Response
from annotation.models.releases import Release, ReleasedJudgement
from annotation.models.tasks import Draft, Skip, Slot, Task, TaskResponse

__all__ = [
    "Annotator",
    "AuditEvent",
    "Comparison",
    "Draft",
    "Guideline",
    "Judgement",
    "Membership",
    "Policy",
    "Project",
    "Prompt",
    "Release",
    "ReleasedJudgement",
    "Response",
    "Skip",
    "Slot",
    "Task",
    "TaskResponse",
]
