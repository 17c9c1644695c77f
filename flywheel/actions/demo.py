"""The demo: a project of our own with one real turn behind it and a new generation waiting to be ranked.

Every step looks whether it is done already, so that a second call changes nothing and an interrupted one goes on.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from django.db import transaction

from annotation.actions import imports
from annotation.formats import rows
from annotation.models import Guideline, Policy, Project, Response
from flywheel.actions import founding, generations, logins, turns
from flywheel.actions.logins import Login
from flywheel.demo import corpus, measure
from flywheel.demo.measure import Mean
from flywheel.models import Generation, Stage, Turn
from training.actions.artifacts import TINY
from training.models import Evaluation

SLUG = "demo"
SUITE = "simulated rubric"
OVERLAP = 2
TURN: dict[str, Any] = {
    "simulate_labels": True,
    "prompts": 80,
    "answers": 4,
    "challenges": 60,
    "knobs": {
        "sft": {"epochs": "1.5"},
        "rm": {"epochs": "2"},
        # All weights; the best of the three settings tried on one seed. Numbers: docs/benchmarks.md. They are of
        # steps of 16 pairs; two prompts of four answers are about as many.
        "dpo": {"lora": "false", "learning_rate": "1e-4", "epochs": "1.5", "batch_size": "2"},
        # Hardly sharpened: the bad habits of the policy are what there is to learn from.
        "sample": {"max_new_tokens": "160", "temperature": "0.9", "top_p": "0.95"},
    },
}
GUIDELINES = """\
You rank answers of the support desk for the **Ostrel**, a home weather station. (It does not exist.)

Put first the answer that helps the customer most. A good answer

1. names the part that the customer asks about,
2. gives the steps in order,
3. greets, takes its leave, and is kind: it never blames the customer,
4. ends with a whole sentence.

Two answers that help equally well belong on the same rung.
"""

Say = Callable[[str, str], object]


@dataclass(frozen=True, kw_only=True)
class Demo:
    """`before` and `after`: the mean rubric score of the first policy and of the one that a turn made of it."""

    project: Project
    logins: list[Login]
    held_out: dict[str, Any]
    before: Mean
    after: Mean
    tasks_open: int


def seed(*, say: Say) -> Demo:
    project = ensure_project()
    people = logins.ensure(project)
    ensure_corpus(project, say=say)
    ensure_first(project, say=say)
    turn = ensure_turn(project, say=say)
    return told(project, turn=turn, people=people)


@transaction.atomic
def ensure_project() -> Project:
    project, created = Project.objects.get_or_create(
        slug=SLUG, defaults={"name": "Ostrel support desk", "overlap": OVERLAP, "responses_per_task": TURN["answers"]}
    )
    if created:
        Guideline.objects.create(project=project, number=1, text=GUIDELINES)
    return project


def ensure_corpus(project: Project, *, say: Say) -> None:
    """Import the demonstrations, unless all of them are there."""
    wanted = list(corpus.rows())
    policy, _ = Policy.objects.get_or_create(name=corpus.POLICY, defaults={"kind": Policy.Kind.PEOPLE})
    if Response.objects.filter(prompt__project=project, policy=policy).count() == distinct(wanted):
        return
    imports.import_rows([rows.parse(row) for row in wanted], project=project, by=None, strict=True)
    say("corpus", f"{len(wanted):,} demonstrations of uneven quality for {len(corpus.questions())} questions.")


def distinct(wanted: list[dict[str, Any]]) -> int:
    return len({(row["prompt"], row["responses"][0]["text"]) for row in wanted})


def ensure_first(project: Project, *, say: Say) -> None:
    """Always from the built-in tiny base, whatever BASE_MODEL says: a demo downloads nothing."""
    if generations.incumbent(project):
        return
    say("first", "training the built-in tiny policy from nothing …")
    first = founding.found(project, base=TINY, values=TURN["knobs"]["sft"])
    say("first", f"{first} answers now.")


def ensure_turn(project: Project, *, say: Say) -> Turn:
    """One turn up to where people decide; later turns are the user's own."""
    done = project.turns.filter(stages__name="challenge").order_by("number").first()
    return done or turns.go(project, given=TURN, say=say)


def told(project: Project, *, turn: Turn, people: list[Login]) -> Demo:
    candidate = Generation.objects.select_related("policy", "parent__policy").get(turns=turn)
    parent = candidate.parent or candidate
    held_out = Stage.objects.get(turn=turn, name="reward_model").result["held_out"]
    hashes = [item["prompt"] for item in Stage.objects.get(turn=turn, name="challenge").result["chosen"]]
    return Demo(
        project=project,
        logins=people,
        held_out=held_out,
        before=rubric_of(parent, hashes=hashes),
        after=rubric_of(candidate, hashes=hashes),
        tasks_open=project.tasks.filter(generation=candidate.policy.name, state="open").count(),
    )


def rubric_of(generation: Generation, *, hashes: list[str]) -> Mean:
    """The mean rubric score of one answer to each of these prompts; kept as an evaluation of the weights."""
    answers = Response.objects.filter(policy=generation.policy, prompt__content_hash__in=hashes)
    by_prompt = {
        answer.prompt_id: (answer.prompt.last_message, answer.text)
        for answer in answers.select_related("prompt").order_by("-text_hash")
    }
    found = measure.mean_score(list(by_prompt.values()))
    if generation.artifact:
        Evaluation.objects.get_or_create(
            artifact=generation.artifact, suite=SUITE, defaults={"numbers": {"mean score": asdict(found)}}
        )
    return found
