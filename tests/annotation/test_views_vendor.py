"""Scripts of others are exactly the files that static/vendor/README.md names."""

import hashlib
import re

from django.conf import settings

VENDOR = settings.BASE_DIR / "static" / "vendor"
ROW = re.compile(r"^\| (\S+) \| (\S+) \| (\S+) \| .* \| (\S+) \| ([0-9a-f]{64}) \|$", re.MULTILINE)


def listed() -> dict[str, str]:
    return {row[0]: row[4] for row in ROW.findall((VENDOR / "README.md").read_text())}


def test_every_script_has_the_listed_hash():
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in VENDOR.glob("*.js")}
    assert found == listed()


def test_our_pages_hold_no_inline_script_or_style():
    templates = (settings.BASE_DIR / "templates").rglob("*.html")
    inline = re.compile(r"<style|<script(?![^>]*\bsrc=)|\sstyle=|\son[a-z]+=|hx-on|javascript:", re.IGNORECASE)
    tags = re.compile(r"{%.*?%}")
    assert [str(path) for path in templates if inline.search(tags.sub("", path.read_text()))] == []
