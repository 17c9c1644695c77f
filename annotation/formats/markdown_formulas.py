r"""Formulas in Markdown: $…$ and \(…\) in a line, $$…$$, \[…\] and \begin{align}…\end{align} on lines of their own.

A dollar opens a formula as pandoc has it: no space after the first, none before the last and no digit behind it, so
that prices stay prices. What is no formula is shown as it was written.
"""

import html
import re
from collections.abc import MutableMapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererProtocol
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markdown_it.utils import OptionsDict

from annotation.formats.formulas import MAX_CHARACTERS, NotAFormula, mathml

MAX_TEXT_CHARACTERS = 20_000  # of all formulas in a text; what is beyond is shown as it was written

ENVIRONMENTS = "align|aligned|array|bmatrix|cases|eqnarray|equation|gather|gathered|matrix|multline|pmatrix|vmatrix"
ENVIRONMENT = re.compile(rf"\\begin\{{((?:{ENVIRONMENTS})\*?)\}}")
DOLLAR = re.compile(rf"\$(?![\s$])((?:[^$\\]|\\.){{1,{MAX_CHARACTERS}}})(?<!\s)\$(?!\d)", re.DOTALL)
BEHIND = re.compile(r"[ \t]*([.,;:]?)[ \t]*(?=\n|\Z)")


class Found(NamedTuple):
    latex: str
    end: int
    display: bool = True


def paired(source: str, begin: int, last: int) -> Found | None:
    """A formula with a closing of its own. Looked for within bounds, so that openings without end cost little."""
    for opening, closing, display in (("$$", "$$", True), (r"\[", r"\]", True), (r"\(", r"\)", False)):
        if source.startswith(opening, begin):
            inside = begin + len(opening)
            end = source.find(closing, inside, min(last, inside + MAX_CHARACTERS))
            return Found(source[inside:end], end + len(closing), display) if end > inside else None
    return None


def environment(source: str, begin: int, last: int) -> Found | None:
    named = ENVIRONMENT.match(source, begin, last)
    if not named:
        return None
    closing = rf"\end{{{named[1]}}}"
    end = source.find(closing, named.end(), min(last, begin + MAX_CHARACTERS))
    return Found(source[begin : end + len(closing)], end + len(closing)) if end > 0 else None


def in_dollars(source: str, begin: int, last: int) -> Found | None:
    found = DOLLAR.match(source, begin, last)
    return Found(found[1], found.end(), display=False) if found else None


def formula(state: StateInline, silent: bool) -> bool:
    if state.src[state.pos] not in "$\\":
        return False
    where = (state.src, state.pos, state.posMax)
    found = paired(*where) or environment(*where) or in_dollars(*where)
    if found is None:
        return False
    if not silent:
        token = state.push("formula", "math", 0)
        token.content, token.markup = found.latex, state.src[state.pos : found.end]
        token.meta = {"display": found.display}
    state.pos = found.end
    return True


def formula_block(state: StateBlock, first: int, last: int, silent: bool) -> bool:
    """Lines that a formula has for itself: within them a leading minus begins no list."""
    where = (state.src, state.bMarks[first] + state.tShift[first], state.eMarks[last - 1])
    if state.is_code_block(first):
        return False
    found = paired(*where) or environment(*where)
    behind = BEHIND.match(state.src, found.end) if found and found.display else None
    if found is None or behind is None:
        return False
    after = first + 1 + state.src.count("\n", where[1], found.end)
    if any(state.sCount[line] < state.blkIndent and not state.isEmpty(line) for line in range(first, after)):
        return False  # it leaves the list in which it began
    if not silent:
        source = state.getLines(first, after, state.blkIndent, False).strip()  # without the marks of a quotation
        inner = paired(source, 0, len(source)) or environment(source, 0, len(source))
        token = state.push("formula", "math", 0)
        token.block, token.map, token.markup = True, [first, after], source
        token.content = inner.latex if inner else source
        token.meta = {"display": True, "behind": behind[1]}
        state.line = after
    return True


def written(
    _renderer: RendererProtocol,
    tokens: Sequence[Token],
    index: int,
    _options: OptionsDict,
    budget: MutableMapping[str, Any],
) -> str:
    token = tokens[index]
    budget["formulas"] = budget.get("formulas", 0) + len(token.content)
    shown = html.escape(token.markup)
    if budget["formulas"] <= MAX_TEXT_CHARACTERS:
        with suppress(NotAFormula):
            shown = mathml(token.content, display=token.meta["display"]) + token.meta.get("behind", "")
    return f'<p class="formula">{shown}</p>\n' if token.block else shown


def read_formulas(markdown: MarkdownIt) -> None:
    markdown.inline.ruler.before("escape", "formula", formula)
    markdown.block.ruler.before(
        "fence", "formula", formula_block, {"alt": ["paragraph", "reference", "blockquote", "list"]}
    )
    markdown.add_render_rule("formula", written)
