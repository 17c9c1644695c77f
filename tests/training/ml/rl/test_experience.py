"""What a step learns from: every number of a token against plain Python that reads one answer at a time."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch

from tests.training.ml.rl import policies, small_actors
from tests.training.ml.rl.test_advantages import slow_advantages
from training.ml.rl import experience
from training.ml.rl.experience import Experience
from training.ml.rl.judges import Verdict

pytestmark = small_actors.QUIET
KNOBS = small_actors.knobs(gamma="0.9", gae_lambda="0.8", batch_size="3", whiten_advantages="false")
BETA = 0.3


def gathered(knobs: object = KNOBS, *, layout: str = "shared", packed: bool = True) -> Experience:
    actors = small_actors.moved(small_actors.made("llama", layout=layout, packed=packed))
    rollouts = small_actors.rollouts()
    return experience.gathered(
        actors,
        rollouts,
        small_actors.verdicts(rollouts),
        places=list(range(len(rollouts))),
        knobs=knobs,  # type: ignore[arg-type]
        beta=BETA,
    )


def slow_rewards(ratios: Sequence[float], verdict: Verdict, *, estimator: str = "k1") -> list[float]:
    kl = [ratio if estimator == "k1" else math.exp(-ratio) - 1 + ratio for ratio in ratios]
    found = [-BETA * one for one in kl]
    found[-1] += verdict.reward
    return found


@pytest.mark.parametrize("estimator", ["k1", "k3"])
@pytest.mark.parametrize("layout", ["shared", "separate"])
@pytest.mark.parametrize("packed", [True, False], ids=["packed", "padded"])
def test_advantages_and_returns_are_those_of_each_answer_alone(estimator: str, layout: str, *, packed: bool) -> None:
    found = gathered(replace(KNOBS, kl_estimator=estimator), layout=layout, packed=packed)
    for place, verdict in enumerate(found.verdicts):
        rewards = slow_rewards(found.log_ratios[place].tolist(), verdict, estimator=estimator)
        values = found.values[place].tolist()
        slow = slow_advantages(rewards, values, gamma=0.9, lam=0.8)
        assert found.advantages[place].tolist() == pytest.approx(slow, abs=1e-4)
        returns = [advantage + value for advantage, value in zip(slow, values, strict=True)]
        assert found.returns[place].tolist() == pytest.approx(returns, abs=1e-4)


@pytest.mark.parametrize("layout", ["shared", "separate"])
def test_numbers_of_a_token_are_the_actors_own_whatever_the_batches(layout: str) -> None:
    found = gathered(layout=layout)
    actors = small_actors.moved(small_actors.made("llama", layout=layout, packed=False))
    for place, rollout in enumerate(found.rollouts):
        with torch.no_grad():
            said, values = actors.policy([rollout]), actors.values([rollout])
            ratios = said.log_probs - actors.reference([rollout]).log_probs
        assert found.log_probs[place].tolist() == pytest.approx(said.log_probs.tolist(), abs=1e-4)
        assert found.entropies[place].tolist() == pytest.approx(said.entropies.tolist(), abs=1e-4)
        assert found.log_ratios[place].tolist() == pytest.approx(ratios.tolist(), abs=1e-4)
        assert found.values[place].tolist() == pytest.approx(values.tolist(), abs=1e-4)
        assert max(map(abs, ratios.tolist())) > 0.01  # the policy has moved


def test_whitened_advantages_have_mean_zero_and_variance_one_over_all_tokens() -> None:
    plain, white = gathered(), gathered(replace(KNOBS, whiten_advantages=True))
    before = [value for one in plain.advantages for value in one.tolist()]
    mean, spread = statistics.mean(before), statistics.stdev(before)
    after = [value for one in white.advantages for value in one.tolist()]
    assert after == pytest.approx([(value - mean) / spread for value in before], abs=1e-3)
    for one, other in zip(plain.returns, white.returns, strict=True):
        assert torch.allclose(one, other)  # the value network learns what came, not what was made of it


def test_whitened_rewards_keep_their_mean() -> None:
    found = gathered(replace(KNOBS, whiten_rewards=True))
    rewards = [
        slow_rewards(found.log_ratios[place].tolist(), verdict) for place, verdict in enumerate(found.verdicts)
    ]
    flat = [value for one in rewards for value in one]
    mean, spread = statistics.mean(flat), statistics.stdev(flat)
    for place, one in enumerate(rewards):
        white = [(value - mean) / spread + mean for value in one]
        slow = slow_advantages(white, found.values[place].tolist(), gamma=0.9, lam=0.8)
        assert found.advantages[place].tolist() == pytest.approx(slow, abs=1e-3)


def test_figures_are_sums_and_means_of_each_answer() -> None:
    found = gathered()
    for place, figures in enumerate(found.figures()):
        ratios = found.log_ratios[place].tolist()
        assert figures["kl"] == pytest.approx(math.fsum(ratios), abs=1e-5)
        assert figures["kl3"] == pytest.approx(math.fsum(math.exp(-one) - 1 + one for one in ratios), abs=1e-5)
        assert figures["entropy"] == pytest.approx(statistics.mean(found.entropies[place].tolist()), abs=1e-5)
        assert figures["length"] == len(ratios)
        assert figures["reward"] == found.verdicts[place].reward
        assert figures["ended"] == 1.0


def test_before_anything_is_learnt_the_kl_is_exactly_zero() -> None:
    rollouts = small_actors.rollouts()
    found = experience.gathered(
        small_actors.made("llama"),
        rollouts,
        small_actors.verdicts(rollouts),
        places=list(range(len(rollouts))),
        knobs=KNOBS,
        beta=BETA,
    )
    assert {(one["kl"], one["kl3"]) for one in found.figures()} == {(0.0, 0.0)}


def test_numbers_of_some_rollouts_stand_end_to_end() -> None:
    found = gathered()
    together = found.of("values", [3, 0])
    assert together.tolist() == [*found.values[3].tolist(), *found.values[0].tolist()]
    assert len(together) == sum(len(policies.rollouts(small_actors.ITEMS)[place].answer) for place in (3, 0))
