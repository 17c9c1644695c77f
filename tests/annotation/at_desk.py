"""What the tests of the desk's addresses share: its addresses, and what its form holds and sends."""

import re

from django.test import Client

from annotation.models import Slot

HTMX = {"HX-Request": "true"}


def hidden_fields(html: str) -> dict[str, str]:
    form = html[html.index('id="judgement"') :]
    return dict(re.findall(r'<input type="hidden" name="(submission_key|shown)" value="([^"]*)"', form))


def open_task(desk: Client) -> tuple[Slot, dict[str, str]]:
    html = desk.get("/projects/desk/desk/").content.decode()
    return Slot.objects.get(state=Slot.State.LEASED), hidden_fields(html)


def ranks(**places: int) -> dict[str, int]:
    return {f"rank_{letter}": place for letter, place in places.items()}


def url(slot: Slot, verb: str = "") -> str:
    return f"/projects/desk/slots/{slot.token}/{verb}"
