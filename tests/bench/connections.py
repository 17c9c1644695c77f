"""One annotator's connection, the same for every server that is measured."""

import gzip
import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlsplit

TIMEOUT = 120
# What a server says on a connection that it closed while it was idle; a browser then asks again on a fresh one.
STALE = (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError)


class Refused(Exception):
    """The server answered with 4xx or 5xx."""


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes
    headers: Mapping[str, str]

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.body) if self.body else None


class Connection:
    """Keeps its cookies and, where the server does too, its socket."""

    def __init__(self, address: str, *, keep_alive: bool = True, headers: dict[str, str] | None = None) -> None:
        self.http = http.client.HTTPConnection(urlsplit(address).netloc, timeout=TIMEOUT)
        self.keep_alive = keep_alive
        self.headers = {"Accept-Encoding": "gzip", **(headers or {})}
        if not keep_alive:
            self.headers["Connection"] = "close"
        self.cookies: dict[str, str] = {}

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
        sent = {**self.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        response = self._answer(method, path, body, sent)
        content = response.read()
        if response.getheader("Content-Encoding") == "gzip":
            content = gzip.decompress(content)
        for line in response.headers.get_all("Set-Cookie") or []:
            self.cookies |= {name: morsel.value for name, morsel in SimpleCookie(line).items()}
        if not self.keep_alive:
            self.http.close()
        if response.status >= 400:
            raise Refused(f"{method} {path}: {response.status} {content[:300].decode(errors='replace')}")
        return Answer(response.status, content, response.headers)

    def send_json(self, method: str, path: str, content: Any = None) -> Any:
        body = b"" if content is None else json.dumps(content).encode()
        return self.ask(method, path, body, Content_Type="application/json").json

    def close(self) -> None:
        self.http.close()

    def _answer(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> http.client.HTTPResponse:
        is_reused = self.http.sock is not None
        try:
            self.http.request(method, path, body or None, headers)
            return self.http.getresponse()
        except STALE:
            self.http.close()
            if not is_reused:
                raise
        self.http.request(method, path, body or None, headers)
        return self.http.getresponse()
