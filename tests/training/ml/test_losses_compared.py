"""Losses of rankings against other people's code: fits against choix, single pairs against TRL's trainers."""

import copy
from collections.abc import Callable, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import choix
import numpy as np
import pytest
import torch
from datasets import Dataset
from torch import Tensor
from transformers import AutoModelForSequenceClassification, LlamaConfig, LlamaForCausalLM
from trl import DPOConfig, DPOTrainer, RewardConfig, RewardTrainer

from training.ml import losses
from training.ml.backbones import tiny
from training.ml.data.batches import Item
from training.ml.data.groups import Edge

TRL_WARNS = pytest.mark.filterwarnings("ignore:.*gradient_checkpointing:FutureWarning")  # it asks by the old name


def edge(better: int, worse: int, *, margin: float = 0.0) -> Edge:
    return Edge(better=better, worse=worse, tie=False, margin=margin, weight=1.0)


def item(answers: int, *, edges: Sequence[Edge] = (), order: Sequence[int] = ()) -> Item:
    rankings = [(tuple((place,) for place in order), 1.0)] if order else []
    return Item(prompt=[1], answers=[[2]] * answers, edges=list(edges), rankings=rankings)


def edges_of(*items: Item) -> losses.Edges:
    return losses.edges_of(items, per="comparison", device="cpu")


def pairwise(values: Tensor, edges: losses.Edges) -> Tensor:
    return losses.pairwise(values, edges, ties="drop", tie_width=1.0)


# Maximum likelihood, against choix.

POLICIES = 6


def fitted(features: Tensor, loss: Callable[[Tensor], Tensor]) -> np.ndarray:
    """The policies' scores at the minimum of `loss`, which reads the scores of answers: features (R, D) @ w (D,)."""
    w = torch.zeros(features.shape[1], dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS(
        [w], max_iter=500, tolerance_grad=1e-11, tolerance_change=0, line_search_fn="strong_wolfe"
    )

    def closure() -> Tensor:
        optimiser.zero_grad()
        found = loss(features @ w)
        found.backward()
        return found

    optimiser.step(closure)
    return centred((policy_features() @ w).detach().numpy())


def policy_features() -> Tensor:
    """Every policy's answers look alike to the linear model: one row of features each."""
    return torch.randn(POLICIES, POLICIES, dtype=torch.float64, generator=torch.Generator().manual_seed(7))


def centred(values: np.ndarray) -> np.ndarray:
    return np.asarray(values - values.mean())


def judged_prompts(count: int) -> list[tuple[list[int], list[int]]]:
    """For each prompt the policies that answered, and the order (places in that list) that Plackett-Luce drew."""
    random = np.random.default_rng(11)
    strengths = random.normal(size=POLICIES)
    found = []
    for _ in range(count):
        policies = [int(policy) for policy in random.permutation(POLICIES)[: random.integers(2, POLICIES)]]
        drawn = strengths[policies] + random.gumbel(size=len(policies))
        found.append((policies, [int(place) for place in np.argsort(-drawn)]))
    return found


def test_bradley_terry_on_linear_features_is_choixs_maximum_likelihood() -> None:
    prompts = judged_prompts(60)
    items = [item(len(order), edges=[edge(*pair) for pair in combinations(order, 2)]) for _, order in prompts]
    data = [(policies[a], policies[b]) for policies, order in prompts for a, b in combinations(order, 2)]
    features = policy_features()[[policy for policies, _ in prompts for policy in policies]]
    edges = edges_of(*items)
    found = fitted(features, lambda values: pairwise(values, edges))
    expected = choix.opt_pairwise(POLICIES, data, alpha=0.0, tol=1e-12)
    np.testing.assert_allclose(found, centred(expected), atol=1e-7)


def test_plackett_luce_on_linear_features_is_choixs_maximum_likelihood() -> None:
    prompts = judged_prompts(120)
    items = [item(len(order), order=order) for _, order in prompts]
    data = [[policies[place] for place in order] for policies, order in prompts]
    features = policy_features()[[policy for policies, _ in prompts for policy in policies]]
    rankings = losses.rankings_of(items, per="comparison", device="cpu")
    found = fitted(features, lambda values: losses.listwise(values, rankings))
    expected = choix.opt_rankings(POLICIES, data, alpha=0.0, tol=1e-12)
    np.testing.assert_allclose(found, centred(expected), atol=1e-7)


# One pair, against TRL's trainers.

PAIRS = {
    "prompt": ["Name a fruit.", "Why?", "Say something long, please."],
    "chosen": [" An apple.", " Because it was so.", " Yes."],
    "rejected": [" A stone, or maybe a brick.", " No.", " I will not, and here is why."],
}


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return tiny.tokenizer_of([line for lines in PAIRS.values() for line in lines], vocab=300, context=128)


def small(tokenizer: Any) -> LlamaConfig:
    return LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        pad_token_id=tokenizer.pad_token_id,
    )


