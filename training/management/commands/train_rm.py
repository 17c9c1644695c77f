from collections.abc import Iterable

from training.actions.artifacts import TINY
from training.management.train import TrainCommand
from training.models import Run


class Command(TrainCommand):
    help = "Train a reward model on the comparisons of a release."
    kind = Run.Kind.RM
    example = (
        "manage.py train_rm --release support-1a2b3c --base Qwen/Qwen3-0.6B --set batch_size=8 --launcher accelerate"
    )

    def next_steps(self, run: Run) -> Iterable[str]:
        judge = run.artifacts.get()
        learn = f"--release {run.release_hash[:12]} --base {judge.parent or run.base}"
        yield f"Next: manage.py train_dpo {learn}"
        if run.base != TINY:
            yield f"  or: manage.py train_ppo {learn} --reward {judge}"
