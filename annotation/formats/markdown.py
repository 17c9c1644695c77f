"""The one way from hostile Markdown to HTML that may stand in a page.

CommonMark with tables and formulas; HTML in the text is shown as text. Images are named, never loaded. The output
passes through a second, independent sanitiser, so that a mistake in the first lets nothing out.
"""

import html
import re
from collections.abc import MutableMapping, Sequence
from functools import cache, lru_cache
from typing import Any

import nh3
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererProtocol
from markdown_it.token import Token
from markdown_it.utils import OptionsDict
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name
from pygments.token import STANDARD_TYPES

from annotation.formats import formulas
from annotation.formats.markdown_formulas import read_formulas

MAX_RICH_CHARACTERS = 50_000  # measured: beyond this a page takes noticeably long to make; longer text is shown plain
MAX_PAGE_CHARACTERS = 200_000  # all texts of a page together, so that nobody makes a page slow with many of them
MAX_PLAIN_CHARACTERS = 50_000  # of a plain text so much is laid out at once; the rest opens on demand
MAX_HIGHLIGHTED_CHARACTERS = 10_000
MAX_KEPT_CHARACTERS = 20_000
MOST_KEPT = 256  # of the longest about 20 MB in a process
MAX_NESTING = 100  # the default of 20 silently drops what is deeper, and the judge would not see it
HIGHEST_HEADING = 4  # the page itself has the levels above

# Entities are one character and are never cut; what is sanitised or escaped holds "<" in tags only.
LONGEST_RUN = 200
LONG_RUN = re.compile(rf"(?:&[#\w]{{1,8}};|[^\s&]){{{LONGEST_RUN}}}")
TAG_OR_TEXT = re.compile(r"<[^>]*>|[^<]+")

DIRECTION = {"dir": "auto"}
BLOCKS = ("p", "h4", "h5", "h6", "ul", "ol", "li", "blockquote", "th", "td")
# The languages that answers are written in. Others stay plain: some lexers take a hostile text very long.
LANGUAGES = {
    *("bash", "c", "c++", "cpp", "csharp", "css", "diff", "go", "html", "java", "javascript", "js", "json", "kotlin"),
    *("php", "py", "python", "r", "ruby", "rust", "sh", "sql", "swift", "toml", "ts", "typescript", "xml", "yaml"),
}
MATH_ATTRIBUTES = {tag: set(attributes) for tag, attributes in formulas.ATTRIBUTES.items()}
TAGS = {*BLOCKS, "a", "br", "code", "em", "hr", "pre", "s", "span", "strong", "table", "tbody", "thead", "tr"}
TAGS |= formulas.TAGS


def is_plain(text: str) -> bool:
    """Whether `render` shows this text as it is, because it is too long to be dressed."""
    return len(text) > MAX_RICH_CHARACTERS


def render(text: str) -> str:
    """HTML that is safe to put into a page, whatever the text was."""
    if is_plain(text):
        return plain(text)
    return _kept(text) if len(text) <= MAX_KEPT_CHARACTERS else _rich(text)


def _rich(text: str) -> str:
    return f'<div class="prose" dir="auto">{breakable(sanitise(PARSER.render(text)))}</div>'


@lru_cache(maxsize=MOST_KEPT)
def _kept(text: str) -> str:
    """A task is read by several people, and guidelines by everyone."""
    return _rich(text)


def plain(text: str) -> str:
    shown, rest = text[:MAX_PLAIN_CHARACTERS], text[MAX_PLAIN_CHARACTERS:]
    block = '<div class="prose prose--plain" dir="auto">{}</div>'
    more = (
        f"<details><summary>Show the remaining {len(rest):,} characters</summary>"
        f"{block.format(breakable(html.escape(rest)))}</details>"
    )
    return block.format(breakable(html.escape(shown))) + (more if rest else "")


def breakable(markup: str) -> str:
    """The same HTML with a place to break after so many characters without a space: laying out a run of many
    thousands takes a browser minutes."""
    if max(map(len, markup.split()), default=0) < LONGEST_RUN:
        return markup
    return "".join(
        part if part.startswith("<") else LONG_RUN.sub(r"\g<0><wbr>", part) for part in TAG_OR_TEXT.findall(markup)
    )


class Page:
    """The budget of one page, shared by its texts in the order in which they come."""

    def __init__(self, budget: int = MAX_PAGE_CHARACTERS) -> None:
        self.left = budget

    def render(self, text: str) -> str:
        if is_plain(text):
            return plain(text)
        self.left -= len(text)
        return render(text) if self.left >= 0 else plain(text)


def sanitise(untrusted: str) -> str:
    return CLEANER.clean(untrusted)


def highlighted(code: str, language: str, _attributes: str) -> str:
    """Code with Pygments' classes; "" leaves it plain, when the language is not of ours or the code long."""
    if language.lower() not in LANGUAGES or len(code) > MAX_HIGHLIGHTED_CHARACTERS:
        return ""
    return str(highlight(code, lexer_for(language.lower())(), HIGHLIGHTER))


@cache
def lexer_for(language: str) -> type[Lexer]:
    """Pygments looks through its hundreds of them for a name, each time."""
    return type(get_lexer_by_name(language))


def named_image(
    _renderer: RendererProtocol,
    tokens: Sequence[Token],
    index: int,
    _options: OptionsDict,
    _environment: MutableMapping[str, Any],
) -> str:
    """A link in place of the image: loading it would tell its owner who reads this, and when."""
    image = tokens[index]
    address = html.escape(str(image.attrs.get("src", "")))
    return f'<a href="{address}">[image: {html.escape(image.content) or "no description"}]</a>'


def lower_headings(state: Any) -> None:
    for token in state.tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, int(token.tag[1]) + HIGHEST_HEADING - 1)}"


def parser() -> MarkdownIt:
    options = {"html": False, "highlight": highlighted, "maxNesting": MAX_NESTING}
    markdown = MarkdownIt("commonmark", options).enable(["table", "strikethrough"])
    markdown.add_render_rule("image", named_image)
    read_formulas(markdown)
    markdown.core.ruler.push("lower_headings", lower_headings)
    return markdown


def cleaner() -> nh3.Cleaner:
    return nh3.Cleaner(
        tags=TAGS,
        attributes={"a": {"href", "title"}, "ol": {"start"}, **MATH_ATTRIBUTES},
        allowed_classes={"span": HIGHLIGHT_CLASSES, "mrow": formulas.CLASSES, "p": {"formula"}},
        tag_attribute_values={"math": {"display": {"block", "inline"}}},
        set_tag_attribute_values={"a": {"target": "_blank"}, **dict.fromkeys(BLOCKS, DIRECTION)},
        url_schemes={"http", "https", "mailto"},
        url_relative="deny",
        link_rel="noopener noreferrer nofollow ugc",
    )


HIGHLIGHT_CLASSES = {name for name in STANDARD_TYPES.values() if name}
HIGHLIGHTER = HtmlFormatter(nowrap=True)
PARSER, CLEANER = parser(), cleaner()
