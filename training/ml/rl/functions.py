"""Rewards that are Python functions, named as `module:function`. Torch-free.

f(prompts, completions) -> one finite number for each: lists of messages, and texts
"""

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from training.exceptions import InvalidRun
from training.ml.backbones import sources


def is_named(source: str) -> bool:
    """A directory may have a colon in its name; it is one, then."""
    return ":" in source and not sources.is_directory(Path(source).expanduser())


def imported(source: str) -> Callable[..., Any]:
    """
    Raises:
        InvalidRun: it cannot be imported, or is no function.
    """
    module, _, name = source.partition(":")
    try:
        found = getattr(importlib.import_module(module), name, None)
    except Exception as error:  # whatever somebody's own code raises when it is imported
        raise InvalidRun(
            f"the reward function {source} cannot be imported ({type(error).__name__}: {error}): expected "
            "module:function, beside manage.py or on PYTHONPATH"
        ) from None
    if not callable(found):
        raise InvalidRun(f"the reward function {source}: the module {module} has no function {name!r}")
    return found
