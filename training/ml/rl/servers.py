"""Answers drawn by a server that holds the base: vLLM, or what speaks its completions and loads adapters as it does.

    VLLM_ALLOW_RUNTIME_LORA_UPDATING=True vllm serve BASE --enable-lora --max-lora-rank 16

Before each draw the policy's adapter, if it has changed, is written where the server can read it, loaded there under
a name that tells its weights, and the one before is unloaded. Prompts go as token ids and the answer's ids come back
(`return_token_ids`, vLLM from 0.10.2 on): text that is encoded again may be other tokens than were drawn. From a
server that does not tell them the text is all there is, and `Remote.warnings` says so. Every answer is a request with
a seed of its own, so the same draw from the same weights is the same answers as far as the server's own numbers are:
in half precision they may hang on what shares its batch. All that a model's generation_config.json would have the
server cut off (top-p, top-k, min-p, penalties) is taken back. At the first draw the server's likeliest tokens must be
the model's own: a server with another base, or other tokens, would teach the policy nonsense.

A key is sent (OPENAI_API_KEY) if OPENAI_BASE_URL names this server, over https or to this machine.
"""

import hashlib
import json
import os
import random
import shutil
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx
import peft
import torch

from training.exceptions import EndpointFailed
from training.ml import scoring
from training.ml.data.conversations import Tokenizer, end_of, ids_of
from training.ml.rl import rollouts, states
from training.ml.rl.rollouts import Prompt, Rollout
from training.ml.rl.states import How

# Generation is silent until it is done, so reading is given minutes; connecting is not.
TIMEOUT = httpx.Timeout(600.0, connect=10.0)
PASSING = frozenset({408, 409, 425, 429, 500, 502, 503, 504})
LONGEST_PAUSE = 30.0
LONGEST_SENTENCE = 300
AT_ONCE = 64  # requests; the server batches them
LOADED_BEFORE = "already been loaded"
LIKE_THE_SERVER = {  # over what generation_config.json says
    "top_p": 1.0,
    "top_k": 0,
    "min_p": 0.0,
    "repetition_penalty": 1.0,
    "presence_penalty": 0.0,
    "frequency_penalty": 0.0,
}
CHECKED_PROMPTS, CHECKED_TOKENS = 8, 8
FURTHEST = 0.5  # nats between the server's likeliest token and ours, in the mean; rounding to bf16 moves far less


@dataclass(kw_only=True)
class Server:
    """One server, as a context; threads may share it. `pause`: seconds before the first repetition."""

    url: str
    attempts: int = 6
    pause: float = 0.5
    client: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        self.url = base_of(self.url)

    def __enter__(self) -> "Server":
        limits = httpx.Limits(max_connections=AT_ONCE)
        self.client = httpx.Client(timeout=TIMEOUT, headers=key_for(self.url), limits=limits)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.client.close()

    def post(self, path: str, body: dict[str, Any]) -> httpx.Response:
        """The last reply; what may pass (a server that is starting again) is tried again, ever later.

        Raises:
            EndpointFailed: nobody answers.
        """
        for attempt in range(1, self.attempts + 1):
            try:
                reply = self.client.post(f"{self.url}{path}", json=body)
            except httpx.TransportError as error:
                if attempt == self.attempts:
                    raise EndpointFailed(
                        f"no server answers at {self.url} ({shortened(str(error) or type(error).__name__)}): start "
                        "it again; the run goes on from its last checkpoint with the same command"
                    ) from None
            except httpx.InvalidURL as error:
                raise EndpointFailed(f"{self.url} is no address of a server: {error}") from None
            else:
                if reply.status_code not in PASSING or attempt == self.attempts:
                    break
            self.rest(attempt)
        return reply

    def rest(self, attempt: int) -> None:
        """Twice as long each time, and not all threads at the same moment."""
        time.sleep(min(LONGEST_PAUSE, self.pause * 2 ** (attempt - 1) * random.uniform(0.5, 1.5)))  # noqa: S311

    def load(self, name: str, path: Path) -> None:
        """
        Raises:
            EndpointFailed: the server cannot take adapters, or not this one.
        """
        reply = self.post("/load_lora_adapter", {"lora_name": name, "lora_path": str(path)})
        if reply.status_code != httpx.codes.OK and LOADED_BEFORE not in reply.text:
            raise EndpointFailed(
                f"{self.url} did not load the adapter at {path} (HTTP {reply.status_code}: {message_of(reply)}): it "
                "must read the same files, and be started with --enable-lora, a --max-lora-rank of at least "
                "lora_rank, and VLLM_ALLOW_RUNTIME_LORA_UPDATING=True"
            )

    def unload(self, name: str) -> None:
        """One that a server started again has forgotten is no mistake."""
        reply = self.post("/unload_lora_adapter", {"lora_name": name})
        if reply.status_code not in (httpx.codes.OK, httpx.codes.NOT_FOUND):
            raise self.failure(reply)

    def failure(self, reply: httpx.Response) -> EndpointFailed:
        if reply.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            return EndpointFailed(
                f"{self.url} refuses the key (HTTP {reply.status_code}): set OPENAI_API_KEY, and OPENAI_BASE_URL to "
                "this address; the key is sent nowhere else, and only over https or to this machine"
            )
        return EndpointFailed(f"{self.url} answered HTTP {reply.status_code}: {message_of(reply)}")


