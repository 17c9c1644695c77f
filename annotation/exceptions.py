"""What can go wrong with labels. Each message says what was wrong and what to do."""


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


class InvalidJudgement(AnnotationError):
    """A ranking that does not fit its task."""


class SlotLost(AnnotationError):
    """The slot went to someone else, was filled, or its project stopped. The draft is kept."""

    status_code = 409


class EmptyRelease(AnnotationError):
    """Nothing to freeze under these filters."""


class DamagedRelease(AnnotationError):
    """A release directory whose content is not what its manifest says."""


class UnwritableFile(AnnotationError):
    """A file or directory that cannot be written."""


class InvalidTask(AnnotationError):
    """Responses, overlap or strategy of which no task can be made."""
