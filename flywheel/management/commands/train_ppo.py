from collections.abc import Iterable

from flywheel.management.learning import LearningCommand
from training.management import queue
from training.models import Run


class Command(LearningCommand):
    help = "Train a policy on what reward models say of its own answers, by proximal policy optimisation."
    kind = Run.Kind.PPO
    example = (
        "manage.py train_ppo --base dpo-20260131-0a1b2c --reward rm-20260131-3d4e5f --release support-1a2b3c\n"
        "  manage.py train_ppo --base shop-v1 --reward judge my_rewards:brevity=0.1 --held-out-reward gold "
        "--project support --set max_kl=8"
    )

    def next_steps(self, run: Run) -> Iterable[str]:
        yield from queue.next_steps(run)
