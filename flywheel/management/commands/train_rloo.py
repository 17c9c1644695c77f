from collections.abc import Iterable
from typing import Any

from django.core.management.base import CommandParser

from flywheel.management.learning import LearningCommand
from training.management import queue
from training.ml.knobs.rl import RLOO_METHODS
from training.models import Run


class Command(LearningCommand):
    help = "Train a policy on what reward models say of its own answers, without a value network: RLOO and its kin."
    kind = Run.Kind.RLOO
    example = (
        "manage.py train_rloo --base dpo-20260131-0a1b2c --reward rm-20260131-3d4e5f --release support-1a2b3c\n"
        "  manage.py train_rloo --base shop-v1 --reward judge --prompts questions.jsonl --method grpo"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--method", choices=RLOO_METHODS, help="short for --set method=…")

    def knobs_of(self, **options: Any) -> list[str]:
        given = super().knobs_of(**options)
        return [*given, f"method={options['method']}"] if options["method"] else given

    def next_steps(self, run: Run) -> Iterable[str]:
        yield from queue.next_steps(run)
