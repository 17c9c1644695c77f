"""Has the model given up telling answers apart? Torch-free.

    collapsed  if  max |score(a) - score(b)| < 1e-6 over all pairs          all answers to a prompt score the same
               or  std of all scores < 1e-3 · mean |score|                  no answer scores unlike any other

The second bound is a matter of precision: scores in bf16 are rounded to 2⁻⁹ of their size, so what lies closer than
a thousandth is noise there, and a head that adds one large number to everything has learnt nothing.
"""

from collections.abc import Sequence

import numpy as np

EQUAL = 1e-6
NARROW = 1e-3


def collapsed(scores: Sequence[tuple[float, float]], *, zero: float = 0.0) -> bool:
    """`scores`: of each pair's two answers. Without any, nothing is known and nothing has collapsed.

    `zero`: what was taken off all scores to centre them; how near they lie is asked of their size before.
    """
    if not len(scores):
        return False
    both = np.array(scores, dtype=float) + zero  # (N, 2)
    if np.abs(both[:, 0] - both[:, 1]).max() < EQUAL:
        return True
    return bool(both.std() < NARROW * np.abs(both).mean())
