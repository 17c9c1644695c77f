"""Several reward models on one frozen backbone: who they are, what they say together, and what a kill changes."""

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForSequenceClassification

from tests.training.ml import builders
from tests.training.ml.test_processes import launch
from tests.training.ml.test_rewards import ASKED, plain_scores, training_answers
from training.exceptions import InvalidBase, InvalidKnob
from training.ml import rewards
from training.ml.rewards import conservative
from training.ml.run.rundir import ReleaseReference, RunDirectory

pytestmark = [
    pytest.mark.training,
    pytest.mark.filterwarnings("ignore:.*gradient_checkpointing:FutureWarning"),  # peft's, as in builders.train
]

MEMBERS = 2
# Ends itself with SIGKILL when the checkpoint of the second member's step is half written.
KILLED_IN_THE_SECOND_MEMBER = """
import os, signal, sys
from training.ml.run import checkpoints
from training.ml.__main__ import main
seal = checkpoints.seal
def dying(directory, step):
    if "members/1/" in str(directory) + "/" and step >= 8:
        os.kill(os.getpid(), signal.SIGKILL)
    seal(directory, step)
checkpoints.seal = dying
main([{path!r}])
"""


def made(directory: Path, reference: ReleaseReference, policy: RunDirectory, **values: str) -> RunDirectory:
    values = {"ensemble": str(MEMBERS), "save_steps": "4", **values}
    return builders.make_run(directory, "rm", reference=reference, base=str(policy.model), values=values)


@pytest.fixture(scope="module")
def together(
    tmp_path_factory: pytest.TempPathFactory, comparisons: ReleaseReference, policy: RunDirectory
) -> RunDirectory:
    run = made(tmp_path_factory.mktemp("ensemble") / "run", comparisons, policy)
    builders.train(run)
    return run


def test_the_score_is_the_mean_of_members_that_differ(together: RunDirectory) -> None:
    for found in rewards.opened(together.model).rewards(ASKED):
        assert len(set(found.members)) == MEMBERS
        assert found.value == pytest.approx(sum(found.members) / MEMBERS)
        variance = sum((one - found.value) ** 2 for one in found.members) / MEMBERS
        assert found.spread == pytest.approx(variance**0.5)
        assert found.conservative == pytest.approx(found.value - found.spread)


def test_a_conservative_score_is_the_worst_members_or_the_mean_less_some_spread() -> None:
    assert conservative([1.0, 3.0], kind="min", penalty=9.0) == 1.0
    assert conservative([1.0, 3.0], kind="std", penalty=0.5) == 1.5


def test_the_first_member_is_the_model_of_a_run_without_ensemble(
    tmp_path: Path, together: RunDirectory, comparisons: ReleaseReference, policy: RunDirectory
) -> None:
    single = made(tmp_path / "single", comparisons, policy, ensemble="1")
    builders.train(single)
    assert rewards.opened(single.model).score(ASKED) == pytest.approx(
        [found.members[0] for found in rewards.opened(together.model).rewards(ASKED)], rel=1e-4, abs=1e-5
    )
    first = load_file(together.path / "members" / "0" / "adapter" / "adapter_model.safetensors")
    alone = load_file(single.adapter / "adapter_model.safetensors")
    assert all(torch.equal(first[name], alone[name]) for name in alone)


def test_plain_transformers_load_the_first_member(together: RunDirectory) -> None:
    judge = rewards.opened(together.model)
    offset = judge.record.offsets[0][0]
    first = [found.members[0] for found in judge.rewards(ASKED)]
    assert [logit - offset for logit in plain_scores(together.model, ASKED)] == pytest.approx(first, abs=1e-5)


def test_opened_members_stand_on_the_backbone_that_they_were_trained_on(
    together: RunDirectory, policy: RunDirectory
) -> None:
    opened = dict(rewards.opened(together.model).model.named_parameters())
    base = AutoModelForSequenceClassification.from_pretrained(policy.model, num_labels=1)
    weight = base.model.layers[0].self_attn.q_proj.weight
    found = opened["base_model.model.model.layers.0.self_attn.q_proj.base_layer.weight"]
    assert torch.allclose(found, weight, atol=1e-6)
    merged = load_file(together.model / "model.safetensors")["model.layers.0.self_attn.q_proj.weight"]
    assert not torch.allclose(merged, weight, atol=1e-4)


def test_every_member_has_its_zero_at_the_training_answers(
    together: RunDirectory, comparisons: ReleaseReference
) -> None:
    found = rewards.opened(together.model).rewards(training_answers(comparisons))
    for number in range(MEMBERS):
        assert abs(sum(reward.members[number] for reward in found)) / len(found) < 1e-5


