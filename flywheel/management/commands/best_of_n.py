from collections.abc import Iterable
from pathlib import Path

from flywheel.management.learning import LearningCommand
from training.ml.run.rundir import RunDirectory
from training.models import Run


class Command(LearningCommand):
    help = "Draw n answers to each prompt of the test split and keep the best by the reward; nothing is trained."
    kind = Run.Kind.BEST_OF_N
    example = (
        "manage.py best_of_n --base shop-v1 --reward rm-20260131-3d4e5f --held-out-reward gold "
        "--release support-1a2b3c --set n=16"
    )

    def next_steps(self, run: Run) -> Iterable[str]:
        yield f"The best answers: {RunDirectory(Path(run.directory)).responses}"
