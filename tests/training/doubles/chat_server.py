"""A server of models, as small as one can be that still speaks OpenAI's chat completions over real HTTP."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol, TypeVar

Reply = tuple[int, bytes, dict[str, str]]


class Answering(Protocol):
    """What can be served. `key`: the Authorization header."""

    url: str

    def reply(self, path: str, body: dict[str, Any] | None, key: str) -> Reply: ...


S = TypeVar("S", bound=Answering)


@dataclass
class ChatServer:
    """What it is told to do, and what it was asked. `hiccups`: replies given first, in turn, instead of answers."""

    models: list[str] | None = field(default_factory=lambda: ["echo"])
    hiccups: list[tuple[int, bytes, dict[str, str]]] = field(default_factory=list)
    text: str = ""
    key: str = ""
    requests: list[dict[str, Any]] = field(default_factory=list)
    url: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def reply(self, path: str, body: dict[str, Any] | None, key: str) -> tuple[int, bytes, dict[str, str]]:
        if self.key and key != f"Bearer {self.key}":
            return 401, b'{"error": {"message": "wrong key"}}', {}
        if path == "/v1/models":
            if self.models is None:
                return 404, b"no such page", {}
            return 200, json.dumps({"object": "list", "data": [{"id": name} for name in self.models]}).encode(), {}
        if path != "/v1/chat/completions" or body is None:
            return 404, b'{"detail": "Not Found"}', {}
        with self.lock:
            self.requests.append(body)
            if self.hiccups:
                return self.hiccups.pop(0)
        return 200, json.dumps(self.completion(body)).encode(), {}

    def completion(self, body: dict[str, Any]) -> dict[str, Any]:
        content = self.text or f"{body['messages'][-1]['content']} / {body['seed']}"
        message = {"role": "assistant", "content": content}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return {"id": "1", "object": "chat.completion", "model": body["model"], "choices": [choice]}


@contextmanager
def serving(server: S) -> Iterator[S]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send(*server.reply(self.path, None, self.headers.get("Authorization", "")))

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.send(*server.reply(self.path, body, self.headers.get("Authorization", "")))

        def send(self, status: int, content: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments: Any) -> None:
            """Quiet: what was asked is in `requests`."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        server.url = f"http://127.0.0.1:{http.server_port}"
        try:
            yield server
        finally:
            http.shutdown()
            thread.join()
