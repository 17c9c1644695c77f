"""What can go wrong with the loop. Each message says what was wrong and what to do."""


class FlywheelError(Exception):
    """Base of all errors of this app; the web answers with `status_code`."""

    status_code = 400


class NotFound(FlywheelError):
    """The named generation or turn does not exist."""

    status_code = 404


class GateClosed(FlywheelError):
    """A promotion whose gates have not passed."""

    status_code = 409


class SamplingFailed(FlywheelError):
    """A policy or its server gave no usable answers."""


class NotReady(FlywheelError):
    """The loop cannot take this step yet; the message says what it needs."""

    status_code = 409


class InvalidSetting(FlywheelError):
    """A setting of a turn that names nothing or has a wrong value."""