def test_the_report_has_the_mean_every_member_and_the_conservative_score(together: RunDirectory) -> None:
    report = builders.report_of(together)
    several = report["held_out"]["ensemble"]
    assert [member["n_pairs"] for member in several["members"]] == [20] * MEMBERS
    assert several["conservative"]["kind"] == "std"
    assert several["conservative"]["n_pairs"] == 20
    assert several["spread"] > 0
    assert report["held_out"]["accuracy"]["value"] >= 0.9
    assert report["train"]["steps"] == sum(member["steps"] for member in report["train"]["members"]) == 2 * 8
    assert [record["step"] for record in together.read_metrics()] == [
        8 * member + step for member in range(MEMBERS) for step in (1, 2, 4, 6, 8)
    ]


def test_an_ensemble_that_was_killed_ends_as_if_it_had_not_been(
    tmp_path: Path, together: RunDirectory, comparisons: ReleaseReference, policy: RunDirectory
) -> None:
    killed = made(tmp_path / "killed", comparisons, policy)
    program = KILLED_IN_THE_SECOND_MEMBER.format(path=str(killed.path))
    ended = subprocess.run([sys.executable, "-c", program], cwd=builders.ROOT, capture_output=True, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    assert (killed.path / "members" / "0" / "report.json").is_file()
    assert not (killed.path / "members" / "1" / "report.json").exists()
    builders.train(killed)
    assert killed.report.read_bytes() == together.report.read_bytes()
    again, undisturbed = (
        [(line["step"], line["member"], line["loss"]) for line in run.read_metrics()] for run in (killed, together)
    )
    assert again == undisturbed
    for number in range(MEMBERS):
        name = f"member-{number}.safetensors"
        assert (killed.model / name).read_bytes() == (together.model / name).read_bytes()


def test_two_processes_train_the_members_that_one_does(
    tmp_path: Path, comparisons: ReleaseReference, policy: RunDirectory
) -> None:
    one = made(tmp_path / "one", comparisons, policy, batch_size="4", accumulate="2")
    builders.train(one)
    two = made(tmp_path / "two", comparisons, policy, batch_size="4")
    launch(two, config="ddp")
    losses = [[line["loss"] for line in run.read_metrics()] for run in (one, two)]
    assert losses[1] == pytest.approx(losses[0], abs=1e-4)
    scores = [rewards.opened(run.model).score(ASKED) for run in (one, two)]
    assert scores[1] == pytest.approx(scores[0], abs=1e-3)


def test_a_backbone_that_is_cut_over_processes_is_refused(
    tmp_path: Path, comparisons: ReleaseReference, policy: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    with pytest.raises(InvalidKnob, match="share a backbone that every process holds; launch it with DDP"):
        builders.train(made(tmp_path / "run", comparisons, policy))


def test_a_bootstrap_gives_each_member_prompts_of_its_own(
    tmp_path: Path, comparisons: ReleaseReference, policy: RunDirectory, together: RunDirectory
) -> None:
    run = made(tmp_path / "run", comparisons, policy, ensemble_data="bootstrap", conservative="min")
    report = builders.train(run)
    in_order = together.read_report()
    assert in_order is not None
    assert report["batches"]["tokens"] != in_order["batches"]["tokens"]  # told of what was drawn
    assert report["held_out"]["ensemble"]["conservative"]["kind"] == "min"
    assert report["train"]["members"][0]["loss_last"] != report["train"]["members"][1]["loss_last"]
    assert report["train"]["examples"] == 60
    (found,) = rewards.opened(run.model).rewards(ASKED[:1])
    assert found.conservative == min(found.members)


def test_members_that_are_no_adapters_are_refused(
    tmp_path: Path, comparisons: ReleaseReference, policy: RunDirectory
) -> None:
    run = made(tmp_path / "run", comparisons, policy, lora="false")
    with pytest.raises(InvalidKnob, match="ensemble=2: its members are low-rank adapters on one frozen backbone"):
        builders.train(run)


def test_an_ensemble_that_lost_a_member_is_refused_in_a_sentence(tmp_path: Path, together: RunDirectory) -> None:
    damaged = tmp_path / "model"
    shutil.copytree(together.model, damaged)
    (damaged / "member-1.safetensors").unlink()
    with pytest.raises(InvalidBase, match="cannot be loaded"):
        rewards.opened(damaged)


def test_an_ensemble_whose_record_is_no_record_is_refused_in_a_sentence(
    tmp_path: Path, together: RunDirectory
) -> None:
    damaged = tmp_path / "model"
    shutil.copytree(together.model, damaged)
    config = json.loads((damaged / "config.json").read_text())
    (damaged / "config.json").write_text(json.dumps(config | {"reward": {"members": 2}}))
    with pytest.raises(InvalidBase, match="cannot be loaded"):
        rewards.opened(damaged)
