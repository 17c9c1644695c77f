"""Every text is marked, and every marked text is there in every language. No gettext tool is needed for this."""

import ast
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import polib
import pytest
from django.conf import settings
from django.template.base import Node, TextNode
from django.template.loader import get_template
from django.template.loader_tags import BlockNode
from django.templatetags.i18n import BlockTranslateNode, TranslateNode
from django.utils.translation import trim_whitespace

from annotation.templatetags.words import WORDS
from tests.house.test_house import ROOT, own_files

LANGUAGES = [code for code, _ in settings.LANGUAGES if code != "en"]
PLAIN = {"_", "gettext", "gettext_lazy", "gettext_noop"}
PLURAL = {"ngettext", "ngettext_lazy"}
IN_CONTEXT = {"pgettext", "pgettext_lazy"}
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%\(\w+\)r|%%|</?\w+|&\w+;")
SPOKEN = ("alt", "aria-label", "data-label", "placeholder", "title")
# What is the same in every language.
NAMES = {"Flywheel", "Backspace", "Enter", "Esc", "SVG", "PNG", "CSV"}
CLASSES = ("body_class", "main_class")  # blocks that stand in an attribute


def catalogue(code: str, ending: str = "po") -> Path:
    return ROOT / "flywheel" / "locale" / code / "LC_MESSAGES" / f"django.{ending}"


def templates() -> list[Path]:
    return own_files("templates/*.html")


def nodes(path: Path) -> list[Node]:
    template = get_template(str(path.relative_to(ROOT / "templates"))).template  # type: ignore[attr-defined]
    found = template.nodelist.get_nodes_by_type(Node)
    classes = [
        node for block in found if isinstance(block, BlockNode) and block.name in CLASSES for node in block.nodelist
    ]
    return [node for node in found if node not in classes]


def marked_in_template(path: Path) -> Iterator[str]:
    yield from re.findall(r"""\b_\(["']([^"']+)["']\)""", path.read_text())  # an argument of a filter
    for node in nodes(path):
        if isinstance(node, TranslateNode):
            literal = node.filter_expression.var.literal
            if isinstance(literal, str):
                yield literal.replace("%", "%%")
        elif isinstance(node, BlockTranslateNode):
            for part in filter(None, (node.singular, node.plural)):
                text = node.render_token_list(part)[0]
                yield trim_whitespace(text) if node.trimmed else text


def marked_in_python(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            first = {**dict.fromkeys(PLAIN | PLURAL, 0), **dict.fromkeys(IN_CONTEXT, 1)}.get(node.func.id)
            wanted = [] if first is None else node.args[first : first + (2 if node.func.id in PLURAL else 1)]
            for argument in wanted:
                if isinstance(argument, ast.Constant):
                    yield argument.value


def marked() -> set[str]:
    """What `makemessages` finds."""
    found = {text for path in templates() for text in marked_in_template(path)}
    for path in own_files("annotation/*.py", "flywheel/*.py", "training/*.py"):
        found |= set(marked_in_python(path))
    return found


@pytest.mark.parametrize("code", LANGUAGES)
def test_what_is_marked_is_what_is_translated(code):
    """Else: `manage.py makemessages`, translate, `manage.py compilemessages` (CONTRIBUTING.md)."""
    told = {
        text for entry in polib.pofile(str(catalogue(code))) for text in (entry.msgid, entry.msgid_plural) if text
    }
    assert marked() - told == set(), "not yet in the catalogue"
    assert told - marked() == set(), "no longer used"


@pytest.mark.parametrize("code", LANGUAGES)
def test_nothing_is_left_untranslated_or_doubtful(code):
    entries = polib.pofile(str(catalogue(code)))
    assert [entry.msgid for entry in entries if not entry.translated() or entry.fuzzy or entry.obsolete] == []


@pytest.mark.parametrize("code", LANGUAGES)
def test_placeholders_and_tags_are_those_of_the_original(code):
    wrong = []
    for entry in polib.pofile(str(catalogue(code))):
        allowed = {
            tuple(sorted(PLACEHOLDER.findall(text))) for text in (entry.msgid, entry.msgid_plural or entry.msgid)
        }
        for text in entry.msgstr_plural.values() or [entry.msgstr]:
            edges = (
                text[:1].isspace() == entry.msgid[:1].isspace() and text[-1:].isspace() == entry.msgid[-1:].isspace()
            )
            if tuple(sorted(PLACEHOLDER.findall(text))) not in allowed or not edges:
                wrong.append(text)
    assert wrong == []


@pytest.mark.parametrize("code", LANGUAGES)
def test_what_was_compiled_says_what_is_written(code):
    def said(entries):  # type: ignore[no-untyped-def]
        return {
            (one.msgctxt, one.msgid): (one.msgstr, {int(n): text for n, text in one.msgstr_plural.items()})
            for one in entries
            if one.msgstr or one.msgstr_plural
        }

    assert said(polib.mofile(str(catalogue(code, "mo")))) == said(polib.pofile(str(catalogue(code))))


def test_scripts_use_the_words_that_there_are_and_all_of_them():
    scripts = "\n".join(path.read_text() for path in own_files("static/js/*.js"))
    asked = set(re.findall(r"\bwords\(\s*[\"'](\w+)[\"']", scripts))
    assert asked - set(WORDS) == set()
    named = set(re.findall(r"[\"'](\w+)[\"']", scripts))
    families = tuple(re.findall(r"`(\w+_)\$\{", scripts))  # words(`help_${key}`)
    assert {key for key in WORDS if key not in named and not key.startswith(families)} == set()


class Spoken(HTMLParser):
    """What a person reads or hears of a piece of HTML."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.command = False
        self.feed(markup)

    def handle_data(self, data: str) -> None:
        if not self.command:
            self.found.append(data)

    def handle_endtag(self, tag: str) -> None:
        self.command = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.command = tag == "pre"
        self.found += [value or "" for name, value in attrs if name in SPOKEN]


@pytest.mark.parametrize("path", templates(), ids=lambda path: str(path.relative_to(ROOT / "templates")))
def test_no_text_of_a_page_is_left_unmarked(path):
    """Text nodes alone: what a tag puts in is data, or was marked."""
    markup = "".join(node.s if isinstance(node, TextNode) else "" for node in nodes(path))
    words = {word for text in Spoken(markup).found for word in re.findall(r"[^\W\d_]{2,}", text)}
    assert words - NAMES == set()
