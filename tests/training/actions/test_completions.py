import json

import pytest

from training.actions import completions


def line(step, text="Open the lid.", **more):
    prompt = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "How?"}]
    return json.dumps({"step": step, "prompt": prompt, "text": text, "reward": 0.1, "score": 0.5} | more) + "\n"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "completions.jsonl"


def test_the_answers_of_the_last_step_are_shown_with_what_was_asked(path):
    path.write_text(line(0) + line(10, "A") + line(10, "B"))
    assert [(one.step, one.text, one.prompt, one.score) for one in completions.latest(path)] == [
        (10, "A", "How?", 0.5),
        (10, "B", "How?", 0.5),
    ]


def test_a_few_are_enough(path):
    path.write_text("".join(line(1, str(number)) for number in range(50)))
    assert [one.text for one in completions.latest(path)] == ["0", "1", "2", "3"]


def test_of_a_large_file_its_end_is_read(path):
    path.write_text("".join(line(step, "x" * 1000) for step in range(2000)))
    assert path.stat().st_size > 2 * completions.LOOKED_AT
    assert [one.step for one in completions.latest(path)] == [1999]


def test_what_is_no_line_of_ours_is_left_out(path):
    odd = ["nothing", "[1]", json.dumps({"step": "x"}), json.dumps({"text": "no step"})]
    path.write_text("\n".join(odd) + "\n" + line(3, text=7, prompt="no list", score="high") + line(4)[:-9])
    (found,) = completions.latest(path)
    assert (found.step, found.text, found.prompt, found.score) == (3, "", "", None)


def test_a_flood_is_cut_and_what_no_database_keeps_is_replaced(path):
    path.write_text(line(1, "a\x00" + "b" * 9000))
    (found,) = completions.latest(path)
    assert found.text.startswith("a\N{REPLACEMENT CHARACTER}b")
    assert len(found.text) == completions.LONGEST + 1


def test_no_file_is_no_answer(path):
    assert completions.latest(path) == []
    path.mkdir()
    assert completions.latest(path) == []
