"""What is said at the desk beside the ranking: ratings, flags, highlights, an edit, a reason, one's own answer."""

import itertools
import json
import random
import re

import pytest
from playwright.sync_api import Page, expect

from annotation.models import Judgement, Project, Task
from tests.browser.conftest import PHONE
from tests.browser.desk import at_desk, press, wait_for_judgements
from tests.factories import PolicyFactory, PromptFactory, ResponseFactory, TaskFactory

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

CRITERIA = [
    {"name": "correctness", "scale": 5, "description": "Is all of it true?"},
    {"name": "length", "scale": 20, "required": False},
]
LAMP = "Hold the dial for **five seconds**. It blinks.\n\n1. Plug it in.\n2. Wait & see."


def ask(project: Project, *texts: str, **asked) -> Task:  # type: ignore[no-untyped-def]
    """A task with these answers, another one behind it, and a project that asks for this."""
    Project.objects.filter(pk=project.pk).update(**asked)
    prompt = PromptFactory(project=project)
    task = TaskFactory(project=project, prompt=prompt, size=0, priority=1)
    for position, text in enumerate(texts):
        task.positions.create(
            response=ResponseFactory(prompt=prompt, policy=PolicyFactory(), text=text), position=position
        )
    TaskFactory(project=project, size=2)
    return task


def position_of(judgement: Judgement, letter: str) -> int:
    position: int = judgement.shown["ABC".index(letter)]
    return position


def focused_row(page: Page, letter: str, criterion: str):  # type: ignore[no-untyped-def]
    return page.locator(f'#answer-{letter} [data-criterion="{criterion}"]:focus-within')


def rate(page: Page) -> None:
    press(page, "Enter")
    expect(page.get_by_role("alert")).to_have_text("A has no rating for correctness.")
    expect(focused_row(page, "A", "correctness")).to_be_visible()
    press(page, "4")
    expect(focused_row(page, "A", "length")).to_be_visible()
    press(page, "1", "7", "Enter")
    expect(focused_row(page, "B", "correctness")).to_be_visible()
    press(page, "5", "9", "Enter", "2", "8", "Enter")
    expect(page.locator("#answer-C")).to_be_focused()


def explain(page: Page) -> None:
    press(page, "Enter")
    expect(page.get_by_role("alert")).to_have_text("Say why: this project asks for a reason.")
    expect(page.get_by_label("Why?")).to_be_focused()
    page.keyboard.type("B says it shortly.")
    press(page, "Escape")
    expect(page.locator("#answer-C")).to_be_focused()


def flag(page: Page) -> None:
    press(page, "b", "f", "1", "4", "6", "c", "2")
    expect(page.locator("#answer-B .labels")).to_have_text("HarmfulBroken")
    expect(page.locator(".conversation [data-label=flags]")).to_have_text("Unclear")
    press(page, "Escape")
    expect(page.locator(".answer.is-current")).to_be_focused()
    press(page, "z")
    expect(page.locator("#answer-C .labels")).to_have_text("")
    press(page, "y")
    expect(page.locator("#answer-C .labels")).to_have_text("Personal data")


def edit_the_best(page: Page) -> None:
    press(page, "e")
    expect(page.get_by_label("The edited answer")).to_be_focused()
    page.keyboard.type("In short: ")
    expect(page.locator("[data-changes] ins")).to_have_text("In short:")
    press(page, "Escape")
    expect(page.locator("#answer-B .labels")).to_have_text("HarmfulBrokenedited")


def highlight_the_first_sentence(page: Page) -> None:
    press(page, "a", "h")
    expect(page.get_by_role("button", name="Choose a sentence")).to_be_focused()
    press(page, "Enter")
    expect(page.locator("#answer-A")).to_be_focused()
    press(page, "Enter")
    expect(page.get_by_label("Comment on the highlight")).to_be_focused()
    page.keyboard.type("true")
    press(page, "Enter")
    expect(page.locator("#answer-A .labels")).to_have_text("highlights: 1")


