"""Writes the tables of knobs into docs/training.md: `python -m training.management.guide`."""

import re
from pathlib import Path

from training.ml import knobs

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "training.md"
TABLE = re.compile(r"(<!-- knobs of (\w+)[^>]*-->\n).*?(<!-- end -->)", re.DOTALL)
TRAINING = ("sft", "rm", "dpo")


def with_tables(text: str) -> str:
    """The guide with every table as the knobs are now."""
    return TABLE.sub(lambda found: found[1] + table(found[2]) + found[3], text)


def table(kind: str) -> str:
    """What is the kind's own; under `training`, what all three trainers share."""
    shared = [
        knob for knob in knobs.describe(TRAINING[0]) if all(knob in knobs.describe(other) for other in TRAINING)
    ]
    own = shared if kind == "training" else [knob for knob in knobs.describe(kind) if knob not in shared]
    lines = [f"| `{knob.name}` | {f'`{knob.default}`' if knob.default else ''} | {knob.help} |" for knob in own]
    return "\n".join(["| knob | default | |", "|---|---|---|", *lines, ""])


if __name__ == "__main__":
    GUIDE.write_text(with_tables(GUIDE.read_text(encoding="utf-8")), encoding="utf-8")
