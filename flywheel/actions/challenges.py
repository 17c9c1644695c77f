"""A new policy's answers beside another's, blinded, in the annotators' queue."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet

from annotation.actions import tasks
from annotation.formats.hashing import content_hash
from annotation.models import Policy, Project, Prompt, Response, Task
from flywheel.actions import generations, policies, trail
from flywheel.exceptions import NotReady
from flywheel.models import Generation

# What people are waiting to decide comes before what is only to be learned from.
PRIORITY = 10


@dataclass(frozen=True, kw_only=True)
class Pushed:
    """`identical`: prompts on which both gave the same answer, so that nobody can be asked."""

    created: int
    known: int
    identical: int


def push(
    project: Project,
    *,
    generation: Generation,
    against: Policy,
    prompts: Iterable[Prompt] | None = None,
    limit: int | None = None,
    by: User | None = None,
) -> Pushed:
    """File one head-to-head task for each prompt that both policies answered; a second call adds nothing twice.

    Raises:
        NotReady: they have no prompt in common, or a policy is set against itself.
    """
    new = generation.policy
    if new == against:
        raise NotReady(f"{new} cannot be set against itself: name another policy with --against.")
    shared = pairs(project, new=new, old=against, prompts=prompts)
    if not shared:
        raise NotReady(
            f"{new} and {against} answered no prompt of {project.slug} in common: "
            f"`manage.py sample --policy NAME --project {project.slug} -n 1` for each of them first."
        )
    different = [pair for pair in shared if pair[0].text != pair[1].text]
    created = file(project, generation=generation, pairs=different[:limit], by=by)
    return Pushed(created=created, known=len(different[:limit]) - created, identical=len(shared) - len(different))


def challenger(project: Project, *, policy: str | None) -> Generation:
    """The newest candidate, or the generation of the policy of this name, made one if it is none yet."""
    if policy is None:
        return generations.newest_waiting(project)
    found = policies.named(policy)
    generation = Generation.objects.filter(policy=found).select_related("project", "policy").first()
    if generation and generation.project != project:
        raise NotReady(f"{policy} is a generation of project {generation.project.slug}, not of {project.slug}.")
    return generation or generations.adopt(project, policy=found)


def opponent(project: Project, *, policy: str | None) -> Policy:
    """The policy of this name, or what is promoted."""
    if policy is not None:
        return policies.named(policy)
    present = generations.incumbent(project)
    if present is None:
        raise NotReady(f"Project {project.slug} has no promoted generation: name a policy with --against.")
    return present.policy


@transaction.atomic
def file(
    project: Project, *, generation: Generation, pairs: Sequence[tuple[Response, Response]], by: User | None
) -> int:
    created = 0
    for pair in pairs:
        # The order on the task follows the text, so that a position says nothing about who wrote it.
        responses = sorted(pair, key=lambda response: response.text_hash)
        _, is_new = tasks.create(
            project,
            prompt=pair[0].prompt,
            responses=responses,
            overlap=project.overlap,
            purpose=Task.Purpose.HEAD_TO_HEAD,
            generation=generation.policy.name,
            strategy="head to head",
            priority=PRIORITY,
            by=by,
        )
        created += is_new
    Generation.objects.filter(pk=generation.pk, state=Generation.State.CANDIDATE).update(
        state=Generation.State.LABELLING
    )
    trail.record("generation pushed", project, by=by, generation=generation.number, tasks=created)
    return created


def pairs(
    project: Project, *, new: Policy, old: Policy, prompts: Iterable[Prompt] | None
) -> list[tuple[Response, Response]]:
    """One answer of each policy for every prompt that both answered, in an order of the prompts' content."""
    found = Response.objects.filter(prompt__project=project).select_related("prompt", "policy")
    if prompts is not None:
        found = found.filter(prompt__in=[prompt.pk for prompt in prompts])
    theirs, others = by_prompt(found.filter(policy=new)), by_prompt(found.filter(policy=old))
    shared = sorted(theirs.keys() & others.keys(), key=lambda prompt: theirs[prompt][0].prompt.content_hash)
    return [best_match(theirs[prompt], others[prompt]) for prompt in shared]


def by_prompt(responses: "QuerySet[Response]") -> dict[int, list[Response]]:
    """Answers to each prompt in an order that has nothing to do with how good they are or when they came."""
    found: defaultdict[int, list[Response]] = defaultdict(list)
    for response in responses:
        found[response.prompt_id].append(response)
    for answers in found.values():
        answers.sort(key=lambda answer: content_hash([answer.text_hash, answer.policy_id]))
    return found


def best_match(new: Sequence[Response], old: Sequence[Response]) -> tuple[Response, Response]:
    """The first two that differ, else the first two."""
    differing = ((mine, theirs) for mine, theirs in product(new, old) if mine.text != theirs.text)
    return next(differing, (new[0], old[0]))