def test_everything_beside_the_ranking_is_said_by_keys_alone_and_survives_a_reload(visit, project, annotator):
    task = ask(
        project, LAMP, "It is *broken*.", "Ask the **shop**.", criteria=CRITERIA, reason_asked="required",
        highlights_asked=True, edit_asked=True,
    )  # fmt: skip
    texts = [item.response.text for item in task.positions.select_related("response").order_by("position")]
    page = at_desk(visit(annotator.user))
    press(page, "2", "1", "3")
    for act in (rate, explain, flag, edit_the_best, highlight_the_first_sentence):
        act(page)
    expect(page.locator("[data-saved]")).to_have_text("Draft kept")
    page.reload()
    expect(page.locator("[data-desk][data-ready]")).to_be_visible()
    expect(page.locator("#answer-B .labels")).to_have_text("HarmfulBrokenedited")
    expect(page.locator("#answer-A .labels")).to_have_text("highlights: 1")
    press(page, "Enter")

    [judgement] = wait_for_judgements(page, 1)
    a, b, c = (position_of(judgement, letter) for letter in "ABC")
    assert judgement.ranking == [[b], [a], [c]]
    assert [judgement.ratings["correctness"][p] for p in (a, b, c)] == [4, 5, 2]
    assert [judgement.ratings["length"][p] for p in (a, b, c)] == [17, 9, 8]
    assert judgement.reason == "B says it shortly."
    assert {(flag["flag"], flag.get("response")) for flag in judgement.flags} == {
        ("harmful", b), ("broken", b), ("personal_data", c), ("unclear", None),
    }  # fmt: skip
    assert judgement.edited == {str(b): f"In short: {texts[b]}"}
    [span] = judgement.spans
    assert (span["response"], span["start"], span["comment"]) == (a, 0, "true")
    assert span["text"] == texts[a][: span["end"]] != ""


HARD = {
    "A": "Hold the dial for **five seconds** until un**believ**able *things* happen.",
    "B": "One the, two the, three the.\n\n- first\n- second the\n- third\n\n1. On.\n2. Off.",
    "C": "```python\ndef add(a, b):\n    return a + b\n```\nThen `add(1, 2)` is 3.",
    "D": "A 👩‍👩‍👧 family 🎉 and\r\none 👩 alone &amp; &euro;5 \\*raw\\*.",
    "E": "مرحبا **بالعالم** كيف `حالك` اليوم؟",
    "F": "See [the lamp](https://lamp.example/the/lamp) and ![a lamp](https://lamp.example/x.png) here. "
    "Or a [link](https://evil.example/x). (See [it](https://b.example/y).) End.",
    "G": "| name | size |\n|---|---|\n| lamp | 3 |\n| desk | 4 |",
    "H": "As $\\frac{a}{b}$ is so.\n\n東京都に**住んで**います。次の文です。",
    "I": "<b>not bold</b> and 5 < 6.\n\n> quoted *words*\n\n# Title\nafter it",
}
QUOTES = [  # (answer, shown words, which of them, what stands there in the raw text)
    ("A", "five seconds", 0, "five seconds"),
    ("A", "for five seconds until", 0, "for **five seconds** until"),
    ("A", "unbelievable things", 0, "un**believ**able *things"),
    ("B", "the", 2, "the"),
    ("B", "second the", 0, "second the"),
    ("B", "On.", 0, "On."),
    ("C", "return a + b", 0, "return a + b"),
    ("C", "add(1, 2) is", 0, "add(1, 2)` is"),
    ("D", "family 🎉 and one 👩 alone", 0, "family 🎉 and\r\none 👩 alone"),
    ("D", "& €5", 0, "&amp; &euro;5"),
    ("E", "بالعالم كيف حالك", 0, "بالعالم** كيف `حالك"),
    ("F", "the lamp", 0, "the lamp"),
    ("F", "Or a link.", 0, "Or a [link](https://evil.example/x)."),
    ("F", "(See it.)", 0, "(See [it](https://b.example/y).)"),
    ("G", "lamp", 0, "lamp"),
    ("H", "As \ufffc is", 0, "As $\\frac{a}{b}$ is"),
    ("H", "\ufffc", 0, "$\\frac{a}{b}$"),
    ("H", "住んでいます。", 0, "住んで**います。"),
    ("I", "<b>not bold</b>", 0, "<b>not bold</b>"),
    ("I", "quoted words", 0, "quoted *words"),
    ("I", "Title", 0, "Title"),
]
QUOTE = """async ({ letter, words, nth }) => {
    const { Shown, rawOf } = await import("/static/js/shown.js");
    const { Quoting } = await import("/static/js/quoting.js");
    const card = document.getElementById(`answer-${letter}`);
    const shown = new Shown(card.querySelector("[data-text]"));
    let start = -1;
    for (let i = 0; i <= nth; i += 1) start = shown.text.indexOf(words, start + 1);
    const quoting = new Quoting(shown.text, rawOf(card));
    const offsets = shown.offsets(shown.range(start, start + words.length));
    const span = quoting.span(...offsets);
    return { offsets, start, span, again: shown.text.slice(...quoting.seen(span)).trim() };
}"""


