"""Batches of rankings and the trainer over them: what a step's gradient is, however it is cut up."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import peft
import pytest
import torch
from torch import Tensor, nn
from transformers import LlamaConfig, MistralConfig, PrinterCallback, TrainingArguments

from tests.training.ml import tiny_models
from training.exceptions import RunFailed
from training.ml import ranking
from training.ml.data import batches
from training.ml.data.batches import Item
from training.ml.data.groups import Edge
from training.ml.knobs import RewardKnobs
from training.ml.ranking import Plan, RankingTrainer, Reading
from training.ml.reward import RewardLoss
from training.ml.run.jobs import Job

pytestmark = pytest.mark.training

OpensJob = Callable[..., Job[Any]]

PACKED = Reading(packed=True, shared=True, why_not=None, pad=0)
PADDED = Reading(packed=False, shared=False, why_not="because", pad=0)


def item(prompt: list[int], answers: list[list[int]]) -> Item:
    """Answers ranked in their order."""
    return Item(
        prompt=prompt,
        answers=answers,
        edges=[
            Edge(better=better, worse=worse, tie=False, margin=0.0, weight=1.0)
            for better, worse in combinations(range(len(answers)), 2)
        ],
        rankings=[(tuple((i,) for i in range(len(answers))), 1.0)],
    )


def items(seed: int, *, answers: tuple[int, ...] = (2, 5, 3)) -> list[Item]:
    return [item(prompt, found) for prompt, found in tiny_models.items(seed, answers=answers)]


def arguments(directory: Path, *, accumulate: int, **options: Any) -> TrainingArguments:
    """Plain gradient descent, so that a step of the weights is the gradient."""
    plain: dict[str, Any] = {
        "optim": "sgd",
        "learning_rate": 0.1,
        "lr_scheduler_type": "constant",
        "max_grad_norm": 0.0,
        "max_steps": 1,
        "gradient_accumulation_steps": accumulate,
        "per_device_train_batch_size": 1,
        "train_sampling_strategy": "sequential",
        "remove_unused_columns": False,
        "use_cpu": True,
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "logging_steps": 1,
    }
    return TrainingArguments(str(directory), **plain | options)


def trained(
    directory: Path,
    cut: Sequence[Sequence[Item]],
    *,
    model: Any,
    values: RewardKnobs = RewardKnobs(),  # noqa: B008 - frozen
    **options: Any,
) -> RankingTrainer:
    """After one optimiser step over all these batches."""
    loss = RewardLoss(knobs=values, reading=PACKED)
    trainer = RankingTrainer(
        model=model,
        args=arguments(directory, accumulate=len(cut), **options),
        batches=cut,
        loss=loss,
        weight=loss.weight,
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    return trainer


def weights(model: nn.Module) -> Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters() if parameter.requires_grad])


def llama(dtype: torch.dtype = torch.float64) -> Any:
    return tiny_models.classifier(tiny_models.DECODERS["llama"](), dtype)


def gradient(loss: Tensor, model: nn.Module) -> Tensor:
    found = torch.autograd.grad(loss, [p for p in model.parameters() if p.requires_grad], allow_unused=True)
    return torch.cat([part.flatten() for part in found if part is not None])


def loss_of_pairs(model: Any, found: Sequence[Item], *, centering: float) -> Tensor:
    """InstructGPT's loss as it is written: every comparison by itself, its two conversations read alone."""
    total = torch.zeros((), dtype=torch.float64)
    for one in found:
        for edge in one.edges:
            better, worse = (
                model(torch.tensor([one.prompt + one.answers[i]])).logits.squeeze() for i in (edge.better, edge.worse)
            )
            loss = -nn.functional.logsigmoid(better - worse) + centering * (better + worse) ** 2
            total = total + loss / len(one.edges) / len(found)
    return total


@pytest.mark.parametrize(("name", "shared"), [("llama", True), ("gpt2", True), ("bert", False)])
def test_a_batch_has_the_loss_and_the_gradient_of_its_pairs_each_read_alone(name: str, shared: bool) -> None:
    config = (tiny_models.DECODERS | tiny_models.ENCODERS)[name]()
    model = tiny_models.classifier(config, torch.float64)
    found = items(3, answers=(2, 6, 3))
    loss = RewardLoss(knobs=RewardKnobs(centering=0.3), reading=replace(PACKED, shared=shared))
    packed = loss(model, found, torch.tensor(loss.weight(found)))
    alone = loss_of_pairs(model, found, centering=0.3)
    assert packed.item() == pytest.approx(alone.item(), rel=1e-12)
    expected = gradient(alone, model)
    assert (gradient(packed, model) - expected).norm() <= 1e-10 * expected.norm()


