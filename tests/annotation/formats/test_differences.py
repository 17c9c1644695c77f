from hypothesis import given
from hypothesis import strategies as st

from annotation.formats.differences import MAX_WORDS, changes


def test_a_replaced_word_is_taken_out_and_put_in() -> None:
    assert changes("Turn the dial left.", "Turn the dial right.") == [
        ("same", "Turn the dial "),
        ("removed", "left"),
        ("added", "right"),
        ("same", "."),
    ]


def test_scripts_without_spaces_are_compared_sign_by_sign() -> None:
    assert changes("我喜欢猫。", "我喜欢狗。") == [
        ("same", "我喜欢"),
        ("removed", "猫"),
        ("added", "狗"),
        ("same", "。"),
    ]


def test_a_word_keeps_its_apostrophe() -> None:
    assert changes("It isn't", "It wasn't") == [("same", "It "), ("removed", "isn't"), ("added", "wasn't")]


@given(st.text(max_size=200), st.text(max_size=200))
def test_both_texts_can_be_put_together_again(before: str, after: str) -> None:
    parts = changes(before, after) or []

    assert "".join(part.text for part in parts if part.kind != "added") == before
    assert "".join(part.text for part in parts if part.kind != "removed") == after


def test_texts_that_are_too_long_are_not_compared() -> None:
    assert changes("word " * MAX_WORDS, "other") is None
