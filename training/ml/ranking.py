"""Training on rankings: one element of the data is a batch of prompts, each with all that was said of its answers.

`plan` draws the batches of the whole run beforehand; `RankingTrainer` takes them in order, so that a resumed run sees
what an undisturbed one does. The loss of an optimiser step is a weighted mean over its comparisons, however many
batches and processes share it. Used by `reward` and `dpo`.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice, repeat
from typing import Any

import torch
from torch import Tensor, nn
from transformers import Trainer, TrainingArguments

from training.exceptions import InvalidRelease, RunFailed
from training.ml import losses, scoring
from training.ml.data import batches
from training.ml.data.batches import Item
from training.ml.data.groups import Group
from training.ml.knobs import RankingKnobs
from training.ml.packed import packing, sharing
from training.ml.run import loop, sharding
from training.ml.run.environment import processes
from training.ml.run.jobs import Job

Batch = Sequence[Item]
Loss = Callable[[Any, Batch, Tensor], Tensor]  # model, batch, weight of the whole optimiser step () -> ()
Weight = Callable[[Batch], float]  # what the loss of a batch weighs in its step
APART = 1_000_003  # between the seeds of two epochs: farther than users' seeds are


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How a model reads a batch; `why_not`: in one clause, why prompts are read once for each of their answers."""

    packed: bool  # in one row without padding
    shared: bool  # a prompt once for all of its answers
    why_not: str | None
    pad: int

    def scores(self, model: Any, batch: Batch) -> Tensor:
        """The reward of each answer, with gradients: (R,)."""
        if self.packed:
            return packing.scores(model, self.row(batch, device=model.device))
        conversations = [item.prompt + answer for item in batch for answer in item.answers]
        ids, mask = scoring.padded(conversations, pad=self.pad, device=model.device)  # (R, T)
        return model(input_ids=ids, attention_mask=mask).logits.squeeze(-1)

    def row(self, batch: Batch, *, device: Any) -> packing.Packed:
        return packing.pack([(item.prompt, item.answers) for item in batch], share=self.shared, device=device)

    def tokens(self, batch: Batch) -> int:
        """What the model computes, padding with it."""
        if self.packed:
            return sum(item.size(shared=self.shared) for item in batch)
        return max(item.longest for item in batch) * sum(len(item.answers) for item in batch)


def reading(job: Job[Any], model: Any) -> Reading:
    """Asked of the model before adapters are put around it."""
    longest = job.encoder.max_length
    packed = sharing.packable(model, longest=longest)
    why_not = sharing.obstacle(model.config, longest=longest)
    if not packed and why_not is None:
        why_not = "its attention cannot be replaced by one over packed rows"
    return Reading(packed=packed, shared=why_not is None, why_not=why_not, pad=job.pad)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The batches of the whole run, in order, and the items that they were drawn from."""

    batches: list[list[Item]]
    items: list[Item]
    split_prompts: int
    max_tokens: int
    epochs: float
    reading: Reading

    def describe(self) -> dict[str, Any]:
        """For the report: `batches` and `padding_share` of the whole run, all else of one pass over the data.

        `token_ceiling`: the tokens of the comparisons as pairs over those of the prompts with their answers, which is
        how many times faster no padding, no second reading of an answer and no second one of a prompt can be.
        """
        drawn = [batch for batch in self.batches if any(item.share for item in batch)]
        needed = sum(item.size(shared=self.reading.shared) for batch in drawn for item in batch)
        tokens = sum(item.size(shared=self.reading.shared) for item in self.items)
        return {
            "prompts": len(self.items),
            "responses": sum(len(item.answers) for item in self.items),
            "comparisons": sum(len(item.edges) for item in self.items),
            "batches": len(drawn),
            "split_prompts": self.split_prompts,
            "prompts_read_once": self.reading.shared,
            "why_not": self.reading.why_not,
            "tokens": tokens,
            "padding_share": round(1 - needed / sum(map(self.reading.tokens, drawn)), 6),
            "token_ceiling": round(sum(map(expanded, self.items)) / tokens, 6),
        }

    def resolved(self) -> dict[str, Any]:
        """The trainer knows of one pass over all batches only."""
        return {"epochs": self.epochs, "max_tokens": self.max_tokens}

    def warnings(self) -> list[str]:
        if self.reading.why_not is None:
            return []
        return [f"with this base a prompt is read again for each of its answers: {self.reading.why_not}"]


def expanded(item: Item) -> int:
    """Tokens of the item's comparisons as pairs, each with two copies of the prompt."""
    return sum(
        2 * len(item.prompt) + len(item.answers[edge.better]) + len(item.answers[edge.worse]) for edge in item.edges
    )


def encode(job: Job[Any], found: Sequence[Group], *, knobs: RankingKnobs) -> list[Item]:
    """The groups as tokens. Ties to be dropped go here: later they would take part of their prompt's weight along.

    Raises:
        InvalidRelease: the labels are to be a consensus, and the release has none.
    """
    if knobs.labels == "consensus" and not any(group.agreed for group in found):
        raise InvalidRelease("labels=consensus: this release has none; export it again with --labels consensus")
    return batches.encode(
        found, encoder=job.encoder, labels=knobs.labels, margin=knobs.margin, ties=knobs.ties != "drop"
    )


