"""Rankings as tokens without padding: many prompts in one row, `[prompt 1][answer 11][answer 12]…[prompt 2]…`.

A model that is causal reads each prompt once for all of its answers: position ids start again after the prompt, and
`attention` lets an answer see its prompt and itself. That costs P + K·A tokens a prompt, where the C(K, 2) pairs of
a ranking cost K·(K - 1)·(P + A). Scores and log-probabilities, and their gradients, are those of each conversation
alone (`sharing` says for which models). An encoder gets a copy of the prompt for every answer (`share=False`).

`hidden`, `scores` and `answer_log_probs` want the model itself or its PEFT wrapper, not that of a distributed
trainer: they call its parts, so such a wrapper goes around the module whose `forward` calls them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from peft import PeftModel
from torch import Tensor

from training.ml.packed import attention, narrowing
from training.ml.packed.attention import Block, Layout

POSITIONS_AFTER_PADDING = {"roberta", "roberta-prelayernorm", "xlm-roberta", "xlm-roberta-xl", "camembert"}


@dataclass(frozen=True, kw_only=True)
class Packed:
    """T tokens in a row, R answers, S tokens in these answers. Indices are into the row."""

    ids: Tensor  # (1, T)
    positions: Tensor  # (1, T) from 0 at each conversation's beginning
    layout: Layout
    starts: Tensor  # (R,) the first token of each answer's conversation
    ends: Tensor  # (R,) the last token of each answer
    predictors: Tensor  # (S,) the token after which each answer token is predicted: the prompt's last for the first
    targets: Tensor  # (S,) the answer tokens themselves
    owners: Tensor  # (S,) which answer each of them belongs to, 0 to R - 1

    @property
    def answers(self) -> int:
        return len(self.ends)


def pack(items: Sequence[tuple[list[int], list[list[int]]]], *, share: bool, device: Any) -> Packed:
    """Prompts with their answers, as tokens, into one row; answers keep their order.

    Raises:
        ValueError: no item, or an empty prompt or answer.
    """
    check(items)
    row = Row()
    for prompt, answers in items:
        for together in [answers] if share else [[answer] for answer in answers]:
            row.add(prompt, together, shared=share)
    return row.packed(device)


def check(items: Sequence[tuple[list[int], list[list[int]]]]) -> None:
    if not items:
        raise ValueError("nothing to pack: no prompt was given")
    if not all(prompt and answers and all(answers) for prompt, answers in items):
        raise ValueError("a prompt without answers, or an empty prompt or answer, cannot be packed")


class Row:
    """A row that grows by one prompt with its answers at a time."""

    def __init__(self) -> None:
        self.ids: list[int] = []
        self.positions: list[int] = []
        self.blocks: list[Block] = []
        self.numbers: dict[str, list[int]] = {
            name: [] for name in ("starts", "ends", "predictors", "targets", "owners")
        }

    def add(self, prompt: list[int], answers: list[list[int]], *, shared: bool) -> None:
        """One block; without `shared` of a single conversation."""
        start = len(self.ids)
        self.extend(prompt, position=0)
        for answer in answers:
            self.point(answer, start=start, after=start + len(prompt) - 1)
            self.extend(answer, position=len(prompt))
        lengths = tuple(map(len, answers))
        self.blocks.append(
            Block(prompt=len(prompt), answers=lengths) if shared else Block(prompt=len(self.ids) - start)
        )

    def extend(self, tokens: list[int], *, position: int) -> None:
        self.ids += tokens
        self.positions += range(position, position + len(tokens))

    def point(self, answer: list[int], *, start: int, after: int) -> None:
        """Note where an answer that is about to be added stands; its first token is predicted at `after`."""
        begin, end = len(self.ids), len(self.ids) + len(answer) - 1
        numbers = self.numbers
        numbers["owners"] += [len(numbers["ends"])] * len(answer)
        numbers["predictors"] += [after, *range(begin, end)]
        numbers["targets"] += answer
        numbers["starts"].append(start)
        numbers["ends"].append(end)

    def packed(self, device: Any) -> Packed:
        return Packed(
            ids=torch.tensor([self.ids], device=device),
            positions=torch.tensor([self.positions], device=device),
            layout=Layout(tuple(self.blocks)),
            **{name: torch.tensor(numbers, device=device) for name, numbers in self.numbers.items()},
        )


def hidden(model: Any, packed: Packed, *, at: Tensor) -> Tensor:
    """The backbone's last hidden states at these places of the row, and no others: (N,) -> (N, D)."""
    backbone = plain(model).base_model
    with narrowing.only(backbone, at):
        return row(backbone, packed, input_ids=packed.ids)[0, at]


def row(backbone: Any, packed: Packed, **read: Tensor) -> Tensor:
    """What the backbone makes of a row: (1, T, D). `read`: its tokens, or what stands for them."""
    first = backbone.config.pad_token_id + 1 if backbone.config.model_type in POSITIONS_AFTER_PADDING else 0
    with attention.over(backbone, packed.layout):
        return backbone(position_ids=packed.positions + first, use_cache=False, **read).last_hidden_state


def plain(model: Any) -> Any:
    """The transformers model in a PEFT wrapper; its adapters stay as they are, on or off."""
    return model.get_base_model() if isinstance(model, PeftModel) else model


def scores(model: Any, packed: Packed) -> Tensor:
    """The reward of each answer, as `model(ids).logits` of its conversation alone gives it: (R,)."""
    classifier = plain(model)
    at = packed.ends if "score" in dict(classifier.named_children()) else packed.starts
    return head(classifier, hidden(model, packed, at=at)).squeeze(-1)


def head(classifier: Any, states: Tensor) -> Tensor:
    """(R, D) to (R, 1) by the head of a sequence classifier: decoders read the last token, encoders the first.

    Raises:
        UnsupportedAttention: a head of a kind that is not known here.
    """
    parts = dict(classifier.named_children())
    pooler = dict(classifier.base_model.named_children()).get("pooler")
    if "score" in parts:
        return classifier.score(states)
    if "classifier" not in parts:
        raise attention.UnsupportedAttention(f"{type(classifier).__name__} has no head that is known here")
    first = states[:, None]  # (R, 1, D)
    if pooler is not None:  # BERT
        return classifier.classifier(classifier.dropout(pooler(first)))
    if "pre_classifier" in parts:  # DistilBERT
        return classifier.classifier(classifier.dropout(F.relu(classifier.pre_classifier(first[:, 0]))))
    return classifier.classifier(first)  # RoBERTa, ELECTRA: the head takes the first token itself


def answer_log_probs(model: Any, packed: Packed, *, temperature: float = 1.0) -> Tensor:
    """The sum of the log-probabilities of each answer's tokens given its prompt: (R,), in float32 at least.

    Logits exist only where an answer's token is predicted: (S, V) instead of (T, V).
    """
    states = hidden(model, packed, at=packed.predictors)  # (S, D)
    logits = plain(model).get_output_embeddings()(states)  # (S, V)
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32)) / temperature
    found = -F.cross_entropy(logits, packed.targets, reduction="none")  # (S,)
    return found.new_zeros(packed.answers).index_add(0, packed.owners, found)
