"""Training runs: planned, begun or gone on with, carried out in a process of their own, registered."""

import fcntl
import secrets
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, transaction
from django.utils import timezone

from training.actions import artifacts, launches, plans, rewards
from training.actions.launchers import LOCAL, Launcher
from training.actions.plans import Plan
from training.actions.texts import storable
from training.exceptions import InvalidRun, RunFailed, TrainingError
from training.ml.run.rundir import Config, RunDirectory, read_json, write_json, write_text, written_to
from training.models import Run

# Beside config.json: what only this side needs to know again.
PLAN = "plan.json"


def train(
    *,
    kind: str,
    release: str | None = None,
    base: str | None = None,
    values: Mapping[str, str] | None = None,
    seed: int | None = None,
    resume: str | None = None,
    data: Sequence[str] = (),
    launcher: Launcher = LOCAL,
    name: str = "",
    terminal: TextIO | None = None,
) -> Run:
    """Train, wait for the end, and register what came out.

    The same call goes on with an unfinished run of the same plan, follows one that is being worked on, and registers
    one that ended while the database was away; after a finished one it begins another. With `resume` everything else
    may be left out, and what is given has to agree.

    Raises:
        InvalidRelease, InvalidBase, InvalidKnob, InvalidRun, NotFound: before anything was begun.
        RunFailed: the run ended without its report.
    """
    wanted = plans.make(kind=kind, release=release, base=base, values=values, seed=seed, resume=resume, data=data)
    return work(wanted, resume=resume, launcher=launcher, name=name, terminal=terminal)


def work(
    wanted: Plan,
    *,
    resume: str | None = None,
    launcher: Launcher = LOCAL,
    name: str = "",
    terminal: TextIO | None = None,
) -> Run:
    """Carry out what is planned, and register what came out; see `train`."""
    if name:
        artifacts.check_name(name)
    run = find_resumed(wanted, resume=resume) if resume else begin(wanted)
    return finish(run, name=name, launcher=launcher, online=wanted.base.is_remote, terminal=terminal or sys.stderr)


def find_resumed(wanted: Plan, *, resume: str) -> Run:
    """The run to resume, if it is what is wanted and still to be done."""
    directory = plans.directory_of(resume)
    config = directory.read_config()
    differing = plans.differences(config, wanted.config)
    if differing:
        raise InvalidRun(
            f"Run {resume} was begun otherwise: {'; '.join(differing)}. Leave out --resume to begin anew."
        )
    if hash_of(directory) != wanted.hash:
        raise InvalidRun(
            f"Run {resume} cannot go on: the weights of its base{also(wanted)} or the version of this project have "
            "changed since. Leave out --resume to begin anew."
        )
    run = Run.objects.filter(name=config.name).first() or adopt(directory, config)
    if run.state == Run.State.DONE:
        raise InvalidRun(f"Run {resume} is done already. Leave out --resume to train once more.")
    renew(directory, wanted)
    return run


def also(wanted: Plan) -> str:
    """What else decides and has no name in its configuration."""
    return f"{', its prompts' if wanted.prompts else ''}{', a function that rewards' if wanted.functions else ''}"


def begin(wanted: Plan) -> Run:
    """The unfinished run of this plan, or a new one. Two commands at once get the same one."""
    with one_at_a_time(settings.RUNS_DIR):
        return find_unfinished(wanted) or find_unregistered(wanted) or create(wanted)


def find_unfinished(wanted: Plan) -> Run | None:
    for run in Run.objects.unfinished(wanted.hash):
        directory = RunDirectory(Path(run.directory))
        if directory.config.is_file():
            renew(directory, wanted)
            return run
    return None


def renew(directory: RunDirectory, wanted: Plan) -> None:
    """Release, files and reward models may have moved since; their hashes say that they are the same ones."""
    config, now = directory.read_config(), wanted.config
    renewed = replace(config, release=now.release, files=now.files, rewards=now.rewards)
    if renewed != config:
        with written_to(directory.path):
            directory.write_config(renewed)


def hash_of(directory: RunDirectory) -> str:
    return str((read_json(directory.path / PLAN) or {}).get("config_hash", ""))


def find_unregistered(wanted: Plan) -> Run | None:
    """A run of this plan that lies in RUNS_DIR but that this database does not know."""
    for path in sorted(settings.RUNS_DIR.glob(f"{wanted.config.kind}-*/{PLAN}")):
        directory = RunDirectory(path.parent)
        if hash_of(directory) == wanted.hash and directory.config.is_file():
            config = directory.read_config()
            if not Run.objects.filter(name=config.name).exists():
                return adopt(directory, config)
    return None


