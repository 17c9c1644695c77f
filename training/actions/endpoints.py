"""A server of models that speaks OpenAI's chat completions (vLLM, llama.cpp, TGI, Ollama and many more)."""

import ipaddress
import json
import random
import re
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import httpx
from django.conf import settings

from training.actions.texts import is_name, sentence, storable
from training.exceptions import EndpointFailed

Message = dict[str, str]
# Generation is silent until it is done, so reading is given minutes; connecting is not.
TIMEOUT = httpx.Timeout(300.0, connect=10.0)
ATTEMPTS = 6
LONGEST_PAUSE = 30.0
LARGEST_ANSWER = 16 * 1024 * 1024
PASSING = frozenset({408, 409, 425, 429, 500, 502, 503, 504})
LISTED = 10
HOST = re.compile(rb"[a-z0-9._:-]+")
WORD = re.compile(r"[a-z_]{1,32}")
# What servers call it when the model itself ended its answer.
SAME = {"eos": "stop", "eos_token": "stop", "end": "stop", "end_turn": "stop", "stop_sequence": "stop"}


@dataclass(frozen=True, kw_only=True)
class Reply:
    status: int
    body: bytes
    retry_after: str = ""

    def json(self) -> Any:
        """The body; None when it is no JSON."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None


@dataclass(kw_only=True)
class Endpoint:
    """One server. Use as a context; threads may share it. `pause`: seconds before the first repetition."""

    url: str
    timeout: httpx.Timeout = field(default_factory=lambda: TIMEOUT)
    pause: float = 0.5
    client: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        self.url = base_of(self.url)
        address = address_of(self.url)
        key = settings.OPENAI_API_KEY if gets_key(address) else ""
        try:
            headers = {"Authorization": f"Bearer {key}"} if key else {}
            self.client = httpx.Client(timeout=self.timeout, headers=headers, follow_redirects=False)
        except UnicodeError:
            raise EndpointFailed("OPENAI_API_KEY is no key: it has characters in it that cannot be sent.") from None

    def __enter__(self) -> "Endpoint":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.client.close()

    def model(self, name: str) -> str:
        """The model to ask: `name` if the server has it; the server's only one if no name is given.

        Raises:
            EndpointFailed: no server answers, it has no such model, or it has several and none was named.
        """
        if name and not is_name(name):
            raise EndpointFailed(f"{sentence(name, longest=50)!r} cannot be the name of a model.")
        reply = self.send("GET", "/models", attempts=1)
        if reply.status in (401, 403):
            raise self.failure(reply)
        known = model_names(reply.json()) if reply.status == 200 else []
        if name and (name in known or not known):
            return name
        if name:
            raise EndpointFailed(f"{self.url} has no model {name!r}; it has {listed(known)}.")
        if len(known) != 1:
            raise EndpointFailed(f"{self.url} has {listed(known)}: say which model is meant.")
        return known[0]

    def chat(self, body: dict[str, Any]) -> tuple[str, str]:
        """The text of one answer, and one word for how it ended (stop, length, …).

        Raises:
            EndpointFailed: after several tries, or at once if trying again cannot help.
        """
        reply = self.send("POST", "/chat/completions", body=body, attempts=ATTEMPTS)
        if reply.status != 200:
            raise self.failure(reply)
        return self.choice(reply)

    def choice(self, reply: Reply) -> tuple[str, str]:
        try:
            choice = reply.json()["choices"][0]
            content, ended = choice["message"].get("content"), choice.get("finish_reason")
        except (TypeError, KeyError, IndexError, AttributeError):
            content, ended = reply, None
        if not isinstance(content, str | None):
            beginning = reply.body[:80].decode(errors="replace")
            raise EndpointFailed(
                f"{self.url} does not answer as an OpenAI-compatible server of chat models: {beginning!r}."
            )
        return storable(content or ""), finish_of(ended)

    def send(self, method: str, path: str, *, body: dict[str, Any] | None = None, attempts: int) -> Reply:
        """The last reply; what may pass (too many requests, a server still starting) is tried again, ever later."""
        for attempt in range(1, attempts + 1):
            last = attempt == attempts
            try:
                reply = self.once(method, path, body=body)
            except httpx.TransportError as error:
                if last:
                    raise EndpointFailed(f"No server answers at {self.url}: {described(error)}.") from None
                self.rest(attempt)
                continue
            if last or reply.status not in PASSING:
                break
            self.rest(attempt, retry_after=reply.retry_after)
        return reply

    def once(self, method: str, path: str, *, body: dict[str, Any] | None) -> Reply:
        with self.client.stream(method, f"{self.url}{path}", json=body) as response:
            content = bytearray()
            for chunk in response.iter_bytes():
                content += chunk
                if len(content) > LARGEST_ANSWER:
                    raise EndpointFailed(f"{self.url} sent an answer of over {LARGEST_ANSWER} bytes.")
            return Reply(
                status=response.status_code, body=bytes(content), retry_after=response.headers.get("retry-after", "")
            )

    def rest(self, attempt: int, *, retry_after: str = "") -> None:
        """Twice as long each time, as long as the server asks, and not all threads at the same moment."""
        asked = float(retry_after) if retry_after.isdecimal() else 0.0
        time.sleep(min(LONGEST_PAUSE, max(asked, self.pause * 2 ** (attempt - 1) * random.uniform(0.5, 1.5))))  # noqa: S311

    def failure(self, reply: Reply) -> EndpointFailed:
        if reply.status in (401, 403):
            return EndpointFailed(
                f"{self.url} refuses the key (HTTP {reply.status}): set OPENAI_API_KEY, and OPENAI_BASE_URL to this "
                "address; the key is sent nowhere else, and only over https or to this machine."
            )
        said = sentence(message_of(reply.json()) or reply.body[:200].decode(errors="replace"))
        return EndpointFailed(f"{self.url} answered HTTP {reply.status}: {said or 'nothing'}")


def base_of(url: str) -> str:
    """`http://host:8000`, with or without /v1 or the whole path, as http://host:8000/v1."""
    base = url.strip().rstrip("/").removesuffix("/chat/completions")
    return base if base.endswith("/v1") else f"{base}/v1"


