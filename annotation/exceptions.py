"""What can go wrong with labels. Each message says what was wrong and what to do."""

from typing import Any


class AnnotationError(Exception):
    """Base of all errors of this app; the web and the API answer with `status_code`."""

    status_code = 400


class NotFound(AnnotationError):
    """The named project, task, release or policy does not exist, or not for this person."""

    status_code = 404


class Forbidden(AnnotationError):
    """The person is known but their role does not allow this."""

    status_code = 403


class InvalidRow(AnnotationError):
    """An interchange row that cannot be read; nothing of it was kept."""


class UnreadableFile(AnnotationError):
    """A file that is not what its name or its format says."""


class TooLong(UnreadableFile):
    """A file that holds more than is read where somebody waits for it."""


class InvalidJudgement(AnnotationError):
    """A ranking that does not fit its task."""


class SlotLost(AnnotationError):
    """The slot went to someone else, was filled, or its project stopped. The draft is kept."""

    status_code = 409


class AlreadyJudged(SlotLost):
    """Their own judgement of the task stands and says something else. What was sent is kept to revise it."""


class InvalidReason(AnnotationError):
    """A reason that is missing, too long, or cannot be stored."""


class EmptyRelease(AnnotationError):
    """Nothing to freeze under these filters."""


class LargeRelease(AnnotationError):
    """More to freeze than a page can wait for."""


class Unweighable(AnnotationError):
    """Judgements that say too little of each other to weigh their annotators."""


class DamagedRelease(AnnotationError):
    """A release directory whose content is not what its manifest says."""


class UnwritableFile(AnnotationError):
    """A file or directory that cannot be written."""


class InvalidTask(AnnotationError):
    """Responses, overlap or strategy of which no task can be made."""


class UnusableInvitation(NotFound):
    """A link that lets nobody in: wrong, used up, expired, withdrawn, or from someone who may no longer invite."""


class LastAdmin(AnnotationError):
    """A project keeps at least one admin."""

    status_code = 409


class ChangedMeanwhile(AnnotationError):
    """Someone else saved the same thing since the page was opened. What was sent is shown again."""

    status_code = 409


class GuidelineUnread(AnnotationError):
    """Newer guidelines than this person has confirmed: they come before the next task."""

    status_code = 403

    def __init__(self, message: str, *, guideline: Any) -> None:
        super().__init__(message)
        self.guideline = guideline


class NotQualified(AnnotationError):
    """The qualification tasks did not go well enough; a reviewer can waive them."""

    status_code = 403


class MeasuredElsewhere(AnnotationError):
    """Another process is at the figures of this project."""

    status_code = 409


class Paused(AnnotationError):
    """Their work in the project is paused; the sentence says why."""

    status_code = 403


class UnusableWebhook(AnnotationError):
    """An address that nothing may be posted to."""
