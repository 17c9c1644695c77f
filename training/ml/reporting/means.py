"""A mean with its interval. Torch-free.

95 %, percentile bootstrap (Efron 1979) over prompts: of each prompt there is one number.
"""

from collections.abc import Sequence

import numpy as np

DRAWS, LEVEL = 2000, 0.95


def interval(values: Sequence[float], *, seed: int) -> tuple[float, float]:
    """Of the mean. With one seed and one n the same prompts are drawn, whatever the values are of."""
    generator = np.random.default_rng(seed)
    listed = np.array(values)  # (P,)
    drawn = generator.integers(0, len(listed), size=(DRAWS, len(listed)))  # (D, P)
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(listed[drawn].mean(1), [tail, 1 - tail])
    return float(low), float(high)
