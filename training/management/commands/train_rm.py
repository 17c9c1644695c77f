from collections.abc import Iterable

from training.management.train import TrainCommand
from training.models import Run


class Command(TrainCommand):
    help = "Train a reward model on the comparisons of a release."
    kind = Run.Kind.RM
    example = (
        "manage.py train_rm --release support-1a2b3c --base Qwen/Qwen3-0.6B --set batch_size=8 --launcher accelerate"
    )

    def next_steps(self, run: Run) -> Iterable[str]:
        base = run.artifacts.get().parent or run.base
        yield f"Next: manage.py train_dpo --release {run.release_hash[:12]} --base {base}"
