"""The quality pages of the project "lumo", as they are written and as they are read."""

import html as escaping
import re

from django.test import Client

TAG = re.compile(r"<[^>]*>")


def html_of(client: Client, path: str = "") -> str:
    answer = client.get(f"/projects/lumo/quality/{path}")
    assert answer.status_code == 200
    return escaping.unescape(answer.content.decode()).replace("\xa0", " ")


def text_of(client: Client, path: str = "") -> str:
    """What is read on the page, in one line."""
    return " ".join(TAG.sub(" ", html_of(client, path)).split())
