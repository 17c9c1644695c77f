"""What a report says of knobs that had nothing to work on."""

import pytest

from training.ml import knobs, preferences
from training.ml.data.pairs import Pair, Pairs


@pytest.mark.parametrize("kind", ["rm", "dpo"])
@pytest.mark.parametrize(
    ("margin", "strength", "warned"), [("strength", None, 1), ("strength", 2, 0), ("off", None, 0)]
)
def test_margins_of_strengths_that_nobody_gave_are_told(kind, margin, strength, warned):
    pair = Pair(prompt=(("user", "Why?"),), chosen="So.", rejected="No.", strength=strength)
    found = Pairs(train=[pair], held_out=[], train_ties=0, held_out_ties=0)
    warnings = preferences.idle_knobs(knobs.parse(kind, {"margin": margin}), found)
    assert len(warnings) == warned
    assert all("margin=strength changed nothing" in warning for warning in warnings)
