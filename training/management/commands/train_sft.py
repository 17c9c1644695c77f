from collections.abc import Iterable

from django.core.management.base import CommandParser

from training.management.train import TrainCommand
from training.models import Run


class Command(TrainCommand):
    help = (
        "Fine-tune a policy on the demonstrations of a release, or on its best-ranked answers, and on files of "
        "conversations."
    )
    kind = Run.Kind.SFT
    example = (
        "manage.py train_sft --release support-1a2b3c --base tiny --set epochs=2 learning_rate=0.001\n"
        "  manage.py train_sft --data alpaca.json --base tiny --set mix=general.jsonl.gz mix_ratio=0.1 patience=3"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--data",
            action="extend",
            nargs="+",
            metavar="FILE",
            help="conversations in the Alpaca, ShareGPT or messages format (.json, .jsonl, either with .gz, or "
            ".parquet), beside a release or instead of one",
        )

    def next_steps(self, run: Run) -> Iterable[str]:
        policy = run.artifacts.get()
        release = run.release_hash[:12] or "R"
        yield f"Next: manage.py train_rm --release {release} --base {policy}"
        yield f"  or: manage.py train_dpo --release {release} --base {policy}"
