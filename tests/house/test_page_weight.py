"""The desk stays light: all scripts and styles of its page, compressed as they are served."""

import gzip
import re
from pathlib import Path
from urllib.parse import urljoin

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from django.urls import reverse

from tests.factories import AnnotatorFactory, MembershipFactory, ProjectFactory, TaskFactory

LIMIT = 100_000
IN_PAGE = re.compile(r'<(?:script[^>]* src|link rel="stylesheet" href)="([^"]+)"')
IN_MODULE = re.compile(r"""(?:^import|\bfrom|\bimport\()\s*["'](\.[^"']+)["']""", re.MULTILINE)
IN_STYLE = re.compile(r"""@import\s+(?:url\()?["']([^"']+)["']""")


def file_of(address: str) -> Path:
    found = finders.find(address.removeprefix(f"/{settings.STATIC_URL.strip('/')}/"))
    assert found, f"{address} is in the page, but not among the static files"
    return Path(found)


def with_imports(addresses: list[str]) -> set[str]:
    """These files and all that they import in turn."""
    found: set[str] = set()
    while addresses:
        address = addresses.pop()
        if address in found:
            continue
        found.add(address)
        imports = IN_STYLE if address.endswith(".css") else IN_MODULE
        addresses += [urljoin(address, name) for name in imports.findall(file_of(address).read_text())]
    return found


@pytest.mark.django_db
def test_scripts_and_styles_of_the_desk_weigh_less_than_100_kilobytes(client):
    project, annotator = ProjectFactory(), AnnotatorFactory()
    MembershipFactory(project=project, user=annotator.user)
    TaskFactory(project=project)
    client.force_login(annotator.user)
    page = client.get(reverse("annotation:desk", args=[project.slug])).content.decode()

    files = with_imports(IN_PAGE.findall(page))
    weights = {address: len(gzip.compress(file_of(address).read_bytes())) for address in files}

    some = {"js/desk.js", "js/ladder.js", "vendor/sortable.core.esm.js", "css/desk.css"}
    assert some <= {name[8:] for name in files}
    assert sum(weights.values()) < LIMIT, sorted(weights.items(), key=lambda item: -item[1])
