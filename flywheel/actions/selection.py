"""Which prompts a turn asks about."""

from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Q

from annotation.formats.hashing import content_hash
from annotation.models import Judgement, Project, Prompt, Slot

STRATEGY = "random"


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """`propensity`: the probability with which this prompt was to be chosen."""

    prompt_hash: str
    propensity: float


def choose(project: Project, *, n: int, seed: str) -> list[Chosen]:
    """`n` prompts at random, those first about which nobody was asked yet. The same seed and prompts give the same
    choice on every database."""
    hashes = Prompt.objects.filter(project=project).values_list("content_hash", flat=True)
    asked = set(hashes.filter(was_asked()))
    fresh = shuffled([item for item in hashes if item not in asked], seed=seed)
    again = shuffled(list(asked), seed=seed)
    rest = max(0, n - len(fresh))
    return picked(fresh, n=n) + picked(again, n=rest)


def was_asked() -> Q:
    """A prompt with a task that people have places on, or have judged. Bare demonstrations ask nothing."""
    asked = Exists(Slot.objects.filter(task__prompt=OuterRef("pk")))
    return Q(asked) | Q(Exists(Judgement.objects.filter(task__prompt=OuterRef("pk"))))


def shuffled(hashes: list[str], *, seed: str) -> list[str]:
    return sorted(hashes, key=lambda item: content_hash([seed, item]))


def picked(hashes: list[str], *, n: int) -> list[Chosen]:
    return [Chosen(prompt_hash=item, propensity=min(1.0, n / len(hashes))) for item in hashes[:n]]
