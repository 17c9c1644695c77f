"""How the process of a run is started: alone, or as several that accelerate joins."""

import sys
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from training.exceptions import InvalidLauncher

NAMES = ("accelerate", "local")
SHIPPED = settings.BASE_DIR / "deploy" / "accelerate"


@dataclass(frozen=True, kw_only=True)
class Launcher:
    """`start`: what stands before the run's directory on the command line."""

    start: tuple[str, ...]

    def command(self, directory: Path) -> list[str]:
        return [sys.executable, *self.start, str(directory)]


LOCAL = Launcher(start=("-m", "training.ml"))


def find(name: str, *, accelerate_config: str | None = None, processes: int | None = None) -> Launcher:
    """
    Raises:
        InvalidLauncher: no such file, or options of accelerate for another launcher.
    """
    options = {"--accelerate-config": accelerate_config, "--processes": processes}
    given = [option for option, value in options.items() if value is not None]
    if name != "accelerate":
        if given:
            raise InvalidLauncher(f"{given[0]} is for --launcher accelerate: say that too, or leave it out.")
        return LOCAL
    if processes is not None and processes < 1:
        raise InvalidLauncher(f"--processes {processes}: expected at least 1.")
    file = ("--config_file", str(config_file(accelerate_config))) if accelerate_config is not None else ()
    number = ("--num_processes", str(processes)) if processes is not None else ()
    return Launcher(start=("-m", "accelerate.commands.launch", *file, *number, "--module", "training.ml"))


def config_file(named: str) -> Path:
    """A file of this project by its name, or any by its path."""
    shipped = SHIPPED / f"{named}.yaml"
    if shipped in SHIPPED.glob("*.yaml"):
        return shipped
    path = Path(named).expanduser()
    if not path.is_file():
        known = ", ".join(sorted(found.stem for found in SHIPPED.glob("*.yaml")))
        raise InvalidLauncher(f"--accelerate-config {named}: no such file, and none of {known}.")
    return path.resolve()
