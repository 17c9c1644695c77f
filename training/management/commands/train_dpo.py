from collections.abc import Iterable

from training.management import queue
from training.management.train import TrainCommand
from training.models import Run


class Command(TrainCommand):
    help = "Train a policy on the comparisons of a release by direct preference optimisation."
    kind = Run.Kind.DPO
    example = "manage.py train_dpo --release support-1a2b3c --base sft-20260131-0a1b2c --set beta=0.2"

    def next_steps(self, run: Run) -> Iterable[str]:
        yield from queue.next_steps(run)
