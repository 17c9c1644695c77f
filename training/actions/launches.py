"""The process that works on a run: started, watched, followed, stopped.

It writes into a file of the run directory and stands in a session of its own, so that it outlives its parent: after a
lost connection, or a `kill -9` of the command, the training goes on, and the same command follows it again. What it
says is passed on to the terminal from that file, whoever started it.
"""

import os
import re
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, TextIO

from django.conf import settings

from training.actions.launchers import Launcher
from training.exceptions import RunFailed
from training.ml.run.rundir import RunDirectory, written_to

POLL_SECONDS = 0.2
# A step in flight is finished before the process listens; after that it is in the way.
STOP_SECONDS = 20.0
ATTEMPTS = 3
# A run needs no database and loads models of strangers: what opens doors elsewhere stays behind. HF_TOKEN goes along.
SECRETS = frozenset({"SECRET_KEY", "PSEUDONYM_KEY", "DATABASE_URL", "PGPASSWORD", "OPENAI_API_KEY"})
USER_MISTAKE = 2
# What accelerate says of the child that died by a signal, and of the first one of several.
DIED = re.compile(r"died with <Signals\.\w+: (\d+)>|Root Cause.*?exitcode\s*: -(\d+)", re.DOTALL)
A_PROCESS_SAID = re.compile(r"^\[rank\d+\]: (\S.*)", re.MULTILINE)
PROGRESS = re.compile(r"\d+%\|")
# Control characters that text of strangers could play with; a progress bar needs none of them but "one line up".
UNSHOWN = re.compile(r"\x1b(?!\[A)|[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f]")


def carry_out(directory: RunDirectory, *, launcher: Launcher, online: bool, terminal: TextIO) -> None:
    """Bring the run to its report, from its last checkpoint; if a process works on it already, follow that one.

    Raises:
        RunFailed: it ended without a report; the message is its own sentence, or what ended it and where the log is.
        KeyboardInterrupt: the person, or a SIGTERM, stopped this one; the process it had started is stopped too.
    """
    for _ in range(ATTEMPTS):
        follow(directory, terminal=terminal)
        if directory.is_done():
            return
        code = launch(directory, launcher=launcher, online=online, terminal=terminal)
        if directory.is_done():
            return
        if not (directory.is_locked() or is_busy(directory, code=code)):
            raise RunFailed(reason(directory, code=code))
    raise RunFailed(f"Another process keeps taking {directory.path}: see {console(directory)}, and try again.")


def follow(directory: RunDirectory, *, terminal: TextIO) -> None:
    """Pass on what the process that works on the run says, until it ends. Returns at once if there is none."""
    if not directory.is_locked():
        return
    terminal.write(f"{directory.path.name} is being worked on by a process that was started before: following it.\n")
    with Tail(directory=directory, terminal=terminal) as tail:
        while directory.is_locked():
            time.sleep(POLL_SECONDS)
            tail.relay()


def launch(directory: RunDirectory, *, launcher: Launcher, online: bool, terminal: TextIO) -> int:
    """Start the process and wait for its end, passing on what it says. Its exit status."""
    directory.error.unlink(missing_ok=True)
    with Tail(directory=directory, terminal=terminal) as tail, terminated_as_interrupted():
        process = start(directory, launcher=launcher, online=online)
        try:
            wait(process, tail=tail)
        except BaseException:
            terminal.write(f"\nStopping {directory.path.name}; the same command goes on from its last checkpoint.\n")
            stop(process)
            raise
    return process.returncode


def is_busy(directory: RunDirectory, *, code: int) -> bool:
    """Whether the process refused because another one, or a look at its lock, was a moment ahead of it."""
    return code == USER_MISTAKE and directory.read_error() is None