@dataclass(frozen=True, kw_only=True)
class Held:
    """The adapter that the server holds now."""

    name: str
    path: Path


@dataclass(kw_only=True)
class Remote:
    """Draws answers of a policy whose adapter (`adapter` of the PEFT model) is pushed to a server.

    `directory`: where the server can read adapters; `run`: what their names begin with.
    """

    server: Server
    model: Any
    tokenizer: Tokenizer
    directory: Path
    run: str
    max_new_tokens: int
    temperature: float
    seed: int
    adapter: str = "default"
    held: Held | None = None
    tells_tokens: bool = True
    checked: bool = False

    def __call__(
        self, prompts: Sequence[Prompt], *, draw: str, numbers: Sequence[int] | None = None
    ) -> list[Rollout]:
        """One answer to each prompt, in their order; a prompt may stand in it several times.

        Raises:
            EndpointFailed: the server does not answer, or not as one that holds the base.
        """
        with self.server:
            held = self.push()
            if not self.checked:
                self.check(prompts[:CHECKED_PROMPTS], held)
            names = rollouts.named(prompts, draw=draw, numbers=numbers)
            seeds = [seed_of(seed=self.seed, prompt=p.id, draw=n) for p, n in zip(prompts, names, strict=True)]
            with ThreadPoolExecutor(max_workers=AT_ONCE) as threads:
                found = list(threads.map(lambda prompt, seed: self.drawn(held, prompt, seed=seed), prompts, seeds))
        return [rollouts.rollout_of(prompt, ids, self.tokenizer) for prompt, ids in zip(prompts, found, strict=True)]

    def push(self) -> Held:
        """Nothing happens while the weights stay."""
        name = f"{self.run}-{digest_of(self.model, self.adapter)}"
        before = self.held
        if before is not None and before.name == name:
            return before
        held = Held(name=name, path=self.save(name))
        self.server.load(held.name, held.path)
        self.held = held
        if before is not None:
            self.server.unload(before.name)
            shutil.rmtree(before.path, ignore_errors=True)
        return held

    def save(self, name: str) -> Path:
        path = self.directory.resolve() / name
        beside = path.with_name(f".{path.name}.{os.getpid()}")
        shutil.rmtree(beside, ignore_errors=True)
        # Embeddings are never trained here, and no server takes them with an adapter.
        self.model.save_pretrained(beside, selected_adapters=[self.adapter], save_embedding_layers=False)
        inside = beside / self.adapter  # where PEFT puts all but the default one
        with suppress(OSError):  # another process was quicker, with the same weights
            (inside if inside.is_dir() else beside).rename(path)
        shutil.rmtree(beside, ignore_errors=True)
        return path

    def drawn(
        self, held: Held, prompt: Prompt, *, seed: int, temperature: float | None = None, most: int | None = None
    ) -> list[int]:
        body = {
            "model": held.name,
            "prompt": prompt.ids,
            "max_tokens": most or self.max_new_tokens,
            "temperature": self.temperature if temperature is None else temperature,
            "seed": seed,
            "n": 1,
            "stop_token_ids": [end_of(self.tokenizer)],
            "skip_special_tokens": False,
            "return_token_ids": True,
            **LIKE_THE_SERVER,
        }
        reply = self.server.post("/completions", body)
        if reply.status_code == httpx.codes.NOT_FOUND:  # started again since, it has forgotten the adapter
            self.server.load(held.name, held.path)
            reply = self.server.post("/completions", body)
        if reply.status_code != httpx.codes.OK:
            raise self.server.failure(reply)
        return self.tokens_of(reply)

    def tokens_of(self, reply: httpx.Response) -> list[int]:
        try:
            choice = reply.json()["choices"][0]
            ids, text, finish = choice.get("token_ids"), choice["text"], choice.get("finish_reason")
        except (ValueError, TypeError, KeyError, IndexError, AttributeError):
            raise EndpointFailed(
                f"{self.server.url} does not answer as an OpenAI-compatible server of completions: "
                f"{shortened(reply.text)!r}"
            ) from None
        if ids:
            return [int(token) for token in ids]
        self.tells_tokens = False
        end = [end_of(self.tokenizer)] if finish == "stop" or not text else []
        return [*ids_of(self.tokenizer, str(text)), *end]

    def check(self, prompts: Sequence[Prompt], held: Held) -> None:
        """
        Raises:
            EndpointFailed: what the server thinks likeliest is not what the model does.
        """
        likeliest = [
            rollouts.rollout_of(
                prompt,
                self.drawn(held, prompt, seed=0, temperature=0.0, most=min(CHECKED_TOKENS, self.max_new_tokens)),
                self.tokenizer,
            )
            for prompt in prompts
        ]
        how = How(packed=False, pad=int(self.tokenizer.pad_token_id))
        with scoring.evaluating(self.model):
            log_probs = states.logits_of(self.model, likeliest, how=how).float().log_softmax(-1)  # (T, V)
        tokens = torch.tensor([token for rollout in likeliest for token in rollout.answer], device=log_probs.device)
        away = float((log_probs.amax(-1) - log_probs.gather(1, tokens[:, None]).squeeze(1)).mean())
        if away > FURTHEST:
            raise EndpointFailed(
                f"{self.server.url} does not hold this run's base: the tokens that it thinks likeliest are "
                f"{away:.1f} nats from the base's own; serve the same weights with the same tokenizer"
            )
        self.checked = True

    def warnings(self) -> list[str]:
        """For the report."""
        warning = (
            "the server told no token ids: the text of its answers was encoded again, and some may have been learned "
            "from as other tokens than were drawn (vLLM tells them from 0.10.2 on)"
        )
        return [] if self.tells_tokens else [warning]


