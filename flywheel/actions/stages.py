"""The stages of a turn. Each can be run again after a crash in the middle of it, and then does only the rest.

A stage either finishes with what it found or made, or waits for people and says for what.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TextIO

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.template.defaultfilters import pluralize

from annotation.actions import exclusions, releases, tasks
from annotation.models import Judgement, Project, Prompt, Release, Response, Task
from flywheel.actions import challenges, gates, generations, responses, runs, selection, simulation, votes
from flywheel.actions.turn_settings import REWARDED, TurnSettings, from_json
from flywheel.exceptions import NotReady
from flywheel.models import Generation, Stage, Turn
from training.models import Artifact

BRINGING_LABELS = ("select", "sample", "push", "label")


@dataclass(frozen=True, kw_only=True)
class Done:
    """`sentence`: what a person is told; `result`: what later stages and pages read."""

    sentence: str
    result: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Waits:
    sentence: str


@dataclass(frozen=True, kw_only=True)
class Trip:
    """A turn under way, with the generation that it set out to improve."""

    turn: Turn
    parent: Generation
    by: User | None = None
    terminal: TextIO | None = None

    @property
    def project(self) -> Project:
        return self.turn.project

    @property
    def settings(self) -> TurnSettings:
        return from_json(self.turn.settings)

    def result(self, name: str) -> dict[str, Any]:
        """What an earlier stage left."""
        return dict(Stage.objects.get(turn=self.turn, name=name).result)

    def prompts(self, stage: str) -> list[Prompt]:
        chosen = [item["prompt"] for item in self.result(stage)["chosen"]]
        return list(Prompt.objects.filter(project=self.project, content_hash__in=chosen).order_by("content_hash"))


StageFunction = Callable[[Trip], Done | Waits]


def fresh_judgements(project: Project, *, sources: Sequence[str]) -> "QuerySet[Judgement]":
    """What holds today, compares answers, and was not yet in a release that a turn learned from."""
    used = Stage.objects.filter(turn__project=project, name="release").values_list("result__release", flat=True)
    judgements = Judgement.objects.current().filter(
        task__project=project, source__in=sources, comparisons__isnull=False
    )
    return exclusions.counting(judgements).exclude(releases__name__in=[name for name in used if name]).distinct()


def labels_at_hand(trip: Trip) -> Done | None:
    """Select, sample, push and label have nothing to do when the project holds enough new judgements already."""
    started = Stage.objects.filter(turn=trip.turn, name="select").first()
    if started and not started.result.get("satisfied"):
        return None
    settings = trip.settings
    held = fresh_judgements(trip.project, sources=settings.sources).count()
    if not started and held < settings.min_judgements:
        return None
    sentence = f"nothing to do: {held:,} judgements are at hand that no turn has learned from."
    return Done(sentence=sentence, result={"satisfied": True, "judgements": held})


def select(trip: Trip) -> Done | Waits:
    found = chosen(trip, n=trip.settings.prompts, purpose="label")
    if not found["chosen"]:
        raise NotReady(
            f"Project {trip.project.slug} has no prompts to ask about: "
            f"`manage.py import_data FILE --project {trip.project.slug}` first."
        )
    return Done(sentence=f"{in_words(len(found['chosen']), 'prompt')} chosen at random.", result=found)


def chosen(trip: Trip, *, n: int, purpose: str) -> dict[str, Any]:
    seed = f"{trip.settings.seed} turn {trip.turn.number} {purpose}"
    picked = selection.choose(trip.project, n=n, seed=seed)
    return {
        "strategy": selection.STRATEGY,
        "chosen": [{"prompt": item.prompt_hash, "propensity": item.propensity} for item in picked],
    }


def sample(trip: Trip) -> Done | Waits:
    sampled = asked(trip, trip.parent, prompts=trip.prompts("select"), n=trip.settings.answers)
    sentence = f"{in_words(sampled.new, 'new answer')} of {trip.parent.policy} "
    sentence += f"({in_words(sampled.skipped, 'prompt')} had theirs already)."
    return Done(sentence=sentence, result={"policy": trip.parent.policy.name, **vars(sampled)})


def asked(trip: Trip, generation: Generation, *, prompts: Sequence[Prompt], n: int) -> responses.Sampled:
    return responses.sample(
        prompts,
        policy=generation.policy,
        n=n,
        values=trip.settings.values("sample"),
        seed=trip.settings.seed + generation.number,  # with one seed, two close relatives say the same
        terminal=trip.terminal,
    )


def push(trip: Trip) -> Done | Waits:
    keys = [task.key for task in filed(trip)]
    if not keys:
        raise NotReady(
            f"{trip.parent.policy} gives one and the same answer to each prompt, so there is nothing to rank: "
            "raise --set sample.temperature, or --answers."
        )
    return Done(sentence=f"{in_words(len(keys), 'task')} in the queue.", result={"tasks": keys})


@transaction.atomic
def filed(trip: Trip) -> list[Task]:
    propensity = {item["prompt"]: item["propensity"] for item in trip.result("select")["chosen"]}
    found = []
    for prompt in trip.prompts("select"):
        given = Response.objects.filter(prompt=prompt, policy=trip.parent.policy)
        given = given.select_related("policy").order_by("text_hash")
        if len(given) < 2:
            continue
        task, _ = tasks.create(
            trip.project,
            prompt=prompt,
            responses=list(given[: trip.settings.answers]),
            overlap=trip.project.overlap,
            generation=trip.parent.policy.name,
            strategy=selection.STRATEGY,
            propensity=propensity[prompt.content_hash],
            by=trip.by,
        )
        found.append(task)
    return found


def label(trip: Trip) -> Done | Waits:
    asked_for = Task.objects.filter(project=trip.project, key__in=trip.result("push")["tasks"])
    if trip.settings.simulate_labels:
        simulation.label(trip.project, tasks=asked_for)
    open_tasks = asked_for.filter(state=Task.State.OPEN).count()
    held = fresh_judgements(trip.project, sources=trip.settings.sources).count()
    if open_tasks and held < trip.settings.min_judgements:
        return Waits(
            sentence=f"{held} of {trip.settings.min_judgements} judgements are there; {open_tasks} tasks wait to be "
            f"ranked at /projects/{trip.project.slug}/desk/."
        )
    counts = {source: fresh_judgements(trip.project, sources=[source]).count() for source in trip.settings.sources}
    told = ", ".join(f"{count} {source}" for source, count in counts.items() if count) or "none"
    return Done(sentence=f"new judgements: {told}.", result={"judgements": counts, "tasks_open": open_tasks})


def release(trip: Trip) -> Done | Waits:
    made = releases.export(trip.project, contents="rankings", sources=trip.settings.sources, by=trip.by)
    return Done(sentence=f"{made.name}.", result={"release": made.name, "hash": made.hash})


def release_of(trip: Trip) -> Release:
    return Release.objects.get(project=trip.project, name=trip.result("release")["release"])


def reward_model(trip: Trip) -> Done | Waits:
    run = runs.trained(
        kind="rm",
        release=release_of(trip).path,
        base=runs.base_of(trip.parent),
        values=trip.settings.values("rm"),
        seed=trip.settings.seed,
        terminal=trip.terminal,
    )
    result = {"run": run.name, "artifact": runs.artifact_of(run).pk, "held_out": run.report.get("held_out", {})}
    return Done(sentence=str(run.report.get("headline", run.name)), result=result)


def policy(trip: Trip) -> Done | Waits:
    judge = Artifact.objects.get(pk=trip.result("reward_model")["artifact"])
    run = runs.trained(
        kind=trip.settings.method,
        release=release_of(trip).path,
        base=runs.base_of(trip.parent),
        values=trip.settings.policy_values,
        seed=trip.settings.seed,
        rewards=[judge.path] if trip.settings.method in REWARDED else [],
        terminal=trip.terminal,
    )
    artifact = runs.artifact_of(run)
    with transaction.atomic():
        if trip.turn.candidate is None:
            trip.turn.candidate = generations.add(
                trip.project,
                artifact=artifact,
                location=artifact.path,
                reward_model_id=judge.pk,
                parent=trip.parent,
                by=trip.by,
            )
            trip.turn.save(update_fields=["candidate"])
    headline = run.report.get("headline", run.name)
    result = {"run": run.name, "artifact": artifact.pk, "generation": trip.turn.candidate.number}
    return Done(sentence=f"{trip.turn.candidate}. {headline}", result=result)


def candidate_of(trip: Trip) -> Generation:
    if trip.turn.candidate is None:
        raise NotReady(f"{trip.turn} has no candidate: `manage.py turn --abandon` and begin another.")
    trip.turn.candidate.refresh_from_db(fields=["state"])  # a person may have promoted or rejected it meanwhile
    return trip.turn.candidate


def challenge(trip: Trip) -> Done | Waits:
    candidate = candidate_of(trip)
    plan = trip.turn.notes.get("challenge") or noted(
        trip, "challenge", chosen(trip, n=trip.settings.challenges, purpose="challenge")
    )
    hashes = [item["prompt"] for item in plan["chosen"]]
    prompts = list(Prompt.objects.filter(project=trip.project, content_hash__in=hashes).order_by("content_hash"))
    for generation in (candidate, trip.parent):
        asked(trip, generation, prompts=prompts, n=1)
    pushed = challenges.push(
        trip.project, generation=candidate, against=trip.parent.policy, prompts=prompts, by=trip.by
    )
    sentence = (
        f"{in_words(pushed.created + pushed.known, 'head-to-head task')} against {trip.parent.policy} in the queue"
    )
    if pushed.identical:
        sentence += f"; on {in_words(pushed.identical, 'prompt')} both said the same"
    return Done(sentence=f"{sentence}.", result={**plan, **vars(pushed)})


def in_words(n: int, noun: str) -> str:
    return f"{n:,} {noun}{pluralize(n)}"


def noted(trip: Trip, name: str, value: dict[str, Any]) -> dict[str, Any]:
    """Keep a choice before acting on it: acting changes what would be chosen the next time."""
    trip.turn.notes = {**trip.turn.notes, name: value}
    trip.turn.save(update_fields=["notes"])
    return value


def decide(trip: Trip) -> Done | Waits:
    candidate = candidate_of(trip)
    found = gates.record(candidate)
    sentences = {verdict.name: verdict.in_words for verdict in found}
    told = " ".join(f"{name}: {sentence}" for name, sentence in sentences.items())
    settled_by_hand = candidate.state in (Generation.State.PROMOTED, Generation.State.REJECTED)
    if any(verdict.undecided for verdict in found) and not settled_by_hand:
        desk = f" Head-to-head tasks wait to be ranked at /projects/{trip.project.slug}/desk/."
        return Waits(sentence=told + (desk if votes.standing(candidate).tasks_open else ""))
    passed = all(verdict.passed for verdict in found)
    return Done(sentence=told, result={"passed": passed, "gates": sentences, "by_hand": settled_by_hand})


def promote(trip: Trip) -> Done | Waits:
    candidate = candidate_of(trip)
    verdict = trip.result("gates")
    undecided = candidate.state in Generation.WAITING
    if undecided and verdict["passed"]:
        generations.promote(trip.project, number=candidate.number, by=trip.by)
    elif undecided:
        closed = " ".join(f"{name}: {sentence}" for name, sentence in verdict["gates"].items())
        generations.reject(candidate, reason=closed, by=trip.by)
    candidate.refresh_from_db()
    return Done(sentence=f"{candidate} is {candidate.state}.", result={"state": candidate.state})


STAGES: dict[str, StageFunction] = {
    Stage.Name.SELECT: select,
    Stage.Name.SAMPLE: sample,
    Stage.Name.PUSH: push,
    Stage.Name.LABEL: label,
    Stage.Name.RELEASE: release,
    Stage.Name.REWARD_MODEL: reward_model,
    Stage.Name.POLICY: policy,
    Stage.Name.CHALLENGE: challenge,
    Stage.Name.GATES: decide,
    Stage.Name.PROMOTE: promote,
}
