"""PPO against what is best: of all policies the one that maximises E[r] - β·KL is π ∝ π_ref · exp(r / β).

Every answer of the tiny bases can be written down, so that the distance to that policy is computed and not drawn.
"""

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.training.ml import builders
from tests.training.ml.rl import policies
from training.ml.run.rundir import RunDirectory

pytestmark = pytest.mark.training
QUICK = {"rollout_size": "64", "ppo_epochs": "2", "learning_rate": "0.003", "eval_steps": "60", "max_steps": "60"}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return policies.base(tmp_path_factory.mktemp("bandit") / "base")


def best(reference: Tensor, rewards: Tensor, *, beta: float) -> Tensor:
    """Log-probabilities of the optimum: (…, A)"""
    return (reference + rewards / beta).log_softmax(-1)


def kl(policy: Tensor, reference: Tensor) -> float:
    """Nats an answer, the mean over prompts: (…, A) each."""
    return float((policy.exp() * (policy - reference)).sum(-1).mean())


def earned(policy: Tensor, rewards: Tensor) -> float:
    """The mean reward of an answer, over prompts."""
    return float((policy.exp() * rewards).sum(-1).mean())


def apart(policy: Tensor, other: Tensor) -> float:
    """Total variation."""
    return float((policy.exp() - other.exp()).abs().sum() / 2)


def of_answers(run: RunDirectory, base: Path, *, longest: int) -> list[tuple[Tensor, Tensor]]:
    """Log-probabilities of all answers, by the base and by the policy that was kept, for each prompt."""
    answers = policies.answers(longest)
    paths = (base, run.model)
    return [
        (policies.log_probs(paths[0], prompt, answers), policies.log_probs(paths[1], prompt, answers))
        for prompt in policies.questions()
    ]


@pytest.mark.parametrize(("layout", "whiten"), [("shared", "true"), ("separate", "true"), ("separate", "false")])
def test_a_bandits_policy_is_the_closed_form_optimum(tmp_path: Path, base: Path, layout: str, whiten: str) -> None:
    """Half of the base's probability lies elsewhere; of the policy's it is three hundredths at most.

    Whitening makes no other optimum: it scales the gradient, which is zero there.
    """
    run = policies.make_run(
        tmp_path / "run",
        base=base,
        rewards=["table"],
        max_new_tokens="1",
        beta="0.3",
        layout=layout,
        whiten_advantages=whiten,
        **QUICK,
    )
    builders.train(run)
    rewards = torch.tensor(policies.table([], policies.texts(policies.answers(1))), dtype=torch.float64)
    for reference, policy in of_answers(run, base, longest=1):
        optimum = best(reference, rewards, beta=0.3)
        assert apart(reference, optimum) > 0.4
        assert apart(policy, optimum) < 0.03


def test_answers_of_several_tokens_gain_most_of_what_can_be_gained(tmp_path: Path, base: Path) -> None:
    """The reward counts a token; E[r] - β·KL over all 1 111 answers can rise to β · log Σ π_ref · exp(r / β)."""
    values = QUICK | {"rollout_size": "128", "learning_rate": "0.004", "layout": "separate"}
    run = policies.make_run(tmp_path / "run", base=base, beta="0.5", **values)
    builders.train(run)
    rewards = torch.tensor(policies.count([], policies.texts(policies.answers(3))), dtype=torch.float64)
    for reference, policy in of_answers(run, base, longest=3):
        begun = earned(reference, rewards)
        most = 0.5 * float((reference + rewards / 0.5).logsumexp(0))
        reached = earned(policy, rewards) - 0.5 * kl(policy, reference)
        assert begun + 0.8 * (most - begun) < reached < most


def test_an_adaptive_controller_finds_the_best_policy_at_its_distance(tmp_path: Path, base: Path) -> None:
    """The reward counts a token within 0.4 nats; β begins too low, rises and falls until it is what that asks for."""
    run = policies.make_run(
        tmp_path / "run",
        base=base,
        eval_prompts="64",
        max_new_tokens="1",
        layout="separate",
        beta="0.25",
        kl_controller="adaptive",
        kl_target="0.4",
        kl_horizon="200",
        **QUICK,
    )
    hold_more_out(run)  # the kept policy is chosen by one token a prompt
    builders.train(run)
    rewards = torch.tensor(policies.count([], policies.texts(policies.answers(1))), dtype=torch.float64)
    reference, policy = (torch.stack(one) for one in zip(*of_answers(run, base, longest=1), strict=True))
    distance = kl(policy, reference)
    assert distance == pytest.approx(0.4, abs=0.1)
    begun, reached = earned(reference, rewards), earned(policy, rewards)
    frontier = most_at(reference, rewards, distance=distance)
    assert begun + 0.95 * (frontier - begun) < reached <= frontier
    betas = [line["beta"] for line in run.read_metrics() if "beta" in line]
    assert max(betas) > 2 * betas[0]
    assert betas[-1] < max(betas)


def hold_more_out(run: RunDirectory) -> None:
    """Nothing is learnt from them, so that training is as without."""
    more = [line | {"id": f"more-{line['id']}"} for line in policies.asked(168) if line["split"] == "test"]
    with run.prompts.open("a") as lines:
        lines.writelines(json.dumps(line) + "\n" for line in more)


def most_at(reference: Tensor, rewards: Tensor, *, distance: float) -> float:
    """The highest E[r] of any policy at this KL: that of the optimum for the β that leads there, by bisection."""
    low, high = 1e-3, 1e3
    for _ in range(100):
        middle = (low * high) ** 0.5
        further = kl(best(reference, rewards, beta=middle), reference) > distance
        low, high = (middle, high) if further else (low, middle)
    return earned(best(reference, rewards, beta=high), rewards)
