"""Accuracy on training pairs beside that on held-out ones: how much was learnt by heart. Torch-free.

Of the training pairs a sample is scored, whole prompts drawn by the seed until `MOST` answers are to be read, so that
the cost stays small however large a release is. Both accuracies are counted alike, with the interval by prompt of
`evaluation`. Left out: the accuracy during training, which follows the moving model.
"""

import random
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from training.ml.data.pairs import Pair, Prompt
from training.ml.reporting import evaluation

MOST = 400  # answers; ours


def sample(pairs: Sequence[Pair], *, seed: int) -> list[Pair]:
    """All pairs of prompts drawn at random, until they have `MOST` answers or none is left."""
    by_prompt: dict[Prompt, list[Pair]] = defaultdict(list)
    for pair in pairs:
        by_prompt[pair.prompt].append(pair)
    prompts = list(by_prompt)
    random.Random(seed).shuffle(prompts)  # noqa: S311 - a sample, no secret
    drawn: list[Pair] = []
    answers = 0
    for prompt in prompts:
        if answers >= MOST:
            break
        drawn += by_prompt[prompt]
        answers += len({text for pair in by_prompt[prompt] for text in (pair.chosen, pair.rejected)})
    return drawn


def accuracies(
    *, held_out: dict[str, Any], sampled: Sequence[Pair], margins: Sequence[float], of: int, seed: int
) -> dict[str, Any]:
    """`{"test": …, "train": …}`, each as `evaluation.accuracy`; `of_pairs`: how many its pairs were drawn from."""
    train = evaluation.accuracy(evaluation.outcomes_of(sampled, margins=margins), seed=seed)
    return {"test": held_out | {"of_pairs": held_out["n_pairs"]}, "train": train | {"of_pairs": of}}