def pairs_in_a_row(count: int, margins: Sequence[float] = ()) -> losses.Edges:
    """TRL's order: all chosen, then all rejected."""
    asked = list(margins) or [0.0] * count
    return edges_of(item(2 * count, edges=[edge(i, i + count, margin=asked[i]) for i in range(count)]))


def quiet(directory: Path) -> dict[str, Any]:
    return {
        "output_dir": str(directory),
        "report_to": "none",
        "use_cpu": True,
        "bf16": False,
        "per_device_train_batch_size": 3,
        "activation_checkpointing": False,
        "dataloader_pin_memory": False,
        "disable_tqdm": True,
    }


@pytest.fixture(scope="module")
def dpo(tokenizer: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[DPOTrainer, Any, Tensor, Tensor]:
    """TRL's trainer, a batch of three pairs, and each answer's log π/ref (6,) and tokens (6,), computed plainly."""
    torch.manual_seed(1)
    policy = LlamaForCausalLM(small(tokenizer))
    reference = copy.deepcopy(policy)
    for parameter in policy.parameters():
        parameter.data += 0.2 * torch.randn_like(parameter)
    trainer = DPOTrainer(
        model=policy,
        ref_model=reference,
        args=DPOConfig(**quiet(tmp_path_factory.mktemp("dpo")), beta=0.3),
        train_dataset=Dataset.from_dict(PAIRS),
        processing_class=tokenizer,
    )
    batch = next(iter(trainer.get_train_dataloader()))
    answer = batch["completion_mask"][:, 1:].bool()
    sums = [log_probs(model, batch).masked_fill(~answer, 0).sum(1) for model in (policy, reference)]
    return trainer, batch, (sums[0] - sums[1]).detach(), answer.sum(1)


def log_probs(model: Any, batch: Any) -> Tensor:
    """Of each token given those before: (B, T - 1)."""
    ids, mask = batch["input_ids"], batch["attention_mask"]
    logits = model(input_ids=ids, attention_mask=mask).logits[:, :-1]
    return logits.log_softmax(-1).gather(2, ids[:, 1:, None]).squeeze(2)


@pytest.mark.training
@TRL_WARNS
@pytest.mark.parametrize("loss", ["sigmoid", "ipo", "hinge"])
def test_pairs_give_the_loss_of_trls_dpo_trainer(loss: str, dpo: tuple[DPOTrainer, Any, Tensor, Tensor]) -> None:
    trainer, batch, logratios, tokens = dpo
    trainer.loss_types = [loss]
    expected = trainer.compute_loss(trainer.model, dict(batch)).item()
    given = logratios / tokens if loss == "ipo" else logratios
    found = losses.preference(
        given, pairs_in_a_row(3), loss=loss, beta=0.3, label_smoothing=0.0, ties="drop", tie_width=1.0
    )
    assert found.item() == pytest.approx(expected, rel=1e-5)
    assert logratios.abs().min() > 0.1  # the policy is not the reference


@pytest.mark.training
@TRL_WARNS
def test_pairs_give_the_loss_of_trls_reward_trainer(tokenizer: Any, tmp_path: Path) -> None:
    torch.manual_seed(2)
    config = small(tokenizer)
    config.num_labels = 1
    margins = [0.0, 1 / 3, 2 / 3]
    trainer = RewardTrainer(
        model=AutoModelForSequenceClassification.from_config(config),
        args=RewardConfig(**quiet(tmp_path), center_rewards_coefficient=0.5),
        train_dataset=Dataset.from_dict(PAIRS | {"margin": margins}),
        processing_class=tokenizer,
    )
    torch.nn.init.normal_(trainer.model.score.weight, std=1.0)
    batch = next(iter(trainer.get_train_dataloader()))
    rewards = trainer.model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits.squeeze(1)
    edges = pairs_in_a_row(3, batch["margin"].tolist())
    found = pairwise(rewards, edges) + 0.5 * losses.centering(rewards, edges)
    expected = trainer.compute_loss(trainer.model, dict(batch))
    assert found.item() == pytest.approx(expected.item(), rel=1e-5)