def start(directory: RunDirectory, *, launcher: Launcher, online: bool) -> "subprocess.Popen[bytes]":
    with written_to(directory.path):
        screen = console(directory).open("ab")
    with screen:
        return subprocess.Popen(
            launcher.command(directory.path),
            cwd=settings.BASE_DIR,
            env=environment(online=online),
            stdin=subprocess.DEVNULL,
            stdout=screen,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def environment(*, online: bool) -> dict[str, str]:
    """Ours without its secrets; offline unless the user named a model of the hub; bars as wide as this terminal."""
    size = shutil.get_terminal_size()
    offline = {} if online else {"HF_HUB_OFFLINE": "1"}
    screen = {"COLUMNS": str(size.columns), "LINES": str(size.lines), "PYTHONUNBUFFERED": "1"}
    kept = {name: value for name, value in os.environ.items() if name not in SECRETS}
    return {**kept, **offline, **screen, "HF_HUB_DISABLE_TELEMETRY": "1"}


def wait(process: "subprocess.Popen[bytes]", *, tail: "Tail") -> None:
    while True:
        try:
            process.wait(timeout=POLL_SECONDS)
            return
        except subprocess.TimeoutExpired:
            tail.relay()


def stop(process: "subprocess.Popen[bytes]") -> None:
    """Ask, then insist: the whole session, because a launcher has children of its own."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(timeout=STOP_SECONDS)
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            continue  # not yet gone, or the person insists
        except ProcessLookupError:
            return
        else:
            return


@contextmanager
def terminated_as_interrupted() -> Iterator[None]:
    """A polite SIGTERM (of a service manager, say) stops the training as Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def console(directory: RunDirectory) -> Path:
    """What the process would have shown on its screen; what libraries log is in log.txt beside it."""
    return directory.path / "console.txt"


def reason(directory: RunDirectory, *, code: int) -> str:
    """Why there is no report: the run's own sentence, the signal that ended it, or the last thing that it said."""
    sentence = directory.read_error()
    if sentence:
        return sentence
    if code < 0:
        return killed(directory, number=-code)
    text = last_text(console(directory))
    if died := DIED.search(text):
        return killed(directory, number=int(died[1] or died[2]))
    return f"{directory.path.name} ended without a report: {last_said(text)}. The whole log: {console(directory)}"


def last_said(text: str) -> str:
    """By the run itself: of several processes what the first said before the launcher summed up."""
    if said := A_PROCESS_SAID.findall(text):
        return str(said[-1]).strip()
    lines = [line.strip() for line in text.splitlines()]
    lines = [line for line in lines if line and not PROGRESS.search(line)]
    return lines[-1] if lines else "it said nothing"


def killed(directory: RunDirectory, *, number: int) -> str:
    guess = ", perhaps because memory ran out" if number == signal.SIGKILL else ""
    return (
        f"{directory.path.name} was killed (signal {number}){guess}: the same command goes on from its last "
        f"checkpoint. The whole log: {console(directory)}"
    )


def last_text(path: Path, *, size: int = 8192) -> str:
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - size))
            return file.read().decode(errors="replace")
    except OSError:
        return ""


@dataclass
class Tail:
    """Passes on what a run says from now on; to a pipe or a file, whole lines without progress bars.

    What it says of its end is left out: whoever asked for the run reads the report, or why there is none.
    """

    directory: RunDirectory
    terminal: TextIO
    file: BinaryIO = field(init=False)
    rest: str = field(init=False, default="")

    def __enter__(self) -> "Tail":
        path = console(self.directory)
        with written_to(self.directory.path):
            path.touch()
            self.file = path.open("rb")
        self.file.seek(0, os.SEEK_END)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            self.relay()
        self.file.close()

    def relay(self) -> None:
        if self.directory.is_done() or self.directory.error.is_file():
            return
        text = UNSHOWN.sub("", self.file.read().decode(errors="replace"))
        if text and not self.terminal.isatty():
            *lines, self.rest = (self.rest + text).split("\n")
            text = "".join(f"{line.rpartition(chr(13))[2]}\n" for line in lines)
        if text:
            self.terminal.write(text)
            self.terminal.flush()