@pytest.mark.parametrize("weighting", ["prompt", "comparison"])
def test_a_step_is_the_same_however_it_is_cut_into_batches(tmp_path: Path, weighting: str) -> None:
    found = items(5, answers=(9, 2, 4))
    values = RewardKnobs(weighting=weighting, centering=0.2)
    cut = batches.plan(found, budget=45, most=2, seed=1)
    assert cut.split_prompts == 2
    assert len(cut.batches) > 4
    start = weights(llama())
    whole = weights(trained(tmp_path, [found], model=llama(), values=values).model)
    parts = weights(trained(tmp_path, cut.batches, model=llama(), values=values).model)
    assert (whole - start).norm() > 1e-3
    assert (parts - whole).norm() <= 1e-10 * (whole - start).norm()


@pytest.mark.filterwarnings("ignore:.*gradient_checkpointing:FutureWarning")  # peft's, as in builders.train
def test_gradient_checkpointing_under_lora_changes_no_gradient(tmp_path: Path) -> None:
    moved = []
    for checkpointed in (False, True):
        torch.manual_seed(1)
        adapters = peft.LoraConfig(target_modules="all-linear", task_type="SEQ_CLS", init_lora_weights=False)
        model = peft.get_peft_model(llama(torch.float32), adapters)
        start = weights(model)
        trainer = trained(tmp_path, [items(7)], model=model, activation_checkpointing=checkpointed)
        moved.append(weights(trainer.model) - start)
    assert moved[0].norm() > 1e-3
    assert (moved[0] - moved[1]).norm() <= 1e-5 * moved[0].norm()


