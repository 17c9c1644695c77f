"""In which order a person sees the answers of a task."""

import random
from collections.abc import Sequence

from django.db.models import JSONField

from annotation.models import Seat, Slot, Task
from annotation.models.prepared import ID, PreparedUpdate
from annotation.stats import exposure

_chance = random.SystemRandom()


def draw(seat: Seat, *, task: Task, unlike: Sequence[int] = ()) -> list[int]:
    """Positions in the order to show them, balanced against what this person saw before; not the order `unlike`, if
    another one is possible."""
    seen = [seat.exposure.get(str(place.response.policy_id), []) for place in task.placed]
    order = [task.placed[item].position for item in exposure.balanced_order(seen, chance=_chance)]
    return _moved_on(order) if order == list(unlike) and len(order) > 1 else order


def remember(seat: Seat, *, slot: Slot) -> None:
    """Count what the person now sees. Call it with the seat locked."""
    policies = {place.position: str(place.response.policy_id) for place in slot.task.placed}
    seen = dict(seat.exposure)
    for place, position in enumerate(slot.order):
        policy = policies[position]
        seen[policy] = exposure.stood(seen.get(policy, []), place=place)
    if slot.order:
        _seen(seat=seat.pk, exposure=seen)
        seat.exposure = seen


_seen = PreparedUpdate(
    lambda seat, exposure: (Seat.objects.filter(pk=seat), {"exposure": exposure}), seat=ID, exposure=JSONField()
)


def _moved_on(order: list[int]) -> list[int]:
    start = _chance.randrange(1, len(order))
    return order[start:] + order[:start]
