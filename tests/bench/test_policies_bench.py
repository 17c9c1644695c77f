"""The benchmark of policies: who learns from what, and what its table and its plot say."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from flywheel.actions.demo import TURN
from flywheel.demo import corpus, rubric
from tests.bench import bench_policies, distances, ostrel, transcripts
from tests.bench.distances import Line
from tests.bench.transcripts import Dialogue
from tests.bench.works import Works
from training.ml.best_of_n import Answers
from training.ml.rl.judges import Verdict
from training.ml.rl.rollouts import Prompt, Rollout
from training.ml.run.rundir import write_json

ASKED, _ = ostrel.unseen()


def rollout(text: str) -> Rollout:
    prompt = Prompt(id=ASKED[0].id, messages=ASKED[0].messages, ids=[])
    return Rollout(prompt=prompt, answer=[1], text=text, ended=True)


def answers(*judged: tuple[str, float]) -> Answers:
    """Texts with what A says of them."""
    return Answers(
        rollouts=[rollout(text) for text, _ in judged],
        verdicts=[Verdict(reward=value, score=value, spread=0.0, parts={}) for _, value in judged],
        golds=[0.0] * len(judged),
    )


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("sft", ostrel.SFT),
        ("rm", ostrel.REWARD),
        ("dpo", ostrel.DPO),
        ("sample", ostrel.SAMPLE),
    ],
)
def test_what_the_demo_trains_is_trained_as_the_demo_does(kind: str, values: dict[str, str]):
    assert values == TURN["knobs"][kind]


def test_nobody_learns_from_what_others_are_measured_by():
    ours, others = ostrel.halves()
    course, final = ostrel.unseen()
    texts = [{asked.question.text for asked in some} for some in (ours, others, course, final)]
    assert sum(map(len, texts)) == len(set.union(*texts))
    assert not set.union(*texts[2:]) & {question.text for question in corpus.questions()}


@pytest.mark.skipif(not transcripts.FILE.is_file(), reason="the shared data is not here")
def test_no_dialogue_is_in_two_parts_of_the_transcripts():
    parts = transcripts.parts(transcripts.dialogues())
    assert [len(part) for part in parts] == [664, 664, 48, 96]
    keys = [dialogue.id for part in parts for dialogue in part]
    assert len(keys) == len(set(keys))


def test_a_transcript_is_read_with_the_preferred_ending_first():
    both = {name: f"\n\nHuman: Hi\n\nAssistant: {name}" for name in ("chosen", "rejected")}
    found = transcripts.read(json.dumps(both), id="hh-1")
    assert found == Dialogue(id="hh-1", messages=[{"role": "user", "content": "Hi"}], endings=("chosen", "rejected"))


def test_the_rubric_judges_new_questions_by_their_topic():
    topic = ASKED[0].question.topic
    good = f"Hello. {corpus.steps_in_words(topic)} Kind regards, your Ostrel team."
    expected = rubric.score(corpus.phrasings(topic)[0], good).total
    assert ostrel.merit([ASKED[0].messages] * 2, [good, "No"]) == [expected, 0.0]
    assert expected >= 3.0


def test_every_annotator_ranks_each_text_once():
    found = ostrel.ranked(ostrel.known()[0], ["First.", "Second.", "First."])
    assert [response["text"] for response in found["responses"]] == ["First.", "Second."]
    assert len({judgement["annotator"] for judgement in found["judgements"]}) == len(ostrel.ANNOTATORS)


def test_a_run_that_is_done_is_kept_and_one_of_other_settings_is_refused(tmp_path: Path):
    works = Works(folder=tmp_path, threads=1)
    reference = ostrel.demonstrations(tmp_path / "demonstrations")
    done = tmp_path / "base" / "report.json"
    done.parent.mkdir()
    write_json(done, {})
    assert works.run("base", "sft", {"epochs": "1"}, base="tiny", release=reference).report == done
    with pytest.raises(SystemExit, match="other settings"):
        works.run("base", "sft", {"epochs": "2"}, base="tiny", release=reference)


def test_the_rubric_of_the_best_is_of_the_one_that_the_reward_model_likes_best():
    topic = ASKED[0].question.topic
    better, worse = f"It is about the {topic.part} of the station.", "No"
    values = dict(zip((better, worse), ostrel.merit([ASKED[0].messages] * 2, [better, worse]), strict=True))
    found = answers((better, 0.1), (worse, 0.9))
    assert values[better] > values[worse]
    assert bench_policies.best_row([found], k=1, merit=ostrel.merit).values["rubric"] == [
        pytest.approx(sum(values.values()) / 2)
    ]
    assert bench_policies.best_row([found], k=2, merit=ostrel.merit).values["rubric"] == [values[worse]]


def test_a_row_is_kept_with_its_intervals():
    kept = bench_policies.best_row([answers(("No", 0.5), ("Yes", 0.5))], k=2).as_json()
    assert kept["a"] == {"mean": 0.5, "interval": [0.5, 0.5]}


def test_answers_to_one_question_are_averaged():
    assert bench_policies.by_question([1.0, 2.0, 3.0, 6.0], count=2) == [2.0, 4.0]


def test_every_line_is_drawn_where_it_belongs():
    lines = [
        Line(name="A & B", colour="#000", points=[(0.0, 0.0), (2.0, 1.0)]),
        Line(name="C", colour="#111", points=[(0.0, 0.0), (1.0, -1.0)], dashed=True, begins=1.0),
    ]
    drawn = ET.fromstring(distances.drawing(lines, across="x", up="y"))  # noqa: S314 - written a line above
    (first, second) = (line.get("points", "").split() for line in drawn.findall(".//{*}polyline"))
    (left, base), (right, top) = (tuple(map(float, point.split(","))) for point in first)
    assert first[0] == second[0]
    assert left < right
    assert top < base < float(second[1].split(",")[1])  # y counts downwards
    assert "A & B" in [text.text for text in drawn.findall(".//{*}text")]


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0.0, 3.0, [0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0]), (-0.32, 0.25, [-0.3, -0.2, -0.1, 0.0, 0.1, 0.2])],
)
def test_axes_have_round_numbers(low: float, high: float, expected: list[float]):
    assert distances.ticks(low, high) == pytest.approx(expected)