def test_a_quote_of_the_shown_text_is_found_in_the_raw_text_and_back(visit, project, annotator):
    task = ask(project, *HARD.values(), highlights_asked=True)
    page = at_desk(visit(annotator.user))
    order = task.slots.get().order
    letter_of = dict(zip(HARD, ["ABCDEFGHI"[order.index(position)] for position in range(9)], strict=True))
    for name, words, nth, expected in QUOTES:
        found = page.evaluate(QUOTE, {"letter": letter_of[name], "words": words, "nth": nth})
        span, raw = found["span"], HARD[name]
        assert found["start"] >= 0, f"{words!r} is not shown in {name}"
        assert found["offsets"] == [found["start"], found["start"] + len(words.encode("utf-16-le")) // 2]
        assert span["text"] == raw[span["start"] : span["end"]] == expected
        assert found["again"] == words

    card = page.locator(f"#answer-{letter_of['A']}")
    card.locator("strong").first.dblclick(position={"x": 6, "y": 6})
    page.get_by_role("button", name="Highlight h").last.click()
    expect(page.get_by_label("Comment on the highlight")).to_be_focused()
    page.keyboard.type("how many?")
    expect(page.locator("[data-quotes] q")).to_have_text("five")
    kept = {"answer": letter_of["A"], "start": 20, "end": 24, "text": "five", "comment": "how many?"}
    assert json.loads(page.locator("[name=spans]").input_value()) == [kept]
    page.get_by_role("button", name="Remove").click()
    expect(page.locator("[name=spans]")).to_have_value("")
    expect(card.locator(".labels")).to_have_text("")


IN_VIEW = """() => {
    const [range] = CSS.highlights.get("quote");
    const { top, bottom } = range.getBoundingClientRect();
    return top >= 0 && bottom <= document.querySelector(".desk__foot").getBoundingClientRect().top;
}"""


@pytest.mark.parametrize("sentences", [1, 60], ids=["above the fold", "below the fold"])
def test_a_highlight_made_by_keyboard_is_in_view_and_folds_again_what_it_need_not_show(
    visit, project, annotator, sentences
):
    tale = "\n\n".join(f"Sentence {n} of a long tale." for n in range(120))
    ask(project, tale, tale + " No.", highlights_asked=True)
    page = at_desk(visit(annotator.user))
    expect(page.locator(".desk.is-folding .is-cut")).to_have_count(2)
    press(page, "h")
    page.get_by_role("button", name="Choose a sentence").press("Enter")
    expect(page.locator(".desk.is-folding")).to_have_count(0)
    press(page, *["ArrowDown"] * (sentences - 1), "Enter")
    expect(page.get_by_label("Comment on the highlight")).to_be_focused()
    page.keyboard.type("why?")
    press(page, "Escape")
    expect(page.locator(".desk.is-folding")).to_have_count(1 if sentences == 1 else 0)
    expect(page.locator("[data-quotes] q")).to_have_text(f"Sentence {sentences - 1} of a long tale.")
    expect(page.locator("[data-saved]")).to_have_text("Draft kept")
    assert page.evaluate(IN_VIEW)


def longest(a: list[str], b: list[str]) -> int:
    row = [0] * (len(b) + 1)
    for x in a:
        above = row[:]
        for j, y in enumerate(b):
            row[j + 1] = above[j] + 1 if x == y else max(above[j + 1], row[j])
    return row[-1]


def test_alignment_finds_as_many_shared_words_as_there_are(visit, project, annotator):
    chance = random.Random(7)
    page = visit().open("/accounts/login/")
    cases = [
        [[chance.choice("abcdef"[:kinds]) for _ in range(chance.randrange(80))] for _ in "ab"]
        for kinds in (1, 2, 3, 6) for _ in range(50)
    ]  # fmt: skip
    cases.append([[str(chance.randrange(900)) for _ in range(5000)] for _ in "ab"])
    found = page.evaluate(
        """async (cases) => {
            const { align, runs } = await import("/static/js/alignment.js");
            return cases.map(([a, b]) => ({ pairs: align(a, b), runs: runs(align(a, b), a.length, b.length) }));
        }""",
        cases,
    )
    for (a, b), answer in zip(cases, found, strict=True):
        pairs = answer["pairs"]
        assert all(a[i] == b[j] for i, j in pairs)
        assert all(i < k and j < m for (i, j), (k, m) in itertools.pairwise(pairs))
        assert sum(run["a"][1] - run["a"][0] for run in answer["runs"]) == len(a)
        if len(a) < 100:
            assert len(pairs) == longest(a, b)
    assert len(found[-1]["pairs"]) > 250


MARKED = """() => [...(CSS.highlights.get("difference") ?? [])].map((range) => range.toString())"""


def test_the_difference_marks_what_the_other_answer_has_and_follows_the_focus(visit, project, annotator):
    task = ask(project, "Press the red button and wait.", "Press the green button and wait for one minute.", LAMP)
    page = at_desk(visit(annotator.user))
    order = task.slots.get().order
    red, green = ("ABC"[order.index(position)] for position in (0, 1))
    press(page, red.lower(), "d")
    expect(page.locator(f"#answer-{green} .labels")).to_have_text(f"underlined: not in {red}")
    assert {"green", "for one minute"} <= set(page.evaluate(MARKED))
    press(page, green.lower())
    expect(page.locator(f"#answer-{red} .labels")).to_have_text(f"underlined: not in {green}")
    assert "red" in page.evaluate(MARKED)
    press(page, "d")
    expect(page.locator(f"#answer-{red} .labels")).to_have_text("")
    assert page.evaluate(MARKED) == []


def test_where_there_is_no_answer_one_is_written_and_kept(visit, project, annotator):
    ask(project, responses_per_task=0)
    page = at_desk(visit(annotator.user))
    press(page, "Enter")
    expect(page.get_by_role("alert")).to_have_text("Write your answer: there is none here to judge.")
    expect(page.get_by_label("Your answer")).to_be_focused()
    with page.expect_response(re.compile("/draft/")):
        page.keyboard.type("Turn it off.\nThen on.")
    expect(page.locator("[data-saved]")).to_have_text("Draft kept")
    page.reload()
    expect(page.locator("[data-desk][data-ready]")).to_be_visible()
    expect(page.get_by_label("Your answer")).to_have_value("Turn it off.\nThen on.")
    press(page, "w", "Control+Enter")
    [judgement] = wait_for_judgements(page, 1)
    assert judgement.written == "Turn it off.\nThen on."


def test_one_answer_is_rated_and_edited_on_a_phone(visit, project, annotator):
    ask(project, "It is broken.", criteria=CRITERIA[:1], edit_asked=True)
    page = at_desk(visit(annotator.user, **PHONE))
    page.locator("#answer-A .rating__choice", has_text="3").tap()
    page.get_by_role("button", name="Flag").tap()
    page.get_by_label("Off-topic").tap()
    page.locator("[data-flags] [data-close]").tap()
    page.get_by_role("button", name="Edit", exact=True).tap()
    page.get_by_label("The edited answer").fill("It is fine.")
    page.get_by_role("button", name="Keep the edit").tap()
    expect(page.locator("#answer-A .labels")).to_have_text("Off-topicedited")
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    page.get_by_role("button", name="Submit").tap()
    [judgement] = wait_for_judgements(page, 1)
    assert judgement.ratings == {"correctness": [3]}
    assert judgement.flags == [{"flag": "off_topic", "response": 0}]
    assert judgement.edited == {"0": "It is fine."}


def test_all_of_it_is_a_plain_form_without_script(visit, project, annotator):
    ask(project, "It is broken.", "Ask the shop.", criteria=CRITERIA, edit_asked=True, highlights_asked=True)
    page = visit(annotator.user, java_script_enabled=False).open("/projects/desk/desk/")
    for letter, place, rating in (("A", "1", "5"), ("B", "2", "1")):
        page.get_by_role("group", name=f"Rank of {letter}").get_by_label(place).check()
        page.get_by_role("group", name=f"correctness of {letter}").get_by_label(rating).check()
    page.get_by_role("group", name="Flags of B").get_by_label("Broken").check()
    page.get_by_role("combobox", name="Edit an answer into an ideal one").select_option("A")
    page.get_by_label("The edited answer").fill("It is fine.")
    page.get_by_label("Why?").fill("A is true.")
    page.get_by_role("button", name="Submit").click()
    [judgement] = wait_for_judgements(page, 1)
    a, b = (position_of(judgement, letter) for letter in "AB")
    assert judgement.ranking == [[a], [b]]
    assert [judgement.ratings["correctness"][p] for p in (a, b)] == [5, 1]
    assert judgement.flags == [{"flag": "broken", "response": b}]
    assert judgement.edited == {str(a): "It is fine."}
    assert judgement.reason == "A is true."