def create(wanted: Plan) -> Run:
    name = f"{wanted.config.kind}-{datetime.now(UTC):%Y%m%d}-{secrets.token_hex(3)}"
    directory = RunDirectory(settings.RUNS_DIR / name)
    config = replace(wanted.config, name=name)
    with written_to(directory.path):
        directory.path.mkdir(parents=True)
        write_json(directory.path / PLAN, {"config_hash": wanted.hash})
        if wanted.prompts:
            write_text(directory.prompts, wanted.prompts)
        directory.write_config(config)  # last: with it the directory is a run
    return adopt(directory, config)


@transaction.atomic
def adopt(directory: RunDirectory, config: Config) -> Run:
    """The row of a run that is on disk, and of the reward models that it names."""
    run = Run.objects.create(
        name=config.name,
        kind=config.kind,
        directory=str(directory.path),
        config=read_json(directory.config) or {},
        config_hash=hash_of(directory),
        release_hash=config.release.hash if config.release else "",
        base=config.base,
        seed=config.seed,
        commit=config.commit,
    )
    rewards.register(run, config.rewards)
    return run


def finish(run: Run, *, name: str, launcher: Launcher, online: bool, terminal: TextIO) -> Run:
    """Carry the run out and register it.

    Raises:
        RunFailed: it ended without its report, or the database went away meanwhile.
    """
    directory = RunDirectory(Path(run.directory))
    with away_is_told(directory):
        with keep_state(run):
            launches.carry_out(directory, launcher=launcher, online=online, terminal=terminal)
            report = directory.read_report()
            if report is None:
                raise RunFailed(f"{directory.report} cannot be read: remove it and give the same command again.")
        return register(run, report=report, name=name)


@contextmanager
def away_is_told(directory: RunDirectory) -> Iterator[None]:
    """The training knows of no database: one that is gone by its end costs nothing but the registering."""
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        stands = "is trained to its end" if directory.is_done() else "is not done yet, and keeps its checkpoints"
        raise RunFailed(
            f"The database went away ({str(error).splitlines()[0]}); {directory.path} {stands}. Give the same "
            "command again when the database is back: it goes on from there and registers what came out."
        ) from error


@contextmanager
def keep_state(run: Run) -> Iterator[None]:
    """Its row says how the run stands: running during the block; failed, or stopped, if that breaks off."""
    Run.objects.filter(pk=run.pk).exclude(state=Run.State.DONE).update(state=Run.State.RUNNING, error="")
    try:
        yield
    except TrainingError as error:
        break_off(run, state=Run.State.FAILED, error=str(error))
        raise
    except BaseException:
        break_off(run, state=Run.State.STOPPED)
        raise
    finally:
        reconnect()
        run.refresh_from_db()


def break_off(run: Run, *, state: str, error: str = "") -> None:
    """This one works on the run no longer; what another process does, or has done meanwhile, stays as it is."""
    reconnect()
    if not RunDirectory(Path(run.directory)).is_locked():
        Run.objects.filter(pk=run.pk, state=Run.State.RUNNING).update(state=state, error=storable(error))


def reconnect() -> None:
    """A connection that idled through hours of training may be dead. One in a transaction belongs to the caller."""
    if not connection.in_atomic_block:
        connection.close()
        if pool := getattr(connection, "pool", None):  # PostgreSQL's, which hands the same one out again
            pool.check()


@transaction.atomic
def register(run: Run, *, report: dict[str, Any], name: str) -> Run:
    """Write down what the run left behind: once, whoever comes first. Repeating it changes nothing."""
    done = Run.objects.filter(pk=run.pk).exclude(state=Run.State.DONE)
    versions = report.get("versions", {})
    changed = done.update(
        state=Run.State.DONE, error="", report=report, versions=versions, finished_at=timezone.now()
    )
    if changed == 1 and run.kind in artifacts.MADE_BY:
        artifacts.register(run, name=name or run.name)
    run.refresh_from_db()
    return run


@contextmanager
def one_at_a_time(path: Path) -> Iterator[None]:
    """One process at a time decides which run to begin; the others wait."""
    with written_to(path):
        path.mkdir(parents=True, exist_ok=True)
        lock = (path / ".lock").open("w")
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