def address_of(url: str) -> httpx.URL:
    """
    Raises:
        EndpointFailed: no address, or one with a secret in it, which is not repeated.
    """
    if "@" in url or "?" in url:
        raise EndpointFailed(
            "The server's address holds a user name, a password or a query (an @ or a ?): leave it out; a key "
            "belongs into OPENAI_API_KEY, and the server's address into OPENAI_BASE_URL."
        )
    try:
        address = httpx.Request("GET", url).url
    except (httpx.InvalidURL, UnicodeError) as error:
        raise EndpointFailed(f"{url} is no address of a server: {sentence(str(error))}.") from None
    if address.scheme not in ("http", "https") or not HOST.fullmatch(address.raw_host):
        raise EndpointFailed(f"{sentence(url)} is no address of a server: expected http://… or https://…")
    return address


def gets_key(address: httpx.URL) -> bool:
    """Only the server that the environment names, and never where others on the way could read along."""
    try:
        named = httpx.URL(base_of(settings.OPENAI_BASE_URL))
    except (httpx.InvalidURL, UnicodeError):
        raise EndpointFailed("OPENAI_BASE_URL is no address of a server: expected https://…") from None
    return address == named and (address.scheme == "https" or is_loopback(address.host))


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def finish_of(ended: Any) -> str:
    """The server's word in ours: `stop` when the model ended its answer, `length` when it was cut off."""
    word = ended if isinstance(ended, str) and WORD.fullmatch(ended) else "unknown"
    return SAME.get(word, word)


def model_names(listing: Any) -> list[str]:
    entries = listing.get("data") if isinstance(listing, dict) else None
    if not isinstance(entries, list):
        return []
    names = [entry.get("id") for entry in entries if isinstance(entry, dict)]
    return [name for name in names if isinstance(name, str) and is_name(name)]


def message_of(body: Any) -> str:
    """The sentence of an error body: {"error": {"message"}}, {"error"}, {"message"} or {"detail"}."""
    if not isinstance(body, dict):
        return ""
    error = body.get("error", body)
    said = error.get("message") or error.get("detail") if isinstance(error, dict) else error
    return str(said)[:500] if said else ""


def listed(names: list[str]) -> str:
    shown = ", ".join(names[:LISTED])
    rest = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return f"{shown}{rest}" if names else "no list of models"


def described(error: httpx.TransportError) -> str:
    if isinstance(error, httpx.TimeoutException):
        return "it took too long"
    return str(error) or type(error).__name__
