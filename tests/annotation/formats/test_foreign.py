"""Each foreign format turns its records into rows, and a record that does not fit into a sentence."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.exceptions import InvalidRow
from annotation.formats import alpaca, detection, hh, label_studio, messages, native, sharegpt, trl
from annotation.formats.rows import Row

ASK = [{"role": "user", "content": "Is it open?"}]
YES, NO = {"role": "assistant", "content": "Yes."}, {"role": "assistant", "content": "No."}


def said(row: Row) -> list[list[str]]:
    """The texts of the first judgement's tie groups, best first."""
    return [[row.responses[i].text for i in group] for group in row.judgements[0].ranking]


@pytest.mark.parametrize(
    "record",
    [
        {"prompt": "Is it open?", "chosen": "Yes.", "rejected": "No."},
        {"prompt": ASK, "chosen": [YES], "rejected": [NO]},
        {"prompt": "Is it open?", "chosen": [*ASK, YES], "rejected": [*ASK, NO]},
        {"chosen": [*ASK, YES], "rejected": [*ASK, NO]},
        {"chosen": "Is it open? Yes.", "rejected": "Is it open? No."},
        {"prompt": ASK, "chosen": YES, "rejected": NO},
    ],
    ids=["texts", "messages", "whole conversations", "implied by messages", "implied by texts", "one message"],
)
def test_trl_preference_in_every_spelling_is_the_same_row(record):
    row = trl.read(record)
    assert row.prompt == ASK
    assert said(row) == [["Yes."], ["No."]]


def test_pair_lies_in_the_order_of_hashes_whoever_won():
    one = trl.read({"prompt": "?", "chosen": "a", "rejected": "b"})
    other = trl.read({"prompt": "?", "chosen": "b", "rejected": "a"})
    assert one.responses == other.responses
    assert one.key == other.key
    assert said(one) == [["a"], ["b"]]
    assert said(other) == [["b"], ["a"]]


def test_trl_margin_that_is_a_strength_becomes_one_and_any_margin_stays_readable():
    assert trl.read({"prompt": "?", "chosen": "a", "rejected": "b", "margin": 2.0}).judgements[0].strength == 2
    row = trl.read({"prompt": "?", "chosen": "a", "rejected": "b", "score": 0.5, "id": 3})
    assert row.judgements[0].strength is None
    assert row.metadata == {"score": 0.5}
    assert row.id == "3"


@pytest.mark.parametrize(("label", "acceptable"), [(True, [0]), ("False", []), (1, [0])])
def test_kto_label_says_whether_the_answer_is_acceptable(label, acceptable):
    row = trl.read({"prompt": "?", "completion": "a", "label": label})
    assert row.judgements[0].acceptable == acceptable
    assert said(row) == [["a"]]


def test_prompt_with_completion_is_a_demonstration_of_people():
    row = trl.read({"prompt": "?", "completion": "a"})
    assert (row.responses[0].text, row.responses[0].kind, row.judgements) == ("a", "people", [])


def test_hh_transcripts_part_before_the_last_answer():
    start = "\n\nHuman: Hi\n\nAssistant: Hello.\n\nHuman: Is it\n\nopen?\n\nAssistant:"
    row = hh.read({"chosen": f"{start} Yes.", "rejected": f"{start} "})
    assert [message["role"] for message in row.prompt] == ["user", "assistant", "user"]
    assert row.prompt[-1]["content"] == "Is it\n\nopen?"
    assert said(row) == [["Yes."], [""]]


def test_hh_transcripts_that_differ_earlier_are_refused():
    with pytest.raises(InvalidRow, match="differ before the last answer"):
        hh.read({"chosen": "\n\nHuman: A\n\nAssistant: 1", "rejected": "\n\nHuman: B\n\nAssistant: 2"})


def test_alpaca_joins_instruction_and_input():
    row = alpaca.read({"instruction": "Translate.", "input": "Hallo", "output": "Hello"})
    assert row.prompt == [{"role": "user", "content": "Translate.\n\nHallo"}]
    assert row.responses[0].kind == "people"


