"""One annotator at each kind of server: what a browser, or the server's own front end, sends for a task."""

import re
from html import unescape
from typing import Any, Protocol
from urllib.parse import urlencode

from tests.bench.connections import Answer, Connection

FRAGMENT = {"HX_Request": "true"}
FORM = {"Content_Type": "application/x-www-form-urlencoded"}
NEXT = re.compile(r'data-next="([^"]+)"')
COUNTS = re.compile(r'data-counts="([^"]+)"')
ACTION = re.compile(r'action="([^"]+/slots/([^"/]+)/)submit/"')
HIDDEN = re.compile(r'<input type="hidden" name="(csrfmiddlewaretoken|submission_key|shown|revises)" value="([^"]*)"')
LETTERS = "ABCDEFGHI"
SECONDS = 12.5


class Asks(Protocol):
    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> Answer: ...

    def close(self) -> None: ...


class Page:
    """The task that stands on the desk, read out of its form."""

    def __init__(self, markup: str) -> None:
        found = ACTION.search(markup)
        self.address, self.slot = found.groups() if found else ("", "")
        self.next = unescape("".join(NEXT.findall(markup)))
        self.counts = "".join(COUNTS.findall(markup))
        self.fields = dict(HIDDEN.findall(markup))

    def judgement(self) -> dict[str, Any]:
        """The last answer shown is the best one, and so on up."""
        size = self.fields["shown"].count(",") + 1
        ranks = {f"rank_{letter}": size - place for place, letter in enumerate(LETTERS[:size])}
        return {**self.fields, **ranks, "seconds": SECONDS}

    def as_kept(self) -> dict[str, str]:
        """What the page says of this one with the submission of the one before."""
        return {"Desk_Holds": self.slot, "Desk_Counts": self.counts} if self.slot else {}


NOTHING = Page("")


class FlywheelDesk:
    """The page as a browser has it: a task is on the desk, and the one after it lies ready. The answer to a
    submission brings the one after that; it is asked for only where nothing lies. With `keeps=False` no submission
    brings one along, so that each is asked for."""

    def __init__(self, connection: Asks, slug: str, *, keeps: bool = True) -> None:
        self.connection, self.keeps = connection, keeps
        self.address = f"/projects/{slug}/desk/"

    def arrive(self) -> None:
        self.shown, self.ahead = Page(self.connection.ask("GET", self.address).text), NOTHING
        if self.keeps:
            self.next()

    @property
    def is_ready(self) -> bool:
        return bool(self.ahead.slot)

    def next(self) -> bool:
        if not self.shown.slot:
            return False
        if not self.is_ready:
            self.ahead = Page(self.connection.ask("GET", self.shown.next, **FRAGMENT).text)
        return True

    def submit(self) -> None:
        body = urlencode(self.shown.judgement()).encode()
        kept = self.ahead if self.keeps else NOTHING
        headers = {**FORM, **FRAGMENT, **kept.as_kept()}
        answer = self.connection.ask("POST", f"{self.shown.address}submit/", body, **headers)
        is_held, came = answer.headers.get("Desk-Next") == kept.slot, Page(answer.text)
        self.shown, self.ahead = (kept, came) if is_held else (came, NOTHING)

    def close(self) -> None:
        self.connection.close()


class LabelStudioDesk:
    """What its own label stream calls."""

    is_ready = False
    RESULT = ({"from_name": "pw", "to_name": "r1", "type": "pairwise", "value": {"selected": "left"}},)

    def __init__(self, connection: Connection, project: int) -> None:
        self.connection, self.project = connection, project

    def arrive(self) -> None:
        self.connection.send_json("GET", f"/api/projects/{self.project}/")

    def next(self) -> bool:
        self.task = self.connection.send_json("POST", f"/api/dm/actions?id=next_task&project={self.project}", {})
        return True

    def submit(self) -> None:
        said = {"result": self.RESULT, "lead_time": SECONDS, "project": self.project, "draft_id": 0}
        self.connection.send_json("POST", f"/api/tasks/{self.task['id']}/annotations?project={self.project}", said)

    def close(self) -> None:
        self.connection.close()


class ArgillaDesk:
    """One pending record from the search, then a response to it."""

    is_ready = False
    PENDING = (
        {"type": "terms", "scope": {"entity": "response", "property": "status"}, "values": ["pending"]},
        {"type": "terms", "scope": {"entity": "record", "property": "status"}, "values": ["pending"]},
    )

    def __init__(self, connection: Connection, dataset: str) -> None:
        self.connection, self.dataset = connection, dataset

    def arrive(self) -> None:
        self.connection.send_json("GET", f"/api/v1/datasets/{self.dataset}")

    def next(self) -> bool:
        found = self.connection.send_json(
            "POST",
            f"/api/v1/me/datasets/{self.dataset}/records/search?include=responses&include=suggestions&offset=0&limit=1",
            {"query": {}, "filters": {"and": self.PENDING}},
        )
        self.record = found["items"][0]["record"] if found["items"] else None
        return self.record is not None

    def submit(self) -> None:
        ranking = [{"value": "r0", "rank": 1}, {"value": "r1", "rank": 2}]
        said = {"values": {"ranking": {"value": ranking}}, "status": "submitted"}
        self.connection.send_json("POST", f"/api/v1/records/{self.record['id']}/responses", said)

    def close(self) -> None:
        self.connection.close()
