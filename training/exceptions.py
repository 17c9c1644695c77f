"""What can go wrong with runs. Each message says what was wrong and what to do. Imports no Django."""


class TrainingError(Exception):
    """Base of all errors of this app; the web answers with `status_code`."""

    status_code = 400


class NotFound(TrainingError):
    """The named run or artifact does not exist."""

    status_code = 404


class InvalidRelease(TrainingError):
    """The release directory is missing, incomplete, altered, or holds nothing to train on."""


class InvalidBase(TrainingError):
    """The base model cannot be used: no such path, no safetensors, no chat template."""


class InvalidKnob(TrainingError):
    """A `--set name=value` that names no knob or gives it a value of the wrong kind."""


class AnswerTooLong(TrainingError):
    """An answer that leaves no room for its prompt cannot be scored."""


class InvalidLauncher(TrainingError):
    """Several processes cannot be started so: no such accelerate file, or options that do not belong together."""


class RunFailed(TrainingError):
    """The run ended without its report; the message says where its log is."""


class InvalidRun(TrainingError):
    """A directory that is no run, or one that this version cannot read."""


class RunBusy(TrainingError):
    """Another process works in the run's directory."""

    status_code = 409


class EndpointFailed(TrainingError):
    """A server of models is not there, knows no such model, or does not answer as one."""

    status_code = 502
