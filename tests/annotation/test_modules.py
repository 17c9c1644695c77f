"""The desk names all of its scripts, so that they come at once."""

import re
from pathlib import Path

from django.conf import settings

from annotation.templatetags import modules

STATIC = settings.BASE_DIR / "static"
IMPORT = re.compile(r'^import [^;]*?"(\.[^"]+)";$', re.MULTILINE)


def imported(script: Path, found: set[Path]) -> set[Path]:
    if script not in found:
        found.add(script)
        for other in IMPORT.findall(script.read_text()):
            imported((script.parent / other).resolve(), found)
    return found


def test_every_module_that_the_desk_imports_is_named_and_no_other():
    found = imported(STATIC / "js" / "desk.js", set())
    assert sorted(modules.DESK) == sorted(str(script.relative_to(STATIC)) for script in found)


def test_each_is_preloaded():
    links = modules.desk_modules()
    assert links.count('<link rel="modulepreload" href="/static/') == len(modules.DESK)
    assert "js/ladder" in links
