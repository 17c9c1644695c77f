"""Which policy answers: making candidates, promoting them, taking them back."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, count

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from annotation.models import Policy, Project
from flywheel.actions import gates, lookup, trail
from flywheel.exceptions import GateClosed, NotReady
from flywheel.models import Generation
from training.models import Artifact

State = Generation.State


def incumbent(project: Project) -> Generation | None:
    """The generation that answers now."""
    promoted = project.generations.filter(state=State.PROMOTED)
    return promoted.select_related("project", "policy", "artifact", "parent__policy").first()


def add(
    project: Project,
    *,
    artifact: Artifact | None,
    location: str,
    reward_model_id: int | None = None,
    parent: Generation | None = None,
    by: User | None = None,
) -> Generation:
    """The next generation, as a candidate, with a policy of its own."""
    with once(project):
        number = next_number(project)
        policy = Policy.objects.create(
            name=free_name(f"{project.slug}-g{number}"),
            kind=Policy.Kind.MODEL,
            generation=number,
            parent=parent.policy if parent else None,
            location=location,
        )
        trail.record("generation added", project, by=by, generation=number, policy=policy.name)
        return Generation.objects.create(
            project=project,
            number=number,
            policy=policy,
            artifact=artifact,
            reward_model_id=reward_model_id,
            parent=parent,
        )


def adopt(project: Project, *, policy: Policy, by: User | None = None) -> Generation:
    """The next generation from a policy that came from elsewhere; what is promoted becomes its parent."""
    with once(project):
        trail.record("generation added", project, by=by, policy=policy.name)
        return Generation.objects.create(
            project=project,
            number=next_number(project),
            policy=policy,
            artifact=Artifact.objects.filter(path=policy.location, kind=Artifact.Kind.POLICY).first(),
            parent=incumbent(project),
        )


def next_number(project: Project) -> int:
    last = project.generations.order_by("-number").first()
    return last.number + 1 if last else 0


def free_name(wanted: str) -> str:
    """`wanted`, or with a number behind it: an import may have brought a policy of that name."""
    taken = set(Policy.objects.filter(name__startswith=wanted).values_list("name", flat=True))
    numbered = (f"{wanted}.{number}" for number in count(2))
    return next(name for name in chain([wanted], numbered) if name not in taken)


@contextmanager
def once(project: Project) -> Iterator[None]:
    """All or nothing; what another process did first is a sentence.

    Raises:
        NotReady: a constraint says that another process was faster.
    """
    try:
        with transaction.atomic():
            yield
    except IntegrityError:
        raise NotReady(faster(project)) from None


def faster(project: Project) -> str:
    return (
        f"Another process changed the generations of {project.slug} at the same moment: look at "
        f"`manage.py flywheel_status --project {project.slug}`, then run the command again if it is still wanted."
    )


@transaction.atomic
def promote(
    project: Project, *, number: int | None = None, force: bool = False, reason: str = "", by: User | None = None
) -> Generation:
    """Make a candidate the one that answers; the one before it retires.

    Raises:
        GateClosed: a gate has not passed, and nobody took the responsibility with `force` and a reason.
        NotReady: there is nothing to promote, or somebody else decided at the same moment.
    """
    if force and not reason.strip():
        raise GateClosed("A promotion past its gates needs --reason: say why, it is kept in the audit trail.")
    generation = lookup.generation(project, number=number) if number is not None else newest_waiting(project)
    if generation.state == State.PROMOTED:
        return generation
    verdicts = gates.record(generation)
    closed = [verdict for verdict in verdicts if not verdict.passed]
    if closed and not force:
        raise GateClosed(
            f"{generation} is not promoted. "
            + " ".join(f"Gate '{verdict.name}': {verdict.in_words}" for verdict in closed)
            + ' To promote it all the same: --force --reason "…".'
        )
    make_incumbent(generation)
    trail.record(
        "generation promoted",
        project,
        by=by,
        generation=generation.number,
        forced=bool(closed),
        reason=reason,
        gates={verdict.name: verdict.in_words for verdict in verdicts},
    )
    return generation


def newest_waiting(project: Project) -> Generation:
    found = (
        project.generations.all()
        .waiting()
        .select_related("project", "policy", "parent__policy")
        .order_by("-number")
        .first()
    )
    if found is None:
        raise NotReady(
            f"Project {project.slug} has no candidate to promote; `manage.py turn --project {project.slug}` "
            "makes one."
        )
    return found


def make_incumbent(generation: Generation) -> None:
    """In place of what is promoted now, unless somebody decided about the generation since it was read.

    Raises:
        NotReady: somebody did, or another one was promoted at the same moment.
    """
    project = generation.project
    with once(project):
        others = Generation.objects.filter(project=project, state=State.PROMOTED)
        others.exclude(pk=generation.pk).update(state=State.RETIRED)
        now = timezone.now()
        as_read = Generation.objects.filter(pk=generation.pk, state=generation.state)
        if as_read.update(state=State.PROMOTED, promoted_at=now) != 1:
            raise NotReady(faster(project))
    generation.state, generation.promoted_at = State.PROMOTED, now


@transaction.atomic
def rollback(project: Project, *, reason: str = "", by: User | None = None) -> Generation:
    """Bring back the generation that was promoted before; the one taken back counts as rejected.

    Raises:
        NotReady: nothing is promoted, or nothing was before it.
    """
    current = incumbent(project)
    if current is None:
        raise NotReady(f"Project {project.slug} has no promoted generation, so there is nothing to take back.")
    previous = project.generations.all().before(current).select_related("policy", "project").first()
    if previous is None:
        raise NotReady(f"Nothing was promoted before {current}, so there is nothing to go back to.")
    if not reject(current, reason=reason or "rolled back", by=by, among=(State.PROMOTED,)):
        raise NotReady(faster(project))
    make_incumbent(previous)
    trail.record(
        "generation rolled back",
        project,
        by=by,
        taken_back=current.number,
        generation=previous.number,
        reason=reason,
    )
    return previous


@transaction.atomic
def reject(
    generation: Generation,
    *,
    reason: str,
    by: User | None = None,
    among: Sequence[str] = Generation.WAITING,
) -> bool:
    """False, and nothing happens, if it is in none of the states `among`: somebody decided before."""
    if Generation.objects.filter(pk=generation.pk, state__in=among).update(state=State.REJECTED) != 1:
        return False
    generation.state = State.REJECTED
    trail.record("generation rejected", generation.project, by=by, generation=generation.number, reason=reason)
    return True
