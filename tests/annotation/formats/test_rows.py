"""The interchange row: what parses comes back the same, and what does not is refused with a sentence."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotation.exceptions import InvalidRow
from annotation.formats import row_judgements, rows

SPAN = ("response", "start", "end", "comment")
texts = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=30)
FIELDS = sorted({*rows.ROW_FIELDS, *row_judgements.JUDGEMENT_FIELDS, "explanation", *rows.AUDIENCES, *SPAN})
names = st.text("abcdefgh-π1", min_size=1, max_size=20)
numbers = st.none() | st.floats(allow_nan=False, allow_infinity=False)
anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["user", "\x00", "\ud800", "9" * 5000, "0001-01-01T00:00:00+23:59", 10**400, -(10**400)]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from([*FIELDS, "text", "role", "0"]), inner)
    ),
    max_leaves=20,
)


@st.composite
def records(draw: st.DrawFn) -> dict[str, object]:
    answers = draw(st.lists(texts, max_size=5, unique=True))
    size = len(answers)
    order = draw(st.permutations(range(size)))
    cuts = draw(st.lists(st.booleans(), min_size=size, max_size=size))
    ranking: list[list[int]] = []
    for position, cut in zip(order, cuts, strict=True):
        if cut or not ranking:
            ranking.append([])
        ranking[-1].append(position)
    purpose = draw(st.sampled_from(rows.PURPOSES))
    named = st.lists(names.filter(str.strip), max_size=2)
    marked = [{"response": i, "start": 0, "end": len(text), "text": text} for i, text in enumerate(answers) if text]
    judgement = {
        "annotator": draw(names),
        "spans": marked,
        "ranking": ranking,
        "strength": draw(st.sampled_from([None, 1, 2, 3])),
        "acceptable": draw(st.none() | st.just(list(order))),
        "ratings": {draw(names): [4.0] * size},
        "reason": draw(texts),
        "seconds": draw(st.none() | st.floats(0, row_judgements.MAX_SECONDS)),
        "shown": draw(st.none() | st.just(list(order))),
        "at": draw(st.none() | st.datetimes().map(lambda moment: moment.isoformat())),
        "source": draw(st.sampled_from(row_judgements.SOURCES)),
    }
    return {
        "prompt": draw(
            texts.filter(str.strip)
            | st.just([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "?"}])
        ),
        "responses": [{"text": text, "policy": draw(names), "sampling": {"t": draw(numbers)}} for text in answers],
        "judgements": [judgement] if size else [{"annotator": draw(names), "written": draw(texts) + "!"}],
        "tags": draw(st.lists(names, max_size=3)),
        "id": draw(st.none() | names | st.integers(0, 10**30)),
        "metadata": draw(st.dictionaries(names, numbers | texts, max_size=3)),
        "purpose": purpose,
        "propensity": draw(numbers),
        "known": {"ranking": ranking} if purpose in rows.KNOWN_PURPOSES and size > 1 else None,
        "audience": draw(st.none() | st.fixed_dictionaries({}, optional=dict.fromkeys(rows.AUDIENCES, named))),
    }


@pytest.mark.parametrize(
    ("prompt", "said"),
    [
        ("", "prompt: it is blank; a row needs a question"),
        (" \n", "it is blank"),
        ([{"role": "user", "content": "Hi"}, {"role": "user", "content": "\t"}], "its last message is blank"),
        ([{"role": "system", "content": "Be brief."}, {"role": "user", "content": ""}], "its last message is blank"),
    ],
)
def test_a_prompt_that_asks_nothing_is_refused(prompt, said):
    with pytest.raises(InvalidRow, match=said):
        rows.parse({"prompt": prompt, "responses": ["a", "b"]})


def test_a_tool_may_have_found_nothing():
    found = [{"role": "user", "content": "Look it up."}, {"role": "tool", "content": ""}]
    assert rows.parse({"prompt": found}).prompt == found


@given(records())
def test_dumped_row_parses_to_itself(record):
    row = rows.parse(record)
    assert rows.parse(json.loads(json.dumps(rows.dump(row)))) == row


@given(anything)
@settings(max_examples=400)
def test_hostile_value_is_refused_with_a_sentence_or_read(value):
    try:
        row = rows.parse(value)
    except InvalidRow as error:
        sentence = str(error)
    else:
        sentence = "read"
        assert rows.parse(rows.dump(row)) == row
    assert 0 < len(sentence) < 400


@pytest.mark.parametrize(
    "text",
    ["<script>alert(1)</script>", "👩‍👩‍👧‍👦 ok", "\u202eevil\u202c مرحبا", "x" * 1_000_000, " ", ""],
    ids=["html", "emoji", "right-to-left", "a million letters", "blank", "empty"],
)
def test_strange_text_is_kept_to_the_letter(text):
    row = rows.parse({"prompt": "?", "responses": [text]})
    assert row.responses[0].text == text


@pytest.mark.parametrize("sign", ["\x00", "\ud800"])
@pytest.mark.parametrize("field", ["prompt", "responses", "tags"])
def test_text_that_no_database_keeps_is_refused_by_name(sign, field):
    record = {"prompt": "?", field: f"a{sign}" if field == "prompt" else [f"a{sign}"]}
    with pytest.raises(InvalidRow, match=rf"{field}.*U\+"):
        rows.parse(record)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"prompt": None}, "prompt: expected a text or a list"),
        ({"prompt": [{"role": "user", "content": "?", "name": "x"}]}, "'name' is not kept"),
        ({"responses": ["a", "a"]}, "responses 0 and 1 have the same text"),
        ({"responses": list("abcdefghij")}, "at most 9"),
        ({"responses": [{"text": "a", "policy": "p" * 201}]}, "longer than 200"),
        ({"responses": [{"text": True}]}, "expected a text, found bool"),
        ({"responses": [], "judgements": [{"ranking": []}]}, "no responses that it could judge, and it has no"),
        ({"judgements": [{"ranking": [[0], [0]]}]}, "a response stands twice"),
        (
            {"judgements": [{"ranking": [], "spans": [{"response": 0, "start": 0, "end": 9, "text": "a"}]}]},
            "ends at 9",
        ),
        ({"judgements": [{"ranking": [], "spans": [{"response": 0, "start": 0, "end": 1, "text": "b"}]}]}, "mark it"),
        ({"known": {"ranking": [[0], [1]]}}, "known: only for the purposes gold and qualification"),
        ({"purpose": "gold", "known": {"ranking": [[0]]}}, "places all responses"),
        ({"purpose": "gold", "known": {"ranking": [[0], [1]], "why": ""}}, "it has ranking and explanation"),
        ({"audience": {"groups": ["night"]}}, "becomes no task"),
        ({"audience": {"roles": ["night"]}}, "it has people, groups, skills"),
        ({"audience": {"groups": [" "]}}, "one of its names is empty"),
        ({"judgements": [{"ranking": [[2]]}]}, "2 is no index"),
        ({"judgements": [{"ranking": [[]]}]}, "an empty tie group"),
        ({"judgements": [{"ranking": [[0]], "annotator": ""}]}, "leave the field out"),
        ({"judgements": [{"ranking": [[0]], "annotator": {}}]}, "expected a text"),
        ({"judgements": [{"ranking": [[0]], "strength": 1.0}]}, "whole number"),
        ({"judgements": [{"ranking": [[0]], "strength": 4}]}, "1 .slightly."),
        ({"judgements": [{"ranking": [[0]], "at": "yesterday"}]}, "no ISO 8601 time"),
        ({"judgements": [{"ranking": [[0]], "annotator": "x"}] * 2}, "an annotator judges a task once"),
        ({"id": ""}, "1 to 200"),
        ({"surprise": 1}, "unknown field 'surprise'"),
        ({"strategy": "s" * 51}, "longer than 50"),
        ({"metadata": {"a": float("nan")}}, "no JSON value"),
    ],
)
def test_what_is_wrong_is_named(change, sentence):
    with pytest.raises(InvalidRow, match=sentence):
        rows.parse({"prompt": "?", "responses": ["a", "b"], **change})


def test_ratings_may_stand_without_a_ranking():
    said = {"annotator": "ann", "ratings": {"help": [4, 2]}}
    alone, empty = (
        rows.parse({"prompt": "?", "responses": ["a", "b"], "judgements": [one]})
        for one in (said, said | {"ranking": []})
    )
    assert alone == empty
    assert alone.judgements[0].ranking == []


def test_metadata_nested_without_end_is_refused():
    value: object = 1
    for _ in range(200):
        value = [value]
    with pytest.raises(InvalidRow, match="nested deeper"):
        rows.parse({"prompt": "?", "metadata": {"a": value}})


def test_row_is_itself_by_id_and_else_by_content():
    same = {"prompt": "?", "responses": ["a", "b"], "judgements": [{"ranking": [[0], [1]]}]}
    assert rows.parse({**same, "id": 7}).key == "7"
    assert rows.parse(same).key == rows.parse({**same, "judgements": []}).key
    assert rows.parse(same).key != rows.parse({**same, "responses": ["b", "a"]}).key
