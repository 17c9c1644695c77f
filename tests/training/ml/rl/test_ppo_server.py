"""PPO whose answers a server draws, adapters on upper layers alone, and who else is told of its steps."""

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.training.doubles.chat_server import serving
from tests.training.doubles.completion_server import CompletionServer
from tests.training.ml import builders, tiny_models
from tests.training.ml.rl import policies
from training.exceptions import EndpointFailed, InvalidKnob
from training.ml import knobs
from training.ml.rl import states
from training.ml.rl.actors import Shared
from training.ml.rl.states import How

# PEFT asks the model by a name that transformers gives up.
pytestmark = [pytest.mark.training, pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")]


def test_answers_may_come_from_a_server_that_every_steps_adapter_is_pushed_to(tmp_path: Path) -> None:
    base = policies.base(tmp_path / "base")
    with serving(CompletionServer(path=base)) as server:
        run = policies.make_run(tmp_path / "run", base=base, max_steps="3", eval_steps="3", server=server.url)
        report = builders.train(run)
    assert len(server.loaded) == 4, "the base's, and that of each of three steps"
    assert list(server.adapters) == server.loaded[-1:]
    assert len([body for body in server.requests if body["temperature"] > 0]) == 3 * 16 + 2 * 8
    assert report["train"]["steps"] == 3
    first, *_ = (line for line in run.read_metrics() if "loss" in line)
    assert first["ratio_first"] == pytest.approx(0, abs=1e-6)
    assert first["kl"] == pytest.approx(0, abs=1e-6)


def test_a_server_that_is_not_there_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.ml.rl.servers.Server.rest", lambda self, attempt: None)
    base = policies.base(tmp_path / "base")
    run = policies.make_run(tmp_path / "run", base=base, server="http://127.0.0.1:9")
    with pytest.raises(EndpointFailed, match=r"no server answers at http://127\.0\.0\.1:9/v1"):
        builders.train(run)


def test_who_cannot_be_told_of_steps_is_said_before_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    run = policies.make_run(tmp_path / "run", base=policies.base(tmp_path / "base"), track="tensorboard")
    with pytest.raises(InvalidKnob, match="track=tensorboard: it is not installed here"):
        builders.train(run)


@pytest.mark.parametrize("name", ["llama", "qwen2", "qwen3"])
def test_lower_layers_that_are_read_once_change_nothing(name: str) -> None:
    once, again = (upper_only(name, below=below) for below in (True, False))
    assert once.how.below is not None
    found = policies.rollouts(tiny_models.items(7))
    for compute in (said, values):
        torch.testing.assert_close(compute(once, found), compute(again, found))
        torch.testing.assert_close(compute(once, found), compute(once, found))
    assert gradients(once, found).keys() == gradients(again, found).keys()
    for parameter, gradient in gradients(once, found).items():
        torch.testing.assert_close(gradient, gradients(again, found)[parameter])


def upper_only(name: str, *, below: bool) -> Shared:
    model = tiny_models.language_model(tiny_models.DECODERS[name](), torch.float64)
    chosen: Any = knobs.parse("ppo", {"lora_layers": "1"})
    actors = Shared(model, knobs=chosen, how=How(packed=True, pad=0), temperature=1.0)
    torch.manual_seed(5)
    with torch.no_grad():
        for pairs in actors.trained().values():
            for _, parameter in pairs:
                parameter.copy_(torch.randn_like(parameter) / 10)
    if not below:
        actors.how = actors.value_how = How(packed=True, pad=0)
    return actors


def said(actors: Shared, found: Any) -> torch.Tensor:
    return torch.cat([actors.policy(found).log_probs.detach(), actors.reference(found).log_probs])


def values(actors: Shared, found: Any) -> torch.Tensor:
    return actors.values(found).detach()


def gradients(actors: Shared, found: Any) -> dict[str, torch.Tensor]:
    named = [pair for pairs in actors.trained().values() for pair in pairs]
    for _, parameter in named:
        parameter.grad = None
    (actors.policy(found).log_probs.sum() + actors.values(found).square().sum()).backward()
    return {name: parameter.grad.clone() for name, parameter in named if parameter.grad is not None}


@pytest.mark.filterwarnings("ignore:fan_in_fan_out:UserWarning")  # PEFT says that it sees Conv1D
def test_a_backbone_that_is_no_plain_stack_is_read_whole() -> None:
    model = tiny_models.language_model(tiny_models.DECODERS["gpt2"]())
    chosen: Any = knobs.parse("ppo", {"lora_layers": "1"})
    actors = Shared(model, knobs=chosen, how=How(packed=True, pad=0), temperature=1.0)
    assert actors.how.below is None
    assert len(actors.trained()["policy"]) == 8, "two weights for each of four linear layers, in one layer of two"


def test_what_lower_layers_said_is_forgotten_with_the_step() -> None:
    below = states.Below(count=1)
    model = tiny_models.language_model(tiny_models.DECODERS["llama"]())
    below.of(model, policies.rollouts(tiny_models.items(7)))
    assert below.known
    below.forget()
    assert not below.known


def test_more_upper_layers_than_there_are_is_one_sentence(tmp_path: Path) -> None:
    run = policies.make_run(tmp_path / "run", base=policies.base(tmp_path / "base"), lora_layers="3")
    with pytest.raises(InvalidKnob, match="lora_layers=3: this base has 1 layers"):
        builders.train(run)
