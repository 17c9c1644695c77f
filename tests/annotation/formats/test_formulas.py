"""LaTeX in an answer is drawn by the browser as MathML; what is no formula stays what was written."""

import re
import time

import pytest

from annotation.formats.formulas import NotAFormula, mathml
from annotation.formats.markdown import render


def shown(text: str) -> str:
    return render(text).removeprefix('<div class="prose" dir="auto">').removesuffix("</div>").strip()


def in_words(markup: str) -> str:
    return re.sub(r"<[^>]*>", "", markup)


def test_a_formula_becomes_mathml():
    assert mathml(r"\frac{a}{b}", display=False) == (
        '<math display="inline"><mrow><mfrac><mrow><mi>a</mi></mrow><mrow><mi>b</mi></mrow></mfrac></mrow></math>'
    )


@pytest.mark.parametrize("text", ["$x$", r"\(x\)"])
def test_within_a_line_it_stays_within_the_line(text):
    assert shown(f"so {text}.") == '<p dir="auto">so <math display="inline"><mrow><mi>x</mi></mrow></math>.</p>'


@pytest.mark.parametrize("text", ["$$x$$", "$$\nx\n$$", "\\[ x \\]", r"\begin{equation}x\end{equation}"])
def test_on_lines_of_its_own_it_is_a_block(text):
    made = shown(f"so\n{text}.\nthen")
    assert made.startswith('<p dir="auto">so</p>\n<p class="formula" dir="auto"><math display="block">')
    assert in_words(made) == "so\nx.\nthen"


def test_a_leading_minus_in_a_block_begins_no_list():
    made = shown("\\[\na\n- b\n\\]")
    assert "<li" not in made
    assert in_words(made) == "a−b"


def test_it_stays_in_its_list_and_its_quotation():
    assert shown("- one\n  $$\n  x\n  $$\n- two").count("<li") == 2
    quoted = shown("> $$\n> x\n> + y\n> $$\n\nafter")
    assert in_words(quoted.split("</blockquote>")[0]).strip() == "x+y"


def test_aligned_lines_keep_their_columns():
    made = mathml(r"\begin{aligned}a&=b\\c&=d\end{aligned}", display=True)
    assert re.findall(r'columnalign="(\w+)"', made) == ["right", "left"] * 2


def test_a_result_in_a_box_and_a_term_struck_out_are_seen_as_such():
    assert '<mrow class="math-box"><mrow><mn>42</mn></mrow></mrow>' in mathml(r"\boxed{42}", display=False)
    assert '<mrow class="math-struck"><mrow><mi>x</mi></mrow></mrow>' in mathml(r"\cancel{x}", display=False)


@pytest.mark.parametrize(
    "text",
    ["It costs $5 and $6.", "a $ b $ c", r"\$x\$", "`$x$`", "```\n$x$\n```", "from $a$1", r"\\(x\\)", "one $ sign"],
)
def test_dollars_that_are_money_or_code_stay_what_they_are(text):
    assert "<math" not in render(text)


@pytest.mark.parametrize(
    "latex",
    [
        *(r"\unknown{x}", r"\frac{1}", "{", "a^b^c", r"\left( x", "a & b", r"\begin{matrix}a", "{" * 200 + "}" * 200),
        *(r"\newcommand{\a}{\b\b}\newcommand{\b}{x}\a", r"\def\a{x}\a", r"\ce{H2O}", "a" * 2001, "\ufffe\\"),
    ],
)
def test_what_is_not_understood_is_shown_as_it_was_written(latex):
    with pytest.raises(NotAFormula):
        mathml(latex, display=True)
    assert "<math" not in render(f"\\[{latex}\\]")


def test_source_that_is_shown_is_escaped():
    assert in_words(shown(r"$\unknown{<b>}$")) == r"$\unknown{&lt;b&gt;}$"
    assert "&lt;script&gt;" in mathml(r"\text{<script>}", display=False)


def test_no_command_brings_an_address_a_style_or_a_size_without_bounds():
    latex = r"\href{javascript:x()}{a} \style{all:unset}{b} \class{desk}{c} \color{white}{d} \rule{99em}{9em}"
    assert set(re.findall(r"<\w+ ([\w-]+)=", mathml(latex, display=False))) <= {"display"}


def test_a_leaf_never_holds_elements():
    """Within mi, mo, mn and mtext a browser reads HTML again."""
    made = mathml(r"\mathop{\rm arg\,max}_x", display=False)
    assert re.findall(r"<(mi|mo|mn|mtext)\b[^>]*><", made) == []


def test_of_many_formulas_the_first_are_drawn_and_all_are_there():
    text = "$" + "a+" * 450 + "b$ "
    made = render(text * 50)
    assert 20 <= made.count("<math") < 50
    assert made.count("$a+") == 50 - made.count("<math")


@pytest.mark.parametrize("opening", [r"\(", "$$", r"\[" + "\n", r"\begin{align}", "$a ", "> \\[\n", "$" + "{" * 90])
def test_openings_without_an_end_cost_little(opening):
    """Processor time, so that a busy machine fails nothing; quadratic work would take minutes."""
    before = time.process_time()
    render((opening * 50_000)[:49_000])
    assert time.process_time() - before < 10
