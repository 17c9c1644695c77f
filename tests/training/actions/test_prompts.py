import gzip
import json

import pytest

from tests.training.releases import write_release
from training.actions import prompts
from training.exceptions import InvalidRelease, InvalidRun
from training.ml.data import files


def lines(found):
    return [json.loads(line) for line in found.lines.splitlines()]


def asked(text):
    return [{"role": "user", "content": text}]


def written(path, *records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return str(path)


def test_a_release_gives_each_of_its_prompts_once_with_its_split(settings):
    release = write_release(settings.RELEASES_DIR, judged=30, shown=5)
    found = prompts.of_release("kettle")
    assert found.release.path == str(release)
    assert len({line["id"] for line in lines(found)}) == 35
    assert {line["split"] for line in lines(found)} == found.splits == {"train", "test"}
    assert all(line["split"] == files.split_of(line["messages"]) for line in lines(found))


def test_a_release_that_was_changed_is_refused(settings):
    release = write_release(settings.RELEASES_DIR, judged=3)
    manifest = release / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"hash": "', '"hash": "0'))
    with pytest.raises(InvalidRelease):
        prompts.of_release(str(release))


def test_a_file_may_hold_native_rows_and_conversations(tmp_path):
    turns = [*asked("Hello?"), {"role": "assistant", "content": "Yes?"}, *asked("Who are you?")]
    found = prompts.of_file(
        written(
            tmp_path / "asked.jsonl",
            {"prompt": "How do I start it?", "responses": [{"text": "Like so."}]},
            {"prompt": turns},
            {"messages": [*turns, {"role": "assistant", "content": "A desk."}]},
            {"messages": asked("How do I start it?")},
            {"instruction": "Name it.", "output": "Ostrel."},
        )
    )
    by_messages = [line["messages"] for line in lines(found)]
    assert sorted(map(str, by_messages)) == sorted(map(str, [asked("How do I start it?"), turns, asked("Name it.")]))
    assert found.file.path == str(tmp_path / "asked.jsonl")


def test_turns_of_one_conversation_are_on_one_side_and_a_named_split_is_kept(tmp_path):
    first = asked("Hello?")
    later = [*first, {"role": "assistant", "content": "Yes?"}, *asked("And now?")]
    found = prompts.of_file(
        written(
            tmp_path / "a.jsonl", {"messages": first}, {"messages": later}, {"messages": asked("B"), "split": "test"}
        )
    )
    splits = {line["messages"][-1]["content"]: line["split"] for line in lines(found)}
    assert splits["Hello?"] == splits["And now?"] == files.split_of(first)
    assert splits["B"] == "test"


def test_prompts_of_a_run_read_as_a_file_are_the_same(settings, tmp_path):
    write_release(settings.RELEASES_DIR, judged=12)
    of_release = prompts.of_release("kettle")
    copy = tmp_path / "prompts.jsonl"
    copy.write_text(of_release.lines)
    assert prompts.of_file(str(copy)).lines == of_release.lines
    assert prompts.of_rows((line["messages"], line["split"]) for line in lines(of_release)).lines == of_release.lines


def test_what_asks_nothing_is_counted_with_its_reason(tmp_path):
    path = tmp_path / "asked.jsonl.gz"
    with gzip.open(path, "wt") as file:
        file.write(
            '{"prompt": "Well?"}\nno json\n{"prompt": []}\n{"messages": [{"role": "system", "content": "Be."}]}\n'
        )
    found = prompts.of_file(str(path))
    assert found.left_out == {"no JSON object": 1, "no question": 2}


@pytest.mark.parametrize(
    ("text", "error", "sentence"),
    [
        ("", InvalidRun, r"asked\.jsonl holds no prompt \(it is empty\)"),
        ("{}\n", InvalidRun, r"holds no prompt \(1 with none of messages, conversations and instruction\)"),
        (None, InvalidRelease, r"asked\.jsonl cannot be read \(No such file"),
    ],
)
def test_a_file_without_prompts_is_one_sentence(tmp_path, text, error, sentence):
    path = tmp_path / "asked.jsonl"
    if text is not None:
        path.write_text(text)
    with pytest.raises(error, match=sentence):
        prompts.of_file(str(path))


def test_a_split_that_is_needed_and_empty_is_said():
    found = prompts.of_rows([(asked("A"), "train")])
    prompts.check(found, splits=["train"])
    with pytest.raises(InvalidRun, match="There is no prompt of the test split: about one in five"):
        prompts.check(found, splits=prompts.SPLITS)