def test_alpaca_with_history_system_and_generator():
    row = alpaca.read(
        {"instruction": "And?", "output": "b", "system": "S", "history": [["Q", "A"]], "generator": "gpt4"}
    )
    assert [m["content"] for m in row.prompt] == ["S", "Q", "A", "And?"]
    assert (row.responses[0].policy, row.responses[0].kind) == ("gpt4", "imported")


@pytest.mark.parametrize(
    "read",
    [
        lambda turns: messages.read({"messages": [{"role": r, "content": c} for r, c in turns]}),
        lambda turns: messages.read(
            {"messages": [{"role": r, "content": [{"type": "text", "text": c}]} for r, c in turns]}
        ),
        lambda turns: sharegpt.read(
            {"conversations": [{"from": {"user": "human", "assistant": "gpt"}[r], "value": c} for r, c in turns]}
        ),
    ],
    ids=["openai", "openai parts", "sharegpt"],
)
def test_conversation_gives_its_last_answer_as_demonstration(read):
    row = read([("user", "A"), ("assistant", "B"), ("user", "C"), ("assistant", "D")])
    assert [m["content"] for m in row.prompt] == ["A", "B", "C"]
    assert row.responses[0].text == "D"
    assert read([("user", "A")]).responses == []


def test_llamafactory_preference_and_approval():
    turn = {"from": "human", "value": "?"}
    pair = sharegpt.read(
        {
            "conversations": [turn],
            "chosen": {"from": "gpt", "value": "a"},
            "rejected": {"from": "gpt", "value": "b"},
        }
    )
    assert said(pair) == [["a"], ["b"]]
    kto = messages.read({"messages": [*ASK, YES], "label": False})
    assert kto.judgements[0].acceptable == []


def test_tools_on_offer_come_before_the_conversation():
    row = sharegpt.read(
        {
            "tools": '[{"name": "clock"}]',
            "conversations": [
                {"from": "human", "value": "Time?"},
                {"from": "function_call", "value": "clock()"},
                {"from": "observation", "value": "9"},
                {"from": "gpt", "value": "Nine."},
            ],
        }
    )
    assert [m["role"] for m in row.prompt] == ["system", "user", "assistant", "tool"]


def studio(result, **more):
    data = {"prompt": "Is it open?", "answer1": "Yes.", "answer2": "No."}
    return {"id": 5, "data": data, "annotations": [{"result": result, "completed_by": 3, **more}]}


def ranker(value):
    items = [{"id": "a", "body": "A"}, {"id": "b", "body": "B"}, {"id": "c", "body": "C"}]
    result = [{"type": "ranker", "value": value}]
    return {"id": 6, "data": {"prompt": "?", "items": items}, "annotations": [{"result": result}]}


def test_label_studio_pairwise():
    result = [{"type": "pairwise", "value": {"selected": "right"}}, {"type": "textarea", "value": {"text": ["dull"]}}]
    row = label_studio.read(studio(result, lead_time=4.5, created_at="2026-01-01T00:00:00Z"))
    judgement = row.judgements[0]
    assert said(row) == [["No."], ["Yes."]]
    assert (row.id, judgement.annotator, judgement.seconds, judgement.reason) == ("5", "3", 4.5, "dull")


def test_label_studio_skip_is_no_judgement():
    result = [{"type": "pairwise", "value": {"selected": "left"}}]
    assert label_studio.read(studio(result, was_cancelled=True)).judgements == []


@pytest.mark.parametrize(
    ("value", "groups"),
    [
        ({"ranker": {"rank": ["b", "a", "c"]}}, [["B"], ["A"], ["C"]]),
        (["c", "a"], [["C"], ["A"]]),
        ({"ranker": {"best": ["a"], "_": ["b", "c"]}}, [["A"]]),
        ({"ranker": {"rank10": ["a"], "rank2": ["b", "c"]}}, [["B", "C"], ["A"]]),
        ({"ranker": {"good": ["c"], "bad": ["a", "b"]}}, [["C"], ["A", "B"]]),
    ],
)
def test_label_studio_ranker(value, groups):
    assert said(label_studio.read(ranker(value))) == groups