def plan(job: Job[Any], items: Sequence[Item], *, knobs: RankingKnobs, epochs: float, how: Reading) -> Plan:
    """Every epoch in an order of its own, by the seed.

    Each process takes a batch of a step; where the last step has fewer, copies that weigh nothing fill it up.
    """
    max_tokens = knobs.max_tokens or 2 * knobs.batch_size * job.encoder.max_length
    most = knobs.max_steps * knobs.accumulate * processes() if knobs.max_steps else None
    drawn: list[list[Item]] = []
    split_prompts = 0
    for epoch, share in enumerate(shares_of(epochs) if most is None else repeat(1.0)):
        found = batches.plan(
            items,
            budget=max_tokens,
            most=knobs.batch_size,
            seed=job.config.seed + APART * epoch,
            shared=how.shared,
        )
        drawn += found.batches[: math.ceil(share * len(found.batches))]
        split_prompts = found.split_prompts
        if most is not None and len(drawn) >= most:
            break
    return Plan(
        batches=filled(drawn[:most], processes()),
        items=list(items),
        split_prompts=split_prompts,
        max_tokens=max_tokens,
        epochs=epochs,
        reading=how,
    )


def shares_of(epochs: float) -> Iterator[float]:
    """How much of each epoch is trained on: of 2.5 epochs all, all and half."""
    whole = int(epochs)
    return chain(repeat(1.0, whole), [epochs - whole] if epochs > whole else [])


def filled(drawn: list[list[Item]], count: int) -> list[list[Item]]:
    """Batches to a multiple of `count`, the processes."""
    return [*drawn, *([silent(item) for item in drawn[0]] for _ in range(-len(drawn) % count))]


def silent(item: Item) -> Item:
    """The item with a weight of 0: its process has something to compute and nothing to say."""
    return replace(
        item,
        share=0.0,
        edges=[replace(edge, weight=0.0) for edge in item.edges],
        rankings=[(ranking, 0.0) for ranking, _ in item.rankings],
        criteria={},
    )


def arguments(job: Job[Any], *, batches: int, learning_rate: float) -> TrainingArguments:
    """One pass over the planned batches, in their order."""
    return TrainingArguments(
        **loop.shared(job, steps=steps_of(job, batches), learning_rate=learning_rate),
        num_train_epochs=1,
        per_device_train_batch_size=1,
        train_sampling_strategy="sequential",
        remove_unused_columns=False,
    )


def steps_of(job: Job[Any], batches: int) -> int:
    """Optimiser steps of one pass over so many batches."""
    return math.ceil(batches / (processes() * job.knobs.accumulate))


class RankingTrainer(Trainer):
    """Changes what a batch is and how its loss is computed; the loop, checkpoints and devices are transformers'.

    `loss` is called with the plain model (or its PEFT wrapper), a batch, and what `weight` gives for all batches of
    the optimiser step together; the losses of these batches add up to that of the step.

    Raises:
        RunFailed: several GPUs and one process.
    """

    loss_is_scaled_for_ga = True

    def __init__(
        self, *, model: Any, args: TrainingArguments, batches: Sequence[Batch], loss: Loss, weight: Weight
    ) -> None:
        if args.n_gpu > 1:
            raise RunFailed(
                f"this machine has {args.n_gpu} GPUs: use them with --launcher accelerate, or one of them with "
                "CUDA_VISIBLE_DEVICES=0"
            )
        sharding.on_cpus_too()
        super().__init__(model=model, args=args, train_dataset=list(batches), data_collator=only)
        sharding.keep_loss_exact(self.accelerator)
        self.loss = loss
        self.weight = weight
        self.tokens = 0

    def get_batch_samples(
        self, epoch_iterator: Iterator[dict[str, Batch]], num_batches: int, device: Any
    ) -> tuple[list[dict[str, Batch]], Tensor]:
        """This process's batches of one optimiser step, and the weight of the step over all processes."""
        samples = list(islice(epoch_iterator, num_batches))
        parts = [self.weight(sample["items"]) for sample in samples]
        whole = torch.tensor(sum(parts), dtype=losses.precise(device), device=device)
        return samples, self.accelerator.reduce(whole)

    def compute_loss(
        self, model: Any, inputs: dict[str, Batch], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Tensor:
        """The batch's part of the step's loss, times the processes over which gradients are averaged."""
        self.tokens += sum(item.tokens for item in inputs["items"])

        def compute(plain: Any, items: Batch) -> Tensor:
            # The step's weight is no input of the wrapper: FSDP would round it to the precision it computes in.
            return self.loss(plain, items, num_items_in_batch)

        with self.accelerator.autocast():  # else only around the forward that `through` replaces
            found = through(model, self.model, compute, inputs["items"])
        return found * self.accelerator.num_processes

    def log(self, logs: dict[str, float], *args: Any, **kwargs: Any) -> None:
        """With the tokens of this process since the last line."""
        if "loss" in logs:
            logs = logs | {"tokens": self.tokens}
            self.tokens = 0
        super().log(logs, *args, **kwargs)


def only(elements: Sequence[Batch]) -> dict[str, Batch]:
    """An element is a whole batch already."""
    (items,) = elements
    return {"items": items}


def through(wrapper: Any, model: Any, compute: Callable[..., Tensor], *inputs: Any) -> Tensor:
    """`compute(model, *inputs)` as if it were the model's own forward.

    What is computed from a model's parts would pass by the wrapper (DDP) or the hooks (FSDP) that put gradients and
    shards together.
    """
    own = {name: value for name, value in vars(model).items() if name == "forward"}  # accelerate sets one

    def restore() -> None:
        vars(model).pop("forward", None)
        vars(model).update(own)

    def forward(*arguments: Any) -> Tensor:
        restore()  # `compute` may call the model
        return compute(model, *arguments)

    model.forward = forward
    try:
        return wrapper(*inputs)
    finally:
        restore()


def without_dropout(model: nn.Module) -> nn.Module:
    """The model, in place, with every dropout at 0: rewards and log-probabilities of one text must be one number."""
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
        if isinstance(getattr(module, "attention_dropout", None), float):
            module.attention_dropout = 0.0  # Llama's and its like: a number, no module
    return model
