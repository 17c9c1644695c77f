"""One trip round the loop. A finished stage is a row; whatever stops a turn, the same command goes on after it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from math import ceil
from typing import Any, TextIO

from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from annotation.models import Project
from annotation.stats.win_rates import MINIMUM_PROMPTS
from flywheel.actions import founding, gates, generations, lookup, trail
from flywheel.actions.stages import BRINGING_LABELS, STAGES, Done, Trip, Waits, labels_at_hand
from flywheel.actions.turn_settings import TurnSettings, changed, from_json
from flywheel.exceptions import InvalidSetting, NotReady
from flywheel.models import Generation, Stage, Turn
from training.exceptions import RunBusy
from training.ml.run.rundir import RunDirectory

# Told of each stage as it ends: its name and a sentence.
Say = Callable[[str, str], object]


def silent(name: str, sentence: str) -> None:
    """Nobody listens."""


def go(
    project: Project,
    *,
    given: Mapping[str, Any] | None = None,
    by: User | None = None,
    say: Say = silent,
    terminal: TextIO | None = None,
) -> Turn:
    """Begin a turn or go on with the unfinished one, until it is done or waits for people.

    `given`: settings of `TurnSettings` that were named this time; they hold for the stages still to come.

    Raises:
        NotReady: another process turns this project's wheel, or a stage lacks what it needs.
    """
    lookup.check_has_prompts(project)
    with held(project):
        return round_trip(project, given=given or {}, by=by, say=say, terminal=terminal)


@contextmanager
def held(project: Project) -> Iterator[None]:
    """One process at a time turns a project's wheel.

    Raises:
        NotReady: another one does.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(RunDirectory(django_settings.RUNS_DIR / f"turn-of-{project.slug}").locked())
        except RunBusy:
            raise NotReady(
                f"Another process is in the middle of a turn of {project.slug}: let it finish, or stop it."
            ) from None
        yield


def round_trip(
    project: Project, *, given: Mapping[str, Any], by: User | None, say: Say, terminal: TextIO | None
) -> Turn:
    under_way = unfinished(project)
    wanted = changed(settings_of(under_way), given)
    if under_way is None or not under_way.stages.filter(name=Stage.Name.CHALLENGE).exists():
        check_votes_can_come(project, settings=wanted)
    parent = founded(project, settings=wanted, by=by, say=say)
    turn = begun(project, settings=wanted, by=by)
    trip = Trip(turn=turn, parent=parent_of(turn, parent), by=by, terminal=terminal)
    for name in Stage.Name.values:
        if turn.stages.filter(name=name).exists():
            continue
        outcome = carried_out(trip, name)
        say(name, outcome.sentence)
        if isinstance(outcome, Waits):
            move(turn, state=Turn.State.WAITING)
            return turn
        keep(turn, name=name, outcome=outcome)
    move(turn, state=Turn.State.DONE)
    return turn


@transaction.atomic
def keep(turn: Turn, *, name: str, outcome: Done) -> None:
    """Claims the turn first: one that was ended meanwhile gets no stage more."""
    claim(turn, state=Turn.State.RUNNING)
    Stage.objects.create(turn=turn, name=name, result={**outcome.result, "sentence": outcome.sentence})


def check_votes_can_come(project: Project, *, settings: TurnSettings) -> None:
    """
    Raises:
        InvalidSetting: the gate of the human win rate could never be decided.
    """
    needed = max(ceil(gates.MINIMUM_VOTES / project.overlap), MINIMUM_PROMPTS)
    if settings.challenges < needed:
        raise InvalidSetting(
            f"--challenges {settings.challenges}: the gate wants {gates.MINIMUM_VOTES} votes on {MINIMUM_PROMPTS} "
            f"prompts, and each task of {project.slug} gets {project.overlap}: make it {needed} or more."
        )


def carried_out(trip: Trip, name: str) -> Done | Waits:
    at_hand = labels_at_hand(trip) if name in BRINGING_LABELS else None
    return at_hand or STAGES[name](trip)


def unfinished(project: Project) -> Turn | None:
    return project.turns.all().unfinished().select_related("candidate__policy", "candidate__project").first()


def settings_of(turn: Turn | None) -> TurnSettings:
    return from_json(turn.settings) if turn else TurnSettings(method=django_settings.TURN_METHOD)


def founded(project: Project, *, settings: TurnSettings, by: User | None, say: Say) -> Generation:
    known = generations.incumbent(project)
    if known:
        return known
    first = founding.found(
        project,
        base=django_settings.BASE_MODEL,
        values=settings.values("sft"),
        seed=settings.seed,
        sources=settings.sources,
        by=by,
    )
    say("first", f"nothing answered in this project before; {first} does now, trained from what was at hand.")
    return first


def parent_of(turn: Turn, incumbent: Generation) -> Generation:
    """Once there is a candidate its parent stands, whatever was promoted meanwhile."""
    parent = turn.candidate.parent if turn.candidate else None
    return parent or incumbent


def begun(project: Project, *, settings: TurnSettings, by: User | None) -> Turn:
    with generations.once(project):
        turn = unfinished(project)
        if turn is None:
            last = project.turns.aggregate(last=Max("number"))["last"] or 0
            turn = Turn.objects.create(project=project, number=last + 1)
            trail.record("turn begun", project, by=by, turn=turn.number)
        claim(turn, state=Turn.State.RUNNING, settings=settings.as_json())
    return turn


def move(turn: Turn, *, state: str) -> None:
    claim(turn, state=state, finished_at=None if state in Turn.UNFINISHED else timezone.now())


def claim(turn: Turn, **changes: Any) -> None:
    """Change what is still unfinished.

    Raises:
        NotReady: somebody ended it meanwhile.
    """
    if Turn.objects.unfinished().filter(pk=turn.pk).update(**changes) != 1:
        raise NotReady(f"{turn} was ended meanwhile: what it was about to keep is left out.")
    for name, value in changes.items():
        setattr(turn, name, value)


def abandon(project: Project, *, reason: str, by: User | None = None) -> Turn:
    """End the unfinished turn where it stands; its candidate is rejected, what was labelled stays.

    Raises:
        NotReady: no turn is under way, or another process is in the middle of it.
    """
    with held(project), transaction.atomic():
        return abandoned(project, reason=reason or Turn.State.ABANDONED, by=by)


def abandoned(project: Project, *, reason: str, by: User | None) -> Turn:
    turn = unfinished(project)
    if turn is None:
        raise NotReady(f"Project {project.slug} has no unfinished turn to abandon.")
    if turn.candidate:
        generations.reject(turn.candidate, reason=reason, by=by)
    claim(turn, notes={**turn.notes, "abandoned": reason})
    move(turn, state=Turn.State.ABANDONED)
    trail.record("turn abandoned", project, by=by, turn=turn.number, reason=reason)
    return turn