def test_bf16_computes_in_bf16_and_keeps_the_weights_in_fp32(tmp_path: Path) -> None:
    seen: list[torch.dtype] = []

    def loss(model: Any, found: Sequence[Item], total: Tensor) -> Tensor:
        scores = PACKED.scores(model, found)
        seen.append(scores.dtype)
        return scores.float().sum() / total

    trainer = RankingTrainer(
        model=llama(torch.float32),
        args=arguments(tmp_path, accumulate=1, bf16=True),
        batches=[items(1)],
        loss=loss,
        weight=len,
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    assert seen == [torch.bfloat16]
    assert {parameter.dtype for parameter in trainer.model.parameters()} == {torch.float32}


def test_a_line_of_metrics_tells_loss_rate_norm_and_tokens(tmp_path: Path) -> None:
    found = items(2)
    (line,) = [
        line for line in trained(tmp_path, [found[:1], found[1:]], model=llama()).state.log_history if "loss" in line
    ]
    expected = loss_of_pairs(llama(), found, centering=0.01).item()
    assert line["loss"] == pytest.approx(expected, rel=1e-5)
    assert line["tokens"] == sum(one.tokens for one in found)
    assert line["learning_rate"] == 0.1
    assert line["grad_norm"] > 0


def test_several_gpus_and_one_process_are_refused(tmp_path: Path) -> None:
    several = arguments(tmp_path, accumulate=1)
    assert several.n_gpu == 0
    several._n_gpu = 2
    with pytest.raises(RunFailed, match="2 GPUs: use them with --launcher accelerate"):
        RankingTrainer(model=llama(), args=several, batches=[items(1)], loss=None, weight=len)  # type: ignore[arg-type]


class Wrapper(nn.Module):
    """As DDP: what it must see is its own forward called, and through it the module's."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module
        self.calls = 0

    def forward(self, *inputs: Any) -> Any:
        self.calls += 1
        return self.module(*inputs)


def test_a_loss_is_computed_inside_the_forward_of_what_wraps_the_model() -> None:
    model = nn.Linear(2, 1)
    wrapper = Wrapper(model)
    hooked: list[str] = []
    model.register_forward_hook(lambda *_: hooked.append("hook"))
    found = ranking.through(wrapper, model, lambda inner, x: inner(x).sum() + 1, torch.ones(1, 2))
    assert found.item() == pytest.approx(model(torch.ones(1, 2)).item() + 1)
    assert wrapper.calls == 1
    assert hooked == ["hook"] * 3  # in the loss, after the loss, and in the line before this one
    assert "forward" not in vars(model)


def test_a_loss_that_fails_leaves_the_model_its_own_forward() -> None:
    model = nn.Linear(2, 1)
    own = model.forward = lambda x: x + 7  # as accelerate's autocast
    with pytest.raises(ZeroDivisionError):
        ranking.through(model, model, lambda inner: 1 / 0)
    assert model.forward is own
    assert ranking.through(model, model, lambda inner, x: inner(x) * 2, 1) == 16


@pytest.mark.parametrize("name", ["bert", "gpt2", "llama"])
def test_without_dropout_a_text_has_one_score_in_training_too(name: str) -> None:
    config = (tiny_models.DECODERS | tiny_models.ENCODERS)[name]()
    for rate in ("attention_probs_dropout_prob", "hidden_dropout_prob", "attn_pdrop", "resid_pdrop", "embd_pdrop"):
        setattr(config, rate, 0.5)
    config.attention_dropout = 0.5
    model = tiny_models.classifier(config).train()
    ids = torch.tensor([[5, 6, 7, 8]])
    assert len({model(ids).logits.item() for _ in range(4)}) > 1
    ranking.without_dropout(model)
    assert len({model(ids).logits.item() for _ in range(4)}) == 1


def planned(job: Job[Any], found: Sequence[Item], *, how: Reading = PACKED) -> Plan:
    return ranking.plan(job, found, knobs=job.knobs, epochs=job.knobs.epochs, how=how)


def prompts(drawn: Sequence[Sequence[Item]]) -> list[int]:
    """Which prompts, by their first token."""
    return [one.prompt[0] for batch in drawn for one in batch]


MANY = [item([number], [[1, 2], [3]]) for number in range(40)]


def test_every_epoch_holds_every_prompt_once_in_an_order_of_its_own(reward_job: OpensJob) -> None:
    job = reward_job(epochs="2.5")
    found = planned(job, MANY)
    assert len(found.batches) == 5 + 5 + 3
    first, second = prompts(found.batches[:5]), prompts(found.batches[5:10])
    assert sorted(first) == sorted(second) == list(range(40))
    assert first != second
    assert len(set(prompts(found.batches[10:]))) == 24
    assert prompts(planned(job, MANY).batches) == prompts(found.batches)
    assert found.resolved() == {"epochs": 2.5, "max_tokens": 2 * 8 * 128}


@pytest.mark.parametrize(("max_steps", "count"), [("2", 6), ("9", 27)])
def test_max_steps_ends_within_an_epoch_or_goes_on_beyond_the_last(
    reward_job: OpensJob, max_steps: str, count: int
) -> None:
    job = reward_job(max_steps=max_steps, accumulate="3")
    found = planned(job, MANY)
    assert len(found.batches) == count
    assert ranking.arguments(job, batches=count, learning_rate=1e-3).max_steps == int(max_steps)


def test_max_tokens_bounds_a_batch_and_splits_a_prompt(reward_job: OpensJob) -> None:
    job = reward_job(max_tokens="32")
    tournament = item([9] * 10, [[n] * 5 for n in range(1, 9)])
    found = planned(job, [*MANY, tournament])
    assert max(sum(one.tokens for one in batch) for batch in found.batches) <= 32
    assert found.describe()["split_prompts"] == 1
    parts = [one for batch in found.batches for one in batch if len(one.prompt) == 10]
    assert sum(len(one.edges) for one in parts) == 28
    assert sum(one.share for one in parts) == pytest.approx(1)


def test_a_process_without_a_batch_of_its_own_gets_one_that_weighs_nothing(
    reward_job: OpensJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "4")
    job = reward_job()
    found = planned(job, MANY)
    assert len(found.batches) == 8
    assert found.describe()["batches"] == 5
    model = llama()
    for values in (RewardKnobs(), RewardKnobs(loss="plackett-luce", weighting="comparison", centering=1.0)):
        loss = RewardLoss(knobs=values, reading=PACKED)
        assert loss.weight(found.batches[0]) == 8
        assert [loss.weight(batch) for batch in found.batches[5:]] == [0, 0, 0]
        silent = loss(model, found.batches[7], torch.tensor(8.0))
        assert silent.item() == 0
        assert not gradient(silent, model).any()


def test_the_report_counts_what_was_read(reward_job: OpensJob) -> None:
    job = reward_job()
    found = [item([1] * 10, [[2] * 4, [3] * 6, [4] * 5]), item([5] * 4, [[6] * 2, [7] * 3])]
    described = planned(job, found).describe()
    pairs = (20 + 10) + (20 + 9) + (20 + 11) + (8 + 5)
    assert described == {
        "prompts": 2,
        "responses": 5,
        "comparisons": 4,
        "batches": 1,
        "split_prompts": 0,
        "prompts_read_once": True,
        "why_not": None,
        "tokens": 25 + 9,
        "padding_share": 0.0,
        "token_ceiling": pytest.approx(pairs / 34, abs=1e-6),
    }
    padded = planned(job, found, how=PADDED)
    assert padded.describe()["tokens"] == 45 + 13
    assert padded.describe()["padding_share"] == pytest.approx(1 - 58 / (5 * 16), abs=1e-6)
    assert padded.warnings() == ["with this base a prompt is read again for each of its answers: because"]


@pytest.mark.parametrize(
    ("config", "read", "why"),
    [
        (LlamaConfig(**tiny_models.SHAPE), (True, True), "None"),
        (tiny_models.ENCODERS["bert"](), (True, False), "bidirectional"),
        (
            MistralConfig(sliding_window=8, num_key_value_heads=2, **tiny_models.SHAPE),
            (False, False),
            "sliding window",
        ),
    ],
)
def test_a_base_is_read_as_exactness_allows_and_always_scores_as_alone(
    reward_job: OpensJob,
    config: Any,
    read: tuple[bool, bool],
    why: str,
) -> None:
    model = tiny_models.classifier(config)
    how = ranking.reading(reward_job(), model)
    assert (how.packed, how.shared) == read
    assert why in str(how.why_not)
    found = items(11)
    conversations = [one.prompt + answer for one in found for answer in one.answers]
    alone = [model(torch.tensor([ids])).logits.item() for ids in conversations]
    assert how.scores(model, found).tolist() == pytest.approx(alone, abs=1e-5)
