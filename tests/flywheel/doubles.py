"""A stand-in for training processes, and the rows that tests of the loop begin with."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings

from annotation.actions import imports, judgements, leases, members
from annotation.formats import rows
from annotation.models import Annotator, Judgement, Policy, Project, Prompt, Release, Response, Task
from flywheel.actions import challenges, generations
from flywheel.demo import corpus
from flywheel.models import Generation
from tests.factories import AnnotatorFactory, MembershipFactory, ProjectFactory
from training.actions.sampling import SampledResponse
from training.models import Artifact, Run

HELD_OUT = {
    "accuracy": {"value": 0.8, "low": 0.7, "high": 0.88, "n_pairs": 90, "n_prompts": 15},
    "baselines": {
        "longest": {"value": 0.6, "low": 0.5, "high": 0.7, "n_pairs": 90, "n_prompts": 15},
        "majority": {"value": 0.5, "low": 0.4, "high": 0.6, "n_pairs": 90, "n_prompts": 15},
    },
}


@dataclass
class Trainer:
    """Remembers what was asked; like the real one it finds a finished run of the same plan again."""

    held_out: dict[str, Any] = field(default_factory=lambda: HELD_OUT)
    trained_kinds: list[str] = field(default_factory=list)
    sampled: list[tuple[str, int]] = field(default_factory=list)
    rewards: dict[str, list[str]] = field(default_factory=dict)

    def trained(self, *, kind, release, base, values, seed, rewards=(), terminal=None) -> Run:
        self.rewards[kind] = list(rewards)
        known = Run.objects.filter(kind=kind, release_hash=hash_of(release), base=base).first()
        return known or self.new_run(kind, release=release, base=base, values=values, seed=seed)

    def new_run(self, kind, *, release, base, values, seed) -> Run:
        self.trained_kinds.append(kind)
        name = f"{kind}-{len(self.trained_kinds)}"
        run = Run.objects.create(
            name=name,
            kind=kind,
            state=Run.State.DONE,
            directory=str(settings.RUNS_DIR / name),
            config={"knobs": dict(values)},
            release_hash=hash_of(release),
            base=base,
            seed=seed,
            commit="c0ffee",
            versions={"torch": "2.13.0"},
            report={"headline": f"{name} is trained.", "held_out": self.held_out},
        )
        made = Artifact.Kind.REWARD_MODEL if kind == "rm" else Artifact.Kind.POLICY
        parent = Artifact.objects.filter(path=base).first()
        Artifact.objects.create(
            name=name, kind=made, path=f"{run.directory}/model", sha256="0" * 64, run=run, parent=parent
        )
        return run

    def sample(self, *, location, prompts, n, values=None, seed=17, model_name="", terminal=None):
        self.sampled.append((location, len(prompts)))
        return [
            [
                SampledResponse(text=f"Answer {i} of {Path(location).parent.name}.", sampling={"seed": seed})
                for i in range(n)
            ]
            for _ in prompts
        ]


def hash_of(release: str) -> str:
    return Release.objects.get(path=release).hash


def project_with_corpus(*, questions: int = 12, **kwargs: Any) -> Project:
    """A project with demonstrations of the demo's first questions."""
    project = ProjectFactory(**kwargs)
    Policy.objects.get_or_create(name=corpus.POLICY, defaults={"kind": Policy.Kind.PEOPLE})
    first = list(corpus.rows())[: questions * len(corpus.WRITERS)]
    wanted = [row for row in first if row["metadata"]["quality"] in ("good", "curt")]
    imports.import_rows([rows.parse(row) for row in wanted], project=project, by=None, strict=True)
    return project


def generation(project: Project, *, state: str = "candidate", held_out: dict[str, Any] | None = None) -> Generation:
    """The next generation with a reward model that passes its gate; its parent is what is promoted."""
    run = Run.objects.create(
        name=f"rm-{Run.objects.count()}", kind="rm", config_hash="x", base="tiny", seed=1,
        report={"held_out": HELD_OUT if held_out is None else held_out},
    )  # fmt: skip
    model = Artifact.objects.create(
        name=run.name, kind=Artifact.Kind.REWARD_MODEL, path="x", sha256="0" * 64, run=run
    )
    made = generations.add(
        project, artifact=None, location="weights", reward_model_id=model.pk, parent=generations.incumbent(project)
    )
    if state == "promoted":
        generations.make_incumbent(made)
    return made


def member(project: Project) -> Annotator:
    annotator = AnnotatorFactory()
    MembershipFactory(project=project, user=annotator.user)
    assert members.takes_part(project, annotator=annotator)
    return annotator


def challenge_tasks(project: Project, made: Generation, *, count: int) -> None:
    """`count` head-to-head tasks of the generation against its parent."""
    assert made.parent is not None
    for number in range(count):
        prompt = Prompt.objects.create(project=project, messages=[{"role": "user", "content": f"{made} {number}?"}])
        for policy in (made.policy, made.parent.policy):
            Response.objects.create(prompt=prompt, policy=policy, text=f"{policy} on {number}.")
    challenges.push(project, generation=made, against=made.parent.policy)


def vote(
    project: Project, made: Generation, *, by: Annotator, wins: int, losses: int = 0, source: str = "human"
) -> None:
    """Judge open head-to-head tasks: first `wins` for the generation, then `losses` for its parent."""
    for number in range(wins + losses):
        slot = leases.claim(project, by=by, among=Task.objects.filter(generation=made.policy.name))
        assert slot is not None
        mine = slot.task.positions.get(response__policy=made.policy).position
        best = mine if number < wins else 1 - mine
        judgements.submit(
            slot.pk,
            by=by,
            submission_key=slot.submission_key,
            ranking=[[best], [1 - best]],
            source=Judgement.Source(source),
        )
