#!/usr/bin/env python
"""Django's command line. A user's mistake ends in one sentence and a non-zero exit, never in a traceback."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line
from django.db import OperationalError

from annotation.exceptions import AnnotationError
from flywheel.exceptions import FlywheelError
from training.exceptions import TrainingError


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "flywheel.settings")
    try:
        execute_from_command_line(sys.argv)
    except (AnnotationError, TrainingError, FlywheelError, ImproperlyConfigured) as error:
        sys.exit(f"Error: {error}")
    except OperationalError as error:
        sys.exit(f"Error: the database does not answer: {error}. Check DATABASE_URL, or run `manage.py migrate`.")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
