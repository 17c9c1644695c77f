"""A reward model on the policy's own backbone says what it says when it is opened alone, and disturbs nobody."""

import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.training.ml import builders
from tests.training.ml.rl.conftest import Training
from training.ml import knobs
from training.ml.backbones import bases
from training.ml.knobs.rl import PpoKnobs, RewardingKnobs
from training.ml.rl import judges, seats
from training.ml.rl.actors import POLICY, VALUE, Separate, Shared, zero_head
from training.ml.rl.judges import Judge
from training.ml.rl.rollouts import Prompt, Rollout
from training.ml.rl.seats import Seated
from training.ml.rl.states import How
from training.ml.run.machine import Machine
from training.ml.run.rundir import ReleaseReference, RewardReference, RunDirectory

pytestmark = [
    pytest.mark.training,
    # peft asks transformers by a name that is going away; nothing of ours does.
    pytest.mark.filterwarnings("ignore:.*gradient_checkpointing:FutureWarning"),
]
CPU = Machine(device="cpu", precision="fp32", threads=1)


def answers() -> list[Rollout]:
    asked = [("Question 3?", "Thank you, 3 it is."), ("Question 62?", "No. Go away 62!"), ("Why?", "")]
    return [
        Rollout(
            prompt=Prompt(id=question, messages=[{"role": "user", "content": question}], ids=[5, 9]),
            answer=[30, 31, 32],
            text=text,
            ended=True,
        )
        for question, text in asked
    ]


def judge_of(run: RunDirectory) -> Judge:
    reference = RewardReference(source=str(run.model), weight=1.0, hash="")
    return judges.opened([reference], knobs=RewardingKnobs(), machine=CPU)


def actors_on(policy: RunDirectory, **values: str) -> Shared:
    base = bases.read(policy.model, source=str(policy.model), kind="path", knobs=knobs.MachineKnobs())
    found = knobs.parse("ppo", {"lora_rank": "4"} | values)
    assert isinstance(found, PpoKnobs)
    how = How(packed=True, pad=int(base.tokenizer.pad_token_id))
    return Shared(bases.load_causal(base, machine=CPU), knobs=found, how=how, temperature=0.7)


def seated(judge: Judge, actors: Shared | Separate, policy: RunDirectory) -> tuple[Judge, dict[str, str]]:
    base = bases.read(policy.model, source=str(policy.model), kind="path", knobs=knobs.MachineKnobs())
    return seats.seated(judge, actors, base=base)


def moved(actors: Shared) -> Shared:
    torch.manual_seed(8)
    with torch.no_grad():
        for pairs in actors.trained().values():
            for _, parameter in pairs:
                parameter.add_(torch.randn_like(parameter), alpha=0.1)
    return actors


@pytest.mark.parametrize(
    "kind",
    [{"lora": "true"}, {"lora": "true", "lora_layers": "1"}, {"lora": "true", "ensemble": "2"}],
    ids=["all layers", "upper layers", "ensemble"],
)
def test_it_says_what_it_says_alone_whatever_the_policy_has_learnt(
    policy: RunDirectory, trained: Training, kind: dict[str, str]
) -> None:
    alone = judge_of(trained(**kind))
    there, places = seated(alone, moved(actors_on(policy)), policy)
    assert places == {"reward": seats.ON_IT}
    both = [[(one.value, one.spread) for one in judge.said(answers())["reward"]] for judge in (alone, there)]
    assert both[1] == [pytest.approx(one, abs=1e-6) for one in both[0]]
    assert max(both[0]) > min(both[0])


def test_a_single_one_says_it_to_the_bit(policy: RunDirectory, trained: Training) -> None:
    alone = judge_of(trained(lora="true"))
    there, _ = seated(alone, moved(actors_on(policy)), policy)
    assert there.of(answers()) == alone.of(answers())


