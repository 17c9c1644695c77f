"""Responses of a policy to prompts, asked for once and kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TextIO

from django.db import transaction
from django.db.models import QuerySet

from annotation.formats.hashing import content_hash
from annotation.models import Policy, Project, Prompt, Response
from flywheel.exceptions import InvalidSetting, SamplingFailed
from flywheel.models import Sampling
from training.actions import sampling
from training.actions.sampling import SampledResponse

KEPT_AT_ONCE = 100


@dataclass(frozen=True, kw_only=True)
class Sampled:
    """`new`: answers not known before; `asked` and `skipped`: prompts, the latter having their answers already;
    `unanswered`: prompts that were too long for the policy."""

    new: int
    asked: int
    skipped: int
    unanswered: int = 0


def prompts_of(project: Project, *, split: str = "", limit: int | None = None) -> "QuerySet[Prompt]":
    """In an order of their content, so that a limit means the same prompts everywhere."""
    found = Prompt.objects.filter(project=project).order_by("content_hash")
    return (found.filter(split=split) if split else found)[:limit]


def sample(
    prompts: Sequence[Prompt],
    *,
    policy: Policy,
    n: int,
    values: Mapping[str, str] | None = None,
    seed: int = 17,
    terminal: TextIO | None = None,
) -> Sampled:
    """Ask the policy for `n` answers to each prompt and keep them; prompts that were asked so before are left out.

    A location of `http://host/v1#name` asks a server for its model called name.

    Raises:
        SamplingFailed: nobody knows where the policy is, or it answered nothing at all.
    """
    if not policy.location:
        raise SamplingFailed(
            f"Nobody knows where policy {policy.name} is: set its location in the admin to a directory of weights "
            "or to the address of a server."
        )
    settings = {"seed": seed, **dict(sorted((values or {}).items()))}
    missing = unanswered(prompts, policy=policy, n=n, settings=settings)
    if not missing:
        return Sampled(new=0, asked=0, skipped=len(prompts))
    location, _, model = policy.location.partition("#")
    answers = sampling.sample(
        location=location,
        prompts=[prompt.messages for prompt in missing],
        n=n,
        values=values or {},
        seed=seed,
        model_name=model,
        terminal=terminal,
    )
    if not any(answers):
        raise SamplingFailed(f"{policy.name} answered none of {len(missing)} prompts: they are too long for it.")
    new = keep(missing, answers, policy=policy, n=n, settings=settings)
    silent = sum(not each for each in answers)
    return Sampled(new=new, asked=len(missing), skipped=len(prompts) - len(missing), unanswered=silent)


def parse_values(pairs: Sequence[str]) -> dict[str, str]:
    """`["temperature=0.7", …]`.

    Raises:
        InvalidSetting: not of this shape.
    """
    for pair in pairs:
        if not all(pair.partition("=")[:2]):
            raise InvalidSetting(f"--set {pair}: expected NAME=VALUE, such as temperature=0.7.")
    return {name: value for name, _, value in (pair.partition("=") for pair in pairs)}


def unanswered(prompts: Sequence[Prompt], *, policy: Policy, n: int, settings: Mapping[str, Any]) -> list[Prompt]:
    done = Sampling.objects.filter(policy=policy, settings_hash=content_hash(settings), drawn__gte=n)
    answered = set(done.values_list("prompt_id", flat=True))
    return [prompt for prompt in prompts if prompt.pk not in answered]


def keep(
    prompts: Sequence[Prompt],
    answers: Sequence[Sequence[SampledResponse]],
    *,
    policy: Policy,
    n: int,
    settings: Mapping[str, Any],
) -> int:
    """Store the answers; how many were new."""
    before = Response.objects.filter(policy=policy).count()
    pairs = iter(zip(prompts, answers, strict=True))
    while chunk := list(islice(pairs, KEPT_AT_ONCE)):
        keep_chunk(chunk, policy=policy, n=n, settings=settings)
    return Response.objects.filter(policy=policy).count() - before


@transaction.atomic
def keep_chunk(
    chunk: Sequence[tuple[Prompt, Sequence[SampledResponse]]],
    *,
    policy: Policy,
    n: int,
    settings: Mapping[str, Any],
) -> None:
    """Answers and the mark that they were asked for, both or neither."""
    Response.objects.bulk_create(
        [
            Response(prompt=prompt, policy=policy, text=answer.text, sampling=dict(answer.sampling)).set_identity()
            for prompt, answers in chunk
            for answer in answers
        ],
        ignore_conflicts=True,
    )
    Sampling.objects.bulk_create(
        [
            Sampling(
                policy=policy,
                prompt=prompt,
                settings=dict(settings),
                settings_hash=content_hash(settings),
                drawn=n,
            )
            for prompt, _ in chunk
        ],
        update_conflicts=True,
        unique_fields=["policy", "prompt", "settings_hash"],
        update_fields=["drawn"],
    )
