"""The one sanitiser: whatever a text was, what comes out may stand in a page."""

import html
import re
from html.parser import HTMLParser
from urllib.parse import urlsplit

import pytest
from django.template import Context, Template
from hypothesis import given
from hypothesis import strategies as st

from annotation.formats import formulas
from annotation.formats.markdown import (
    HIGHLIGHT_CLASSES,
    MAX_PAGE_CHARACTERS,
    MAX_PLAIN_CHARACTERS,
    MAX_RICH_CHARACTERS,
    TAGS,
    Page,
    render,
    sanitise,
)
from tests.annotation.hostile import HOSTILE

ATTRIBUTES = {"href", "title", "start", "class", "dir", "target", "rel", "display"}
ATTRIBUTES = ATTRIBUTES.union(*formulas.ATTRIBUTES.values())
CLASSES = {*HIGHLIGHT_CLASSES, *formulas.CLASSES, "formula"}


class Reader(HTMLParser):
    """Collects every tag and attribute of a fragment."""

    def __init__(self, fragment: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(fragment)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def inside(html: str) -> Reader:
    """What stands inside the one div that we put around it."""
    opening, rest = html.split(">", 1)
    assert opening in ('<div class="prose" dir="auto"', '<div class="prose prose--plain" dir="auto"')
    assert rest.endswith("</div>")
    return Reader(rest.removesuffix("</div>"))


def assert_safe(html: str) -> None:
    for tag, attributes in inside(html).tags:
        assert tag in {*TAGS, "wbr"}
        assert set(attributes) <= ATTRIBUTES
        classes = (attributes.get("class") or "").split()
        assert set(classes) <= CLASSES
        if attributes.get("href") is not None:
            assert urlsplit(attributes["href"]).scheme in {"http", "https", "mailto"}
        if tag == "a":
            assert {"noopener", "noreferrer"} <= set((attributes["rel"] or "").split())
            assert attributes["target"] == "_blank"


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_comes_out_harmless(text):
    assert_safe(render(text))


@pytest.mark.parametrize("text", HOSTILE)
def test_html_that_slipped_through_the_parser_is_still_cut_down(text):
    assert_safe(f'<div class="prose" dir="auto">{sanitise(text)}</div>')


@given(st.text(alphabet="<>&\"'`*_[](){}!#-|~:/\\ \n\tabjs=$^\u202e\u05d0", max_size=200))
def test_any_text_comes_out_harmless(text):
    assert_safe(render(text))


TEX = r"""
$ $$ \( \) \[ \] \begin{align} \end{align} \begin{matrix} \end{matrix} \left( \right) \sqrt \frac \mathop \def\a
\newcommand \text{<script>x()</script>} \href{javascript:x()} \style{all:unset} \class{desk} \hspace{-9em}
\operatorname{<b>} { } <style> <mglyph> &lt;img </mtext> </math> > - a ^ _ & \\ ' "
"""


@given(st.lists(st.sampled_from([*TEX.split(), *" \n\0"]), max_size=30))
def test_any_formula_comes_out_harmless(parts):
    assert_safe(render("".join(parts)))
    assert_safe(render(f"${''.join(parts)}$"))


def test_html_is_shown_as_the_text_it_is():
    assert inside(render("Use <b>bold</b> & <script>x()</script>.")).text.strip() == (
        "Use <b>bold</b> & <script>x()</script>."
    )


def test_markdown_is_rendered_below_the_headings_of_the_page():
    html = render("# Title\n\n- **one**\n- `two`\n\n|a|b|\n|-|-|\n|1|2|")
    assert [tag for tag, _ in inside(html).tags] == [
        "h4", "ul", "li", "strong", "li", "code", "table", "thead", "tr", "th", "th", "tbody", "tr", "td", "td",
    ]  # fmt: skip


def test_code_is_highlighted_with_classes_and_without_styles():
    html = render("```python\ndef f():\n    return 'x'\n```")
    assert '<span class="k">def</span>' in html
    assert "style" not in html


def test_code_of_an_unknown_language_stays_plain():
    assert "<span" not in render("```klingon\nqapla' <b>\n```")


def test_an_image_is_named_and_not_loaded():
    html = render("![a cat](https://example.com/cat.png)")
    assert "<img" not in html
    assert ">[image: a cat]</a>" in html


def test_every_block_finds_its_own_direction():
    html = render("Hello\n\nשלום")
    assert html.count('<p dir="auto">') == 2


def test_deep_nesting_loses_no_text():
    text = "".join(f"{'  ' * depth}- level{depth}\n" for depth in range(40))
    assert all(f"level{depth}" in render(text) for depth in range(40))


def test_a_very_long_text_is_shown_as_it_was_written():
    text = "**<i>** " * MAX_RICH_CHARACTERS
    shown, _ = render(text).split("<details>")
    assert inside(shown).tags == []
    assert inside(shown).text == text[:MAX_PLAIN_CHARACTERS]


def test_texts_beyond_the_budget_of_the_page_are_shown_plain():
    page = Page(10)
    short, long, last = map(page.render, ["*a*", "*" + "b" * 20 + "*", "*c*"])

    assert "<em" in short
    assert "prose--plain" in long
    assert "prose--plain" in last


@pytest.mark.parametrize("language", ["brainfuck", "text only", "python\x00", "PYTHON3", "."])
def test_code_in_a_language_that_is_not_listed_stays_plain(language):
    assert "<span" not in render(f"```{language}\nimport this\n```")


def test_the_texts_of_one_template_share_its_budget():
    page = Template("{% load markdown %}{% for text in texts %}{% rich text %}{% endfor %}")
    texts = ["*a*" + "b" * (MAX_RICH_CHARACTERS - 3)] * (MAX_PAGE_CHARACTERS // MAX_RICH_CHARACTERS + 1)

    for _ in range(2):
        shown = page.render(Context({"texts": texts}))
        assert shown.count("<em") == len(texts) - 1
        assert shown.count("prose--plain") == 1


def test_a_long_run_without_spaces_can_be_broken_and_stays_the_same_text():
    made = render("=" * 1000 + "&" * 450)
    assert made.count("<wbr>") == 7
    assert "&<wbr>amp;" not in made
    assert html.unescape(re.sub(r"<[^>]*>", "", made)).strip() == "=" * 1000 + "&" * 450


def test_words_are_not_broken():
    assert "<wbr>" not in render("a word and another " * 100)


def test_of_a_very_long_text_the_rest_opens_on_demand():
    text = "".join(f"{i} " for i in range(20_000))
    shown, rest = render(text).split("<details>")
    assert html.unescape(re.sub(r"<[^>]*>", "", shown)) == text[:MAX_PLAIN_CHARACTERS]
    assert html.escape(text[MAX_PLAIN_CHARACTERS:]) in re.sub("<wbr>", "", rest)
