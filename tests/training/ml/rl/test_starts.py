"""Where the value network starts: what the reward model says of an answer, it says after the answer's last token."""

from pathlib import Path

import pytest
import torch

from tests.training.ml import builders
from tests.training.ml.rl.conftest import Training
from training.exceptions import InvalidKnob
from training.ml import knobs, rewards
from training.ml.backbones import bases
from training.ml.backbones.bases import Base
from training.ml.knobs.rl import PpoKnobs
from training.ml.rl import starts
from training.ml.rl.actors import Actors
from training.ml.rl.rollouts import Prompt, Rollout
from training.ml.rl.states import How
from training.ml.run.machine import Machine
from training.ml.run.rundir import ReleaseReference, RewardReference, RunDirectory

pytestmark = [
    pytest.mark.training,
    # peft asks transformers by a name that is going away; nothing of ours does.
    pytest.mark.filterwarnings("ignore:.*gradient_checkpointing:FutureWarning"),
]
CPU = Machine(device="cpu", precision="fp32", threads=1)
ASKED = [("Question 3?", "Thank you, 3 it is."), ("Question 62?", "No. Go away 62!"), ("Why?", "")]


def reference(run: RunDirectory, *, held_out: bool = False) -> RewardReference:
    return RewardReference(source=str(run.model), weight=1.0, hash="", held_out=held_out)


def base_of(run: RunDirectory) -> Base:
    return bases.read(run.model, source=str(run.model), kind="path", knobs=knobs.MachineKnobs())


def started(
    policy: RunDirectory, *references: RewardReference, shared: bool, packed: bool = True, start: str = "auto"
) -> tuple[Actors, str]:
    """`lora_rank` is not that of the reward model."""
    base = base_of(policy)
    found = knobs.parse("ppo", {"lora_rank": "4", "value_start": start})
    assert isinstance(found, PpoKnobs)
    return starts.started(
        bases.load_causal(base, machine=CPU),
        references,
        base=base,
        knobs=found,
        how=How(packed=packed, pad=int(base.tokenizer.pad_token_id)),
        machine=CPU,
        shared=shared,
    )


def values(actors: Actors, judge: rewards.RewardModel) -> list[float]:
    """After each answer's last token: one more is taken to follow it."""
    found = []
    for question, text in ASKED:
        messages = [{"role": "user", "content": question}]
        tokens = judge.encoder.encode(messages, text)
        assert tokens is not None
        prompt = Prompt(id="p", messages=messages, ids=tokens.prompt)
        rollout = Rollout(prompt=prompt, answer=[*tokens.answer, 9], text=text, ended=True)
        with torch.no_grad():
            found.append(float(actors.values([rollout])[-1]))
    return found


def scores(judge: rewards.RewardModel) -> list[float]:
    return judge.score([([{"role": "user", "content": question}], text) for question, text in ASKED])


@pytest.mark.parametrize("packed", [True, False], ids=["packed", "padded"])
@pytest.mark.parametrize(
    ("shared", "kind"),
    [
        (True, {"lora": "true"}),
        (True, {"lora": "true", "lora_layers": "1"}),
        (False, {"lora": "true"}),
        (False, {"lora": "false"}),
    ],
    ids=["shared", "shared, upper layers", "separate, merged", "separate, full"],
)
def test_the_value_after_an_answer_is_the_reward_models_score_of_it(
    policy: RunDirectory, trained: Training, kind: dict[str, str], *, shared: bool, packed: bool
) -> None:
    run = trained(**kind)
    actors, where = started(policy, reference(run), shared=shared, packed=packed)
    judge = rewards.opened(run.model)
    assert where == "the reward model"
    assert values(actors, judge) == pytest.approx(scores(judge), abs=1e-4)
    assert max(scores(judge)) - min(scores(judge)) > 0.05  # it says something


def test_of_an_ensemble_it_is_the_first_member(policy: RunDirectory, trained: Training) -> None:
    run = trained(lora="true", ensemble="2")
    judge = rewards.opened(run.model)
    asked = [([{"role": "user", "content": question}], text) for question, text in ASKED]
    actors, _ = started(policy, reference(run), shared=True)
    assert values(actors, judge) == pytest.approx([one.members[0] for one in judge.rewards(asked)], abs=1e-4)


@pytest.mark.parametrize("shared", [True, False], ids=["shared", "separate"])
def test_from_the_base_it_says_nothing_yet(policy: RunDirectory, trained: Training, *, shared: bool) -> None:
    run = trained(lora="true")
    actors, where = started(policy, reference(run), shared=shared, start="base")
    assert where == "the base"
    assert values(actors, rewards.opened(run.model)) == [0.0] * len(ASKED)


def test_the_policy_is_the_base_wherever_the_value_network_starts(policy: RunDirectory, trained: Training) -> None:
    rollout = Rollout(prompt=Prompt(id="p", messages=[], ids=[5, 9, 20]), answer=[30, 31, 32], text="", ended=False)
    found = []
    for start in ("base", "reward"):
        actors, _ = started(policy, reference(trained(lora="true")), shared=True, start=start)
        with torch.no_grad():
            found.append(actors.policy([rollout]).log_probs)
    assert torch.equal(*found)


def test_a_whole_reward_model_is_none_for_a_shared_backbone(policy: RunDirectory, trained: Training) -> None:
    run = trained(lora="false")
    actors, where = started(policy, reference(run), shared=True)
    assert where == "the base (the reward model was not trained with adapters)"
    assert values(actors, rewards.opened(run.model)) == [0.0] * len(ASKED)
    with pytest.raises(InvalidKnob, match="value_start=reward: the reward model was not trained with adapters"):
        started(policy, reference(run), shared=True, start="reward")


def test_adapters_over_another_base_are_none_for_this_one(
    tmp_path: Path, policy: RunDirectory, trained: Training, demonstrations: ReleaseReference
) -> None:
    other = builders.make_run(
        tmp_path / "other", "sft", reference=demonstrations, base=str(policy.model), values={"max_steps": "3"}
    )
    builders.train(other)
    _, where = started(other, reference(trained(lora="true")), shared=True)
    assert where == "the base (the reward model's adapters are over another base)"


def test_a_reward_that_is_held_out_is_no_start(policy: RunDirectory, trained: Training) -> None:
    function = RewardReference(source="tests.training.ml.rl.policies:count", weight=1.0, hash="")
    _, where = started(policy, function, reference(trained(lora="true"), held_out=True), shared=True)
    assert where == "the base (no reward model is trained on)"


def test_a_reward_model_that_reads_other_tokens_stands_aside(policy: RunDirectory, trained: Training) -> None:
    base, judge = base_of(policy), base_of(trained(lora="true"))
    assert starts.difference(judge, base) == ""
    judge.tokenizer.add_tokens(["<|another|>"])
    assert starts.difference(judge, base) == "the reward model reads other tokens"


def test_a_reward_model_with_another_template_stands_aside(policy: RunDirectory, trained: Training) -> None:
    base, judge = base_of(policy), base_of(trained(lora="true"))
    judge.tokenizer.chat_template = "{{ messages }}"
    assert starts.difference(judge, base) == "the reward model has another chat template"
