"""Where a project's wheel stands: what the page and `flywheel_status` both show."""

from dataclasses import dataclass

from django.utils.translation import gettext, ngettext

from annotation.actions.waiting import OFFERED
from annotation.models import Project, Task
from flywheel.actions import gates, generations, lineage, votes
from flywheel.actions.gates import MINIMUM_VOTES, Verdict
from flywheel.actions.lineage import Learned
from flywheel.actions.votes import Standing
from flywheel.models import Gate, Generation, Stage, Turn

ALL = slice(None)


@dataclass(frozen=True, kw_only=True)
class GenerationStatus:
    """`verdicts`: as they stand now while it waits for a decision, else as they were when it was decided."""

    generation: Generation
    standing: Standing
    verdicts: list[Verdict]
    learned: Learned

    @property
    def win_rate_in_words(self) -> str:
        if self.generation.parent is None:
            return gettext("the first: it has no parent to be compared with")
        if self.standing.win_rate.value is None or self.standing.votes < MINIMUM_VOTES:
            return gates.too_few(self.standing)
        return gates.rate_in_words(self.standing.win_rate)

    @property
    def reward_model_in_words(self) -> str:
        model = self.generation.reward_model
        accuracy = (model.run.report.get("held_out", {}) if model and model.run else {}).get("accuracy") or {}
        return gates.accuracy_in_words(accuracy) if accuracy.get("low") is not None else ""


@dataclass(frozen=True, kw_only=True)
class Status:
    """`generations`: those that are shown; `next_command`: what a person at a terminal types next."""

    project: Project
    incumbent: Generation | None
    candidate: GenerationStatus | None
    generations: list[GenerationStatus]
    turn: Turn | None
    tasks_open: int

    @property
    def finished_stages(self) -> list[str]:
        return [stage.name for stage in self.turn.stages.all()] if self.turn else []

    @property
    def stage(self) -> str:
        """The stage that the unfinished turn stands before."""
        return next((name for name in Stage.Name.values if name not in self.finished_stages), "")

    @property
    def verdict(self) -> str:
        """The first line of the page: how it stands, in words with its number."""
        if self.incumbent is None:
            return gettext("Nothing answers in this project yet.")
        told: dict[str, object] = {"incumbent": self.incumbent}
        if self.candidate is None:
            return gettext("%(incumbent)s answers, and nothing waits to take its place.") % told
        told |= {"name": self.candidate.generation.policy.name, "rate": self.candidate.win_rate_in_words}
        if not self.closed:
            return gettext("%(name)s may take the place of %(incumbent)s: every gate has passed.") % told
        if any(verdict.undecided for verdict in self.closed):
            return gettext("%(incumbent)s answers; %(name)s waits for people: %(rate)s.") % told
        told["gates"] = ", ".join(verdict.title for verdict in self.closed)
        return gettext("%(incumbent)s answers; %(name)s has not passed: %(gates)s.") % told

    @property
    def closed(self) -> list[Verdict]:
        return [verdict for verdict in self.candidate.verdicts if not verdict.passed] if self.candidate else []

    @property
    def waits_for(self) -> str:
        if self.turn is None or self.turn.state != Turn.State.WAITING:
            return ""
        return ngettext(
            "Turn %(number)s waits for people at its stage “%(stage)s”: %(tasks)s task open.",
            "Turn %(number)s waits for people at its stage “%(stage)s”: %(tasks)s tasks open.",
            self.tasks_open,
        ) % {"number": self.turn.number, "stage": self.stage, "tasks": gates.counted(self.tasks_open)}

    @property
    def next_command(self) -> str:
        verb = "promote" if self.turn is None and self.candidate and not self.closed else "turn"
        return f"manage.py {verb} --project {self.project.slug}"


def of(project: Project, *, shown: slice = ALL) -> Status:
    """`shown`: which generations, the newest first. In a number of queries that does not grow with them."""
    rows = project.generations.all().select_related(
        "project", "policy", "parent__policy", "artifact__run", "reward_model__run"
    )
    newest = rows.prefetch_related("gates").order_by("-number")
    listed, candidate = list(newest[shown]), newest.waiting().first()
    asked = listed if candidate is None or candidate in listed else [*listed, candidate]
    standings, learned = votes.standings(asked), lineage.learned(asked)
    found = {one.pk: status_of(one, standing=standings[one.pk], learned=learned[one.pk]) for one in asked}
    turn = project.turns.all().unfinished().prefetch_related("stages").first()
    return Status(
        project=project,
        incumbent=generations.incumbent(project),
        candidate=found[candidate.pk] if candidate else None,
        generations=[found[one.pk] for one in listed],
        turn=turn,
        tasks_open=Task.objects.filter(project=project, state=Task.State.OPEN, purpose__in=OFFERED).count(),
    )


def of_generation(generation: Generation) -> GenerationStatus:
    standing, learned = votes.standing(generation), lineage.learned([generation])
    return status_of(generation, standing=standing, learned=learned[generation.pk])


def status_of(generation: Generation, *, standing: Standing, learned: Learned) -> GenerationStatus:
    if generation.state in Generation.WAITING:
        verdicts = gates.verdicts(generation, standing=standing)
    else:
        verdicts = [decided(gate) for gate in generation.gates.all()]
    return GenerationStatus(generation=generation, standing=standing, verdicts=verdicts, learned=learned)


def decided(gate: Gate) -> Verdict:
    return Verdict(
        name=gate.name,
        passed=gate.passed,
        sentence=gate.evidence.get("sentence", ""),
        numbers=gate.evidence,
        undecided=gate.evidence.get("undecided", False),
    )
