"""A policy's answers drawn over real HTTP by a server that holds a real tiny model."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import peft
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from tests.training.doubles.chat_server import serving
from tests.training.doubles.completion_server import CompletionServer, failed
from training.exceptions import EndpointFailed
from training.ml.backbones import tiny
from training.ml.data import conversations
from training.ml.rl import rollouts, servers
from training.ml.rl.rollouts import Prompt
from training.ml.rl.servers import Remote, Server
from training.ml.run.rundir import RunDirectory

pytestmark = [
    pytest.mark.training,
    # peft asks transformers by a name that is going away; nothing of ours does.
    pytest.mark.filterwarnings("ignore:.*gradient_checkpointing:FutureWarning"),
]
BUSY = failed(503, "the server is starting")


@pytest.fixture(scope="module")
def loaded(policy: RunDirectory) -> CompletionServer:
    return CompletionServer(path=policy.model)


@pytest.fixture
def server(loaded: CompletionServer) -> Iterator[CompletionServer]:
    """The same model for all tests, which forgets and is told nothing."""
    loaded.forget()
    loaded.tells_tokens, loaded.takes_adapters, loaded.key = True, True, ""
    loaded.requests.clear()
    loaded.loaded.clear()
    with serving(loaded):
        yield loaded


@pytest.fixture
def model(policy: RunDirectory) -> Any:
    """The policy with a new adapter, which says nothing yet."""
    torch.manual_seed(3)
    base = AutoModelForCausalLM.from_pretrained(policy.model)
    return peft.get_peft_model(base, peft.LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM"))


@pytest.fixture
def remote(server: CompletionServer, model: Any, policy: RunDirectory, tmp_path: Path) -> Callable[..., Remote]:
    def made(**changes: Any) -> Remote:
        values = {
            "server": Server(url=server.url, attempts=3, pause=0),
            "model": model,
            "tokenizer": AutoTokenizer.from_pretrained(policy.model),
            "directory": tmp_path / "served",
            "run": "a run",
            "max_new_tokens": 12,
            "temperature": 0.7,
            "seed": 5,
        }
        return Remote(**values | changes)

    return made


def prompts_of(remote: Remote, *numbers: int) -> list[Prompt]:
    asked = [(f"p{number}", [{"role": "user", "content": f"Question {number}?"}]) for number in numbers]
    return [
        Prompt(id=identity, messages=messages, ids=conversations.prompt_ids(remote.tokenizer, messages))
        for identity, messages in asked
    ]


def moved(model: Any, by: float) -> None:
    """The adapter says something now."""
    torch.manual_seed(7)
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            weight.data.normal_(std=by)


def likeliest(model: Any, remote: Remote, prompts: list[Prompt]) -> list[list[int]]:
    """By this process, one prompt at a time."""
    with torch.inference_mode():
        return [
            rollouts.up_to(
                model.generate(
                    input_ids=torch.tensor([prompt.ids]),
                    attention_mask=torch.ones(1, len(prompt.ids), dtype=torch.long),
                    max_new_tokens=remote.max_new_tokens,
                    do_sample=False,
                    pad_token_id=remote.tokenizer.pad_token_id,
                )[0, len(prompt.ids) :].tolist(),
                remote.tokenizer.eos_token_id,
            )
            for prompt in prompts
        ]


def test_the_servers_likeliest_answers_are_the_policys_own_before_and_after_it_moves(
    remote: Callable[..., Remote], model: Any
) -> None:
    cold = remote(temperature=0.0)
    prompts = prompts_of(cold, 1, 2, 3)
    before = [rollout.answer for rollout in cold(prompts, draw="step 1")]
    assert before == likeliest(model, cold, prompts)
    moved(model, 0.5)
    after = [rollout.answer for rollout in cold(prompts, draw="step 2")]
    assert after == likeliest(model, cold, prompts)
    assert after != before


def test_what_is_drawn_at_a_temperature_is_as_likely_as_the_policys_entropy_says(
    remote: Callable[..., Remote], model: Any
) -> None:
    """400 first tokens: the mean of -log p is the entropy, to within four standard errors."""
    moved(model, 0.1)
    one = remote(max_new_tokens=1, temperature=1.5)
    (prompt,) = prompts_of(one, 4)
    drawn = [rollout.answer[0] for rollout in one([prompt] * 400, draw="step 1")]
    with torch.inference_mode():
        log_probs = (model(input_ids=torch.tensor([prompt.ids])).logits[0, -1] / 1.5).log_softmax(-1)
    entropy = -(log_probs.exp() * log_probs).sum()
    spread = (log_probs.exp() * (log_probs + entropy) ** 2).sum().sqrt()
    assert len(set(drawn)) > 20
    assert float(-log_probs[drawn].mean()) == pytest.approx(float(entropy), abs=4 * float(spread) / 20)


def test_the_same_draw_is_the_same_answers_and_another_one_is_not(remote: Callable[..., Remote]) -> None:
    prompts = prompts_of(remote(), 1, 2, 2, 1)
    first = remote()(prompts, draw="step 1")
    again = remote()(list(reversed(prompts)), draw="step 1")
    other = remote()(prompts, draw="step 2")
    texts = {(rollout.prompt.id, tuple(rollout.answer)) for rollout in first}
    assert {(rollout.prompt.id, tuple(rollout.answer)) for rollout in again} == texts
    assert [rollout.answer for rollout in other] != [rollout.answer for rollout in first]
    assert len(texts) == 4, "the second answer to a prompt is another draw"


def test_an_answer_ends_with_its_end_token_and_its_text_has_none(remote: Callable[..., Remote]) -> None:
    long = remote(max_new_tokens=40)
    ended = [rollout for rollout in long(prompts_of(long, *range(8)), draw="step 1") if rollout.ended]
    assert ended
    assert all(rollout.answer[-1] == long.tokenizer.eos_token_id for rollout in ended)
    assert all(tiny.END not in rollout.text for rollout in ended)


def test_the_request_takes_back_what_the_servers_defaults_cut_off(
    remote: Callable[..., Remote], server: CompletionServer
) -> None:
    one = remote()
    (prompt,) = prompts_of(one, 1)
    one([prompt], draw="step 1")
    asked = server.requests[-1]
    assert {name: asked[name] for name in servers.LIKE_THE_SERVER} == servers.LIKE_THE_SERVER
    assert asked["prompt"] == prompt.ids
    assert (asked["temperature"], asked["max_tokens"]) == (0.7, 12)


def test_an_adapter_is_pushed_only_when_it_has_moved_and_the_one_before_goes(
    remote: Callable[..., Remote], server: CompletionServer, model: Any, tmp_path: Path
) -> None:
    one = remote()
    prompts = prompts_of(one, 1)
    one(prompts, draw="step 1")
    one(prompts, draw="step 2")
    assert len(server.loaded) == 1
    moved(model, 0.1)
    one(prompts, draw="step 3")
    assert len(server.loaded) == 2
    assert list(server.adapters) == server.loaded[1:]
    assert [path.name for path in (tmp_path / "served").iterdir()] == server.loaded[1:]


def test_an_adapter_of_another_name_is_pushed_as_it_is(remote: Callable[..., Remote], model: Any) -> None:
    model.add_adapter("policy", model.peft_config["default"])
    model.set_adapter("policy")
    moved(model, 0.5)
    named = remote(adapter="policy", temperature=0.0)
    prompts = prompts_of(named, 1, 2)
    assert [rollout.answer for rollout in named(prompts, draw="step 1")] == likeliest(model, named, prompts)


def test_a_server_that_is_busy_is_asked_again(remote: Callable[..., Remote], server: CompletionServer) -> None:
    one = remote()
    one(prompts_of(one, 1), draw="step 1")
    server.hiccups += [BUSY, BUSY]
    assert one(prompts_of(one, 1), draw="step 2")[0].answer


def test_a_server_that_was_started_again_gets_the_adapter_again(
    remote: Callable[..., Remote], server: CompletionServer
) -> None:
    one = remote()
    prompts = prompts_of(one, 1, 2, 3)
    before = one(prompts, draw="step 1")
    server.forget()
    assert one(prompts, draw="step 1") == before


def test_a_dead_server_is_a_sentence(remote: Callable[..., Remote], loaded: CompletionServer) -> None:
    one = remote()
    prompts = prompts_of(one, 1)
    with serving(CompletionServer(path=loaded.path)) as dying:
        one.server = Server(url=dying.url, attempts=2, pause=0)
        one(prompts, draw="step 1")
    with pytest.raises(EndpointFailed, match=r"no server answers at http://127.*goes on from its last checkpoint"):
        one(prompts, draw="step 2")


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (failed(400, "maximum context length"), "answered HTTP 400: maximum context length"),
        (failed(401, "no"), "set OPENAI_API_KEY"),
        ((200, b"<html>", {}), "does not answer as an OpenAI-compatible server of completions: '<html>'"),
        ((200, json.dumps({"choices": []}).encode(), {}), "does not answer as"),
    ],
    ids=["refused", "key", "html", "empty"],
)
def test_what_a_server_says_instead_of_answers_is_a_sentence(
    remote: Callable[..., Remote], server: CompletionServer, reply: Any, reason: str
) -> None:
    one = remote()
    server.hiccups.append(reply)
    with pytest.raises(EndpointFailed, match=reason):
        one(prompts_of(one, 1), draw="step 1")


def test_a_server_that_takes_no_adapters_is_told_how_to_be_started(
    remote: Callable[..., Remote], server: CompletionServer
) -> None:
    server.takes_adapters = False
    one = remote()
    with pytest.raises(EndpointFailed, match="VLLM_ALLOW_RUNTIME_LORA_UPDATING=True"):
        one(prompts_of(one, 1), draw="step 1")


def test_a_server_with_another_base_is_refused_before_anything_is_learned_from_it(
    remote: Callable[..., Remote], server: CompletionServer
) -> None:
    with torch.no_grad():
        kept = server.model.get_input_embeddings().weight.clone()
        server.model.get_input_embeddings().weight.copy_(kept.roll(1, dims=0))
    one = remote()
    with pytest.raises(EndpointFailed, match="does not hold this run's base"):
        one(prompts_of(one, 1, 2, 3), draw="step 1")
    with torch.no_grad():
        server.model.get_input_embeddings().weight.copy_(kept)


def test_from_a_server_that_tells_no_tokens_the_text_is_read_and_the_report_warned(
    remote: Callable[..., Remote], server: CompletionServer, model: Any
) -> None:
    told, untold = remote(temperature=0.0), remote(temperature=0.0)
    prompts = prompts_of(told, 1, 2, 3)
    texts = [rollout.text for rollout in told(prompts, draw="step 1")]
    assert told.warnings() == []
    server.tells_tokens = False
    found = untold(prompts, draw="step 1")
    assert [rollout.text for rollout in found] == texts
    assert [rollout.ended for rollout in found] == [
        answer[-1] == told.tokenizer.eos_token_id for answer in likeliest(model, told, prompts)
    ]
    (warning,) = untold.warnings()
    assert "encoded again" in warning


def test_the_key_goes_only_where_the_environment_says(
    remote: Callable[..., Remote], server: CompletionServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.key = "secret"
    one = remote()
    prompts = prompts_of(one, 1)
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    monkeypatch.setenv("OPENAI_BASE_URL", "https://elsewhere.example/v1")
    with pytest.raises(EndpointFailed, match="401"):
        one(prompts, draw="step 1")
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    assert one(prompts, draw="step 1")[0].answer
    assert servers.key_for("http://elsewhere.example/v1") == {}
