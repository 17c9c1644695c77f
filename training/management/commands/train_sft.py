from collections.abc import Iterable

from training.management.train import TrainCommand
from training.models import Run


class Command(TrainCommand):
    help = "Fine-tune a policy on the demonstrations of a release, or on its best-ranked answers."
    kind = Run.Kind.SFT
    example = "manage.py train_sft --release support-1a2b3c --base tiny --set epochs=2 learning_rate=0.001"

    def next_steps(self, run: Run) -> Iterable[str]:
        policy = run.artifacts.get()
        yield f"Next: manage.py train_rm --release {run.release_hash[:12]} --base {policy}"
        yield f"  or: manage.py train_dpo --release {run.release_hash[:12]} --base {policy}"
