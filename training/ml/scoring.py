"""Rewards and log-probabilities of conversations: tokens in, numbers out, for training, evaluation and RL alike.

Sequences are padded on the right with the tokenizer's own padding token and batched by length, so that a score does
not hang on its neighbours in the batch (beyond the last bits of floating point).
"""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention

from training.ml.data.conversations import Tokens

BATCH = 32
NO_LABEL = -100


def score(model: Any, sequences: Sequence[list[int]], *, pad: int, batch_size: int = BATCH) -> list[float]:
    """The reward of each sequence of tokens, in their order; of a model with several heads that of the first."""
    return [rewards[0] for rewards in by_head(model, sequences, pad=pad, batch_size=batch_size)]


def by_head(
    model: Any, sequences: Sequence[list[int]], *, pad: int, batch_size: int = BATCH
) -> list[tuple[float, ...]]:
    """What each head says of each sequence of tokens, in their order: N times H."""
    scores: list[tuple[float, ...]] = [()] * len(sequences)
    with evaluating(model):
        for indices in by_length(sequences, batch_size=batch_size):
            input_ids, mask = padded([sequences[i] for i in indices], pad=pad, device=model.device)  # (B, T)
            rewards = model(input_ids=input_ids, attention_mask=mask).logits  # (B, H)
            for i, reward in zip(indices, rewards.float().tolist(), strict=True):
                scores[i] = tuple(reward)
    return scores


def answer_log_probs(model: Any, examples: Sequence[Tokens], *, pad: int, batch_size: int = 16) -> list[float]:
    """The sum of the log-probabilities of each answer's tokens given its prompt, in their order."""
    sums = [0.0] * len(examples)
    sequences = [example.ids for example in examples]
    with evaluating(model):
        for indices in by_length(sequences, batch_size=batch_size):
            input_ids, mask = padded([sequences[i] for i in indices], pad=pad, device=model.device)  # (B, T)
            labels = input_ids.masked_fill(mask == 0, NO_LABEL)
            for place, i in enumerate(indices):
                labels[place, : len(examples[i].prompt)] = NO_LABEL
            logits = model(input_ids=input_ids, attention_mask=mask).logits.float()  # (B, T, V)
            losses = F.cross_entropy(  # (B, T - 1)
                logits[:, :-1].transpose(1, 2), labels[:, 1:], ignore_index=NO_LABEL, reduction="none"
            )
            for i, loss in zip(indices, losses.sum(1).tolist(), strict=True):
                sums[i] = -loss
    return sums


class evaluating:  # noqa: N801 - reads as a statement
    """No gradients and no dropout in the block; the model's mode is put back."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.gradients = torch.no_grad()

    def __enter__(self) -> None:
        self.was_training = self.model.training
        self.model.eval()
        self.gradients.__enter__()

    def __exit__(self, *exception: Any) -> None:
        self.gradients.__exit__(*exception)
        self.model.train(self.was_training)


def by_length(sequences: Sequence[Sequence[int]], *, batch_size: int) -> Iterator[list[int]]:
    """Indices in batches of similar length, longest first: if memory runs out, it does so at once."""
    order = sorted(range(len(sequences)), key=lambda i: (-len(sequences[i]), i))
    for start in range(0, len(order), batch_size):
        yield order[start : start + batch_size]


def padded(sequences: Sequence[Sequence[int]], *, pad: int, device: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids and attention mask, padded on the right: (B, T) each."""
    longest = max(map(len, sequences))
    ids = [[*sequence, *[pad] * (longest - len(sequence))] for sequence in sequences]
    mask = [[1] * len(sequence) + [0] * (longest - len(sequence)) for sequence in sequences]
    return torch.tensor(ids, device=device), torch.tensor(mask, device=device)