def test_the_policy_and_its_value_network_say_what_they_said_before_and_can_be_trained(
    policy: RunDirectory, trained: Training
) -> None:
    actors = moved(actors_on(policy))
    with torch.no_grad():
        before = actors.policy(answers()).log_probs, actors.values(answers()), actors.reference(answers()).log_probs
    names = {part: [name for name, _ in pairs] for part, pairs in actors.trained().items()}
    judge, _ = seated(judge_of(trained(lora="true")), actors, policy)
    judge.of(answers())
    with torch.no_grad():
        after = actors.policy(answers()).log_probs, actors.values(answers()), actors.reference(answers()).log_probs
    assert all(torch.equal(one, other) for one, other in zip(before, after, strict=True))
    assert {part: [name for name, _ in pairs] for part, pairs in actors.trained().items()} == names
    assert all(one.requires_grad for part in (POLICY, VALUE) for _, one in actors.trained()[part])


def test_it_holds_no_backbone_of_its_own(policy: RunDirectory, trained: Training) -> None:
    actors = actors_on(policy)
    judge, _ = seated(judge_of(trained(lora="true")), actors, policy)
    (model,) = judge.models.values()
    assert isinstance(model, Seated)
    known = {id(weight) for weight in actors.model.parameters()}
    assert [name for name, weight in model.model.named_parameters() if id(weight) not in known] == ["score.weight"]


def test_adapters_of_the_upper_layers_are_generated_from_though_the_judge_has_all(
    policy: RunDirectory, trained: Training
) -> None:
    actors = actors_on(policy, lora_layers="1")
    seated(judge_of(trained(lora="true")), actors, policy)
    with actors.generating() as plain, torch.no_grad():
        merged = plain(torch.tensor([[5, 9, 30, 31, 32]])).logits[0, 1:-1] / 0.7
    said = actors.policy(answers()[:1]).distributions
    assert torch.allclose(merged.log_softmax(-1), said, atol=1e-4)


def test_a_whole_one_stays_apart(policy: RunDirectory, trained: Training) -> None:
    judge = judge_of(trained(lora="false"))
    found, places = seated(judge, actors_on(policy), policy)
    assert places == {"reward": "apart (the reward model was not trained with adapters)"}
    assert found.models == judge.models


def test_one_over_another_base_stays_apart(
    tmp_path: Path, policy: RunDirectory, trained: Training, demonstrations: ReleaseReference
) -> None:
    other = builders.make_run(
        tmp_path / "other", "sft", reference=demonstrations, base=str(policy.model), values={"max_steps": "3"}
    )
    builders.train(other)
    _, places = seated(judge_of(trained(lora="true")), actors_on(other), other)
    assert places == {"reward": "apart (the reward model's adapters are over another base)"}


def test_one_whose_adapter_is_not_its_own_stays_apart_and_leaves_none_behind(
    tmp_path: Path, policy: RunDirectory, trained: Training
) -> None:
    """What is known of a reward model is the hash of its weights, and the adapter lies beside them."""
    made = trained(lora="true")
    copied = RunDirectory(tmp_path / "reward")
    shutil.copytree(made.path, copied.path)
    file = copied.adapter / "adapter_model.safetensors"
    save_file({name: weight * 1.1 for name, weight in load_file(file).items()}, file, metadata={"format": "pt"})
    actors = actors_on(policy)
    _, places = seated(judge_of(copied), actors, policy)
    assert places == {"reward": "apart (its weights are not those of the base with its adapter)"}
    assert set(actors.model.peft_config) == {POLICY, VALUE}


def test_beside_separate_models_it_stays_apart(policy: RunDirectory, trained: Training) -> None:
    base = bases.read(policy.model, source=str(policy.model), kind="path", knobs=knobs.MachineKnobs())
    model, value = (bases.load_causal(base, machine=CPU) for _ in range(2))
    how = How(packed=True, pad=int(base.tokenizer.pad_token_id))
    actors = Separate(model, value=value, head=zero_head(value), how=how, temperature=0.7)
    _, places = seated(judge_of(trained(lora="true")), actors, policy)
    assert places == {"reward": "apart (the policy has no backbone to share)"}


def test_functions_have_no_place(policy: RunDirectory) -> None:
    reference = RewardReference(source="tests.training.ml.rl.policies:count", weight=1.0, hash="")
    judge = judges.opened([reference], knobs=RewardingKnobs(), machine=CPU)
    found, places = seated(judge, actors_on(policy), policy)
    assert (found, places) == (judge, {})