def digest_of(model: Any, adapter: str) -> str:
    """Of an adapter's weights: the same name is the same weights."""
    state = peft.get_peft_model_state_dict(model, adapter_name=adapter, save_embedding_layers=False)
    sha = hashlib.sha256()
    for name in sorted(state):
        sha.update(name.encode())
        sha.update(state[name].detach().float().cpu().contiguous().numpy().tobytes())
    return sha.hexdigest()[:16]


def seed_of(*, seed: int, prompt: str, draw: str) -> int:
    """Of one answer, in the 63 bits that servers take."""
    digest = hashlib.sha256(json.dumps([seed, prompt, draw]).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def base_of(url: str) -> str:
    """`http://host:8000`, with or without /v1, as http://host:8000/v1."""
    base = url.strip().rstrip("/")
    return base if base.endswith("/v1") else f"{base}/v1"


def key_for(url: str) -> dict[str, str]:
    """Headers: the key goes only to the server that the environment names, where nobody on the way reads along."""
    key, named = os.environ.get("OPENAI_API_KEY", ""), os.environ.get("OPENAI_BASE_URL", "")
    address = httpx.URL(url)
    safe = address.scheme == "https" or address.host in ("localhost", "127.0.0.1", "::1")
    return {"Authorization": f"Bearer {key}"} if key and named and base_of(named) == url and safe else {}


def message_of(reply: httpx.Response) -> str:
    """The sentence of an error body: {"error": {"message"}}, {"message"} or {"detail"}, else its beginning."""
    try:
        body = reply.json()
        error = body.get("error", body)
        said = error.get("message") or error.get("detail")
    except (ValueError, AttributeError):
        said = None
    return shortened(str(said or reply.text or "nothing"))


def shortened(text: str) -> str:
    return " ".join(text.split())[:LONGEST_SENTENCE]