@pytest.mark.parametrize(
    ("read", "record", "sentence"),
    [
        (trl.read, {"prompt": "?", "chosen": "a"}, "rejected: missing"),
        (trl.read, {"prompt": "?", "chosen": "a", "rejected": "a"}, "the same text"),
        (trl.read, {"chosen": "a", "rejected": "b"}, "do not begin with the same words"),
        (trl.read, {"prompt": "?", "completion": "a", "label": "maybe"}, "label: expected true or false"),
        (trl.read, {"prompt": "?", "chosen": ASK, "rejected": [NO]}, "last turn is not the assistant's"),
        (hh.read, {"chosen": "Human: A", "rejected": "B"}, "no transcript"),
        (alpaca.read, {"output": "x"}, "instruction: expected a text"),
        (alpaca.read, {"instruction": "?", "history": [["a"]]}, "a question and its answer"),
        (sharegpt.read, {"conversations": []}, "an empty conversation"),
        (sharegpt.read, {"conversations": [{"from": "gpt", "value": "a"}]}, "there is no prompt"),
        (messages.read, {"messages": [{"role": "robot", "content": "a"}]}, "'robot' is no speaker"),
        (messages.read, {"messages": [{"role": "assistant", "tool_calls": [1]}]}, "calls a tool"),
        (messages.read, {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "not text"),
        (label_studio.read, {"data": {"answer1": "a"}, "annotations": []}, "no prompt"),
        (label_studio.read, {"data": {"prompt": "a"}, "annotations": []}, "neither a list of items"),
        (label_studio.read, ranker({"ranker": {"rank": ["z"]}}), "no item of the task"),
        (label_studio.read, studio([{"type": "pairwise", "value": {"selected": "up"}}]), "neither left nor right"),
    ],
)
def test_what_does_not_fit_is_named(read, record, sentence):
    with pytest.raises(InvalidRow, match=sentence):
        read(record)


words = st.sampled_from(
    [
        "prompt",
        "chosen",
        "rejected",
        "completion",
        "label",
        "margin",
        "instruction",
        "input",
        "output",
        "history",
        "conversations",
        "messages",
        "from",
        "value",
        "role",
        "content",
        "data",
        "annotations",
        "result",
        "type",
        "pairwise",
        "ranker",
        "completed_by",
        "was_cancelled",
        "answer1",
        "answer2",
        "items",
        "id",
        "body",
        "text",
        "tools",
        "system",
        "tags",
        "score",
        "metadata",
        "generator",
        "selected",
        "rank",
    ]
)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | words
    | st.just("\n\nHuman: a\n\nAssistant: b"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=6),
    max_leaves=25,
)


@given(st.dictionaries(words, values), st.sampled_from([*detection.FORMATS, detection.TABLE]))
def test_hostile_record_is_refused_with_a_sentence_or_read(record, fmt):
    assert fmt.matches(record) in (True, False)
    try:
        row = fmt.read(record)
    except InvalidRow:
        row = None
    assert row is None or isinstance(row, Row)


def test_table_row_parts_tags_and_keeps_other_columns():
    row = native.read_table({"prompt": "?", "tags": "a, b", "score": "0.5", "kind": "safe", "id": "7"})
    assert (row.tags, row.score, row.metadata, row.id) == (["a", "b"], 0.5, {"kind": "safe"}, "7")


@pytest.mark.parametrize(
    ("columns", "answers", "others"),
    [
        ({"response_a": "x", "response_b": "y"}, ["x", "y"], {}),
        ({"answer_2": "x", "answer_1": "y", "answer_model": "m"}, ["x", "y"], {"answer_model": "m"}),
        ({"Answer 1": "x", "output2": "y", "Completion-C": "z"}, ["x", "y", "z"], {}),
        ({"answer": "right", "response_a": "x", "response_b": "y"}, ["x", "y"], {"answer": "right"}),
        ({"response": "x", "source": "s"}, ["x"], {"source": "s"}),
        ({"responses": ["x"], "response_a": "y"}, ["x"], {"response_a": "y"}),
        ({"output_tokens": "12", "answers": "2"}, [], {"output_tokens": "12", "answers": "2"}),
    ],
)
def test_columns_of_a_table_may_be_answers(columns, answers, others):
    row = native.read_table({"prompt": "?", **columns})
    assert ([item.text for item in row.responses], row.metadata) == (answers, others)
    assert {item.policy for item in row.responses} <= {"unknown"}
