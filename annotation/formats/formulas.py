"""LaTeX formulas as MathML, which browsers draw and read aloud by themselves.

The converter is not made for hostile input (it escapes nothing), so that only its tree is used: what is not listed
here is left out, and a formula that it does not wholly understand is none.
"""

import html
import re
from xml.etree.ElementTree import Element

from latex2mathml.converter import Converter

MAX_CHARACTERS = 2_000  # of one formula; measured: about 20 ms
MAX_DEPTH = 60

# They define commands: a few lines of them can stand for a billion others.
DEFINITIONS = re.compile(r"\\(?:re)?(?:new(?:command|environment)|def\b|DeclareMathOperator|let\b|edef|gdef|xdef)")
# What the converter lacks, and numbers at lines that nobody refers to.
ALIGNED = re.compile(r"\\(begin|end)\{(?:aligned|align|split|eqnarray\*?)\}")
GATHERED = re.compile(r"\\(begin|end)\{gathered\}")

LEAVES = {"mi", "mn", "mo", "mtext", "mspace"}
# Of these only the inside is kept, and whether it stood in a box or was struck.
ROWS = {"menclose", "mpadded", "mrow"}
PARTS = {"mfrac": 2, "mover": 2, "mroot": 2, "msub": 2, "msubsup": 3, "msup": 2, "munder": 2, "munderover": 3}
BRANCHES = {*PARTS, "mphantom", "msqrt", "mstyle", "mtable", "mtd", "mtr"}
TAGS = {"math", "mrow", *LEAVES, *BRANCHES}
CLASSES = {"math-box", "math-struck"}

SWITCH = re.compile(r"true|false")
LENGTH = re.compile(r"\d(?:\.\d+)?em|0")  # short and never negative: nothing leaves its place
ATTRIBUTES = {
    "mo": {"accent": SWITCH, "fence": SWITCH, "maxsize": LENGTH, "minsize": LENGTH, "movablelimits": SWITCH,
           "stretchy": SWITCH, "form": re.compile("prefix|infix|postfix")},
    "mi": {"mathvariant": re.compile("normal|bold|italic|bold-italic")},
    "mn": {"mathvariant": re.compile("bold")},
    "mtext": {"mathvariant": re.compile("bold|italic|bold-italic|monospace")},
    "mfrac": {"linethickness": re.compile("0")},
    "mover": {"accent": SWITCH},
    "munder": {"accentunder": SWITCH},
    "mspace": {"width": LENGTH},
    "mstyle": {"displaystyle": SWITCH, "scriptlevel": re.compile("[012]")},
    "mtable": {"displaystyle": SWITCH},
    "mtd": {"columnalign": re.compile("left|center|right")},
}  # fmt: skip


class NotAFormula(ValueError):
    """The text is not LaTeX as far as it is known here."""


def mathml(latex: str, *, display: bool) -> str:
    """The formula as markup, or NotAFormula."""
    if not latex.strip() or len(latex) > MAX_CHARACTERS or DEFINITIONS.search(latex):
        raise NotAFormula
    known = GATHERED.sub(r"\\\1{matrix}", ALIGNED.sub(r"\\\1{align*}", latex))
    mode = "block" if display else "inline"
    try:
        tree = Converter(display=mode).convert_to_element(known)
    except Exception as error:  # it fails in as many ways as there are mistakes: StopIteration, IndexError, KeyError…
        raise NotAFormula from error
    return f'<math display="{mode}">{children(tree, depth=0)}</math>'


def children(element: Element, *, depth: int) -> str:
    return "".join(written(child, depth=depth + 1) for child in element)


def written(element: Element, *, depth: int) -> str:
    """The element and what is in it. Leaves hold text alone: within them a browser would read HTML again."""
    tag = element.tag
    if depth > MAX_DEPTH or tag not in LEAVES | ROWS | BRANCHES:
        raise NotAFormula
    if tag in LEAVES and not len(element):
        return f"<{tag}{attributes(element)}>{text_of(element)}</{tag}>"
    if (element.text or "").strip() or len(element) != PARTS.get(tag, len(element)):
        raise NotAFormula
    name = tag if tag in BRANCHES else "mrow"
    return f"<{name}{attributes(element)}>{children(element, depth=depth)}</{name}>"


def attributes(element: Element) -> str:
    allowed = ATTRIBUTES.get(element.tag, {})
    kept = {
        name: value for name, value in element.attrib.items() if name in allowed and allowed[name].fullmatch(value)
    }
    if element.tag == "menclose":
        kept["class"] = "math-box" if "box" in element.get("notation", "") else "math-struck"
    return "".join(f' {name}="{value}"' for name, value in kept.items())


def text_of(leaf: Element) -> str:
    """The converter writes some characters as references. Source that is still LaTeX was not understood."""
    text = leaf.text or ""
    if text == "&" or (text.startswith("\\") and leaf.tag != "mtext"):
        raise NotAFormula
    return html.escape(html.unescape(text))
