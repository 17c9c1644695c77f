"""What to do with a policy that was just trained: have people compare its answers."""

from collections.abc import Iterator

from training.models import Run


def next_steps(run: Run) -> Iterator[str]:
    """Nothing, where the base was kept: people would compare a model with itself."""
    kept = (run.report.get("held_out") or {}).get("best") or {}
    if kept.get("step") == 0:
        return
    name = run.artifacts.get().name
    yield f"Next: manage.py sample --policy {name} --project P -n 1"
    yield f"Then: manage.py push_generation --policy {name} --project P"
