"""Writes the tables of knobs into docs/training.md and docs/rl.md: `python -m training.management.guide`."""

import re
from pathlib import Path

from training.ml import knobs
from training.ml.knobs import Description

DOCS = Path(__file__).resolve().parents[2] / "docs"
GUIDE, LEARNING_GUIDE = DOCS / "training.md", DOCS / "rl.md"
TABLE = re.compile(r"(<!-- knobs of (\w+)[^>]*-->\n).*?(<!-- end -->)", re.DOTALL)
TRAINING, LEARNING = ("sft", "rm", "dpo"), ("ppo", "rloo")
ABOVE = {"ppo": ("rollouts",), "rloo": ("rollouts",), "best_of_n": ("rollouts",), "rollouts": ("training",)}


def with_tables(text: str) -> str:
    """The guide with every table as the knobs are now."""
    return TABLE.sub(lambda found: found[1] + table(found[2]) + found[3], text)


def table(kind: str) -> str:
    """What is the kind's own; under `training` and `rollouts`, what the trainers of either kind share."""
    lines = [f"| `{knob.name}` | {f'`{knob.default}`' if knob.default else ''} | {knob.help} |" for knob in own(kind)]
    return "\n".join(["| knob | default | |", "|---|---|---|", *lines, ""])


def own(kind: str) -> list[Description]:
    """What is not in a table above it."""
    above = ABOVE.get(kind, () if kind == "training" else ("training",))
    told = [knob for name in above for knob in [*own(name), *(own("training") if name == "rollouts" else ())]]
    return [knob for knob in all_of(kind) if knob not in told]


def all_of(kind: str) -> list[Description]:
    kinds = {"training": TRAINING, "rollouts": LEARNING}.get(kind, (kind,))
    return [knob for knob in knobs.describe(kinds[0]) if all(knob in knobs.describe(other) for other in kinds)]


if __name__ == "__main__":
    for guide in (GUIDE, LEARNING_GUIDE):
        guide.write_text(with_tables(guide.read_text(encoding="utf-8")), encoding="utf-8")
