import io
import json
from pathlib import Path

import pytest

from tests.training.doubles.chat_server import ChatServer, serving
from tests.training.releases import write_release
from training.actions import runs, sampling
from training.exceptions import EndpointFailed, InvalidKnob
from training.ml.run.rundir import RunDirectory
from training.models import Run

pytestmark = pytest.mark.django_db(transaction=True)
PROMPTS = [[{"role": "user", "content": f"Question {number}"}] for number in range(3)]


@pytest.fixture
def server():
    with serving(ChatServer()) as running:
        yield running


def ask(server, **options):
    values = {"prompts": PROMPTS, "n": 2, "seed": 5, "terminal": io.StringIO()}
    return sampling.sample(location=server.url, **values | options)


def test_every_prompt_gets_its_answers_in_order(server):
    answers = ask(server)
    assert [[answer.text for answer in each] for each in answers] == [
        ["Question 0 / 5", "Question 0 / 6"],
        ["Question 1 / 7", "Question 1 / 8"],
        ["Question 2 / 9", "Question 2 / 10"],
    ]


def test_an_answer_says_how_it_was_sampled_and_the_server_was_asked_so(server):
    answer = ask(server, values={"temperature": "0.5", "max_new_tokens": "9"}, prompts=PROMPTS[:1], n=1)[0][0]
    assert answer.sampling == {
        "model": "echo",
        "temperature": 0.5,
        "top_p": 0.95,
        "max_new_tokens": 9,
        "seed": 5,
        "finish": "stop",
    }
    assert server.requests == [
        {"model": "echo", "messages": PROMPTS[0], "max_tokens": 9, "temperature": 0.5, "top_p": 0.95, "seed": 5}
    ]


def test_text_that_no_database_keeps_is_replaced(server):
    server.text = "a\x00b\ud800c \N{SLIGHTLY SMILING FACE}"
    assert ask(server)[0][0].text == "a\ufffdb\ufffdc \N{SLIGHTLY SMILING FACE}"


def test_no_prompts_ask_nobody():
    assert sampling.sample(location="http://127.0.0.1:1", prompts=[], n=1) == []


def test_the_run_is_recorded(server):
    ask(server)
    run = Run.objects.get()
    assert (run.kind, run.state, run.base) == ("sample", "done", f"{server.url}/v1")
    assert run.report["headline"] == "6 answers of echo to 3 prompts."


def test_an_interrupted_call_goes_on_with_what_is_missing(server, monkeypatch):
    monkeypatch.setattr(sampling, "REQUESTS_AT_ONCE", 1)
    whole = ask(server, seed=6)
    server.requests.clear()
    server.hiccups = [
        (200, json.dumps(server.completion({"messages": PROMPTS[0], "seed": 5, "model": "echo"})).encode(), {})
    ]
    server.hiccups += [(400, b"out of memory", {})]
    with pytest.raises(EndpointFailed, match="out of memory"):
        ask(server)
    broken = Run.objects.get(seed=5)
    assert (broken.state, broken.error) == ("failed", f"{server.url}/v1 answered HTTP 400: out of memory")
    kept = RunDirectory(Path(broken.directory)).responses
    kept.write_text(kept.read_text() + '{"id": "2", "ind')  # as a kill leaves it
    server.hiccups.clear()
    server.requests.clear()

    answers = ask(server)

    assert [len(each) for each in answers] == [len(each) for each in whole]
    assert len(server.requests) < 6
    assert list(Run.objects.filter(seed=5)) == [broken]
    broken.refresh_from_db()
    assert broken.state == "done"


def test_a_server_is_asked_again_after_a_finished_call(server):
    ask(server)
    ask(server)
    assert len(server.requests) == 12


def test_an_unknown_model_leaves_no_run(server):
    server.models = ["other"]
    with pytest.raises(EndpointFailed, match="has no model 'mine'"):
        ask(server, model_name="mine")
    assert not Run.objects.exists()


def test_knobs_are_checked_before_anything_is_asked(server):
    with pytest.raises(InvalidKnob, match="temperature=hot"):
        ask(server, values={"temperature": "hot"})
    with pytest.raises(InvalidKnob, match="n=0"):
        ask(server, n=0)
    assert not server.requests


@pytest.mark.training
def test_weights_answer_go_on_after_a_kill_and_are_not_asked_twice(settings):
    write_release(settings.RELEASES_DIR)
    small = {"tiny_layers": "1", "tiny_width": "32", "tiny_vocab": "300", "max_steps": "1"}
    runs.train(kind="sft", release="kettle", base="tiny", values=small, name="shop-v1", terminal=io.StringIO())
    options = {"location": "shop-v1", "prompts": PROMPTS, "n": 2, "values": {"max_new_tokens": "4"}}

    answers = sampling.sample(**options, terminal=io.StringIO())

    assert [len(each) for each in answers] == [2, 2, 2]
    assert answers[0][0].sampling["max_new_tokens"] == 4
    run = Run.objects.get(kind="sample")
    directory = RunDirectory(Path(run.directory))
    said = (directory.path / "console.txt").read_text()
    assert sampling.sample(**options) == answers
    assert (directory.path / "console.txt").read_text() == said

    directory.report.unlink()  # as if it had been killed after the first two answers
    lines = directory.responses.read_text().splitlines(keepends=True)
    directory.responses.write_text("".join(lines[:2]) + lines[2][:9])
    Run.objects.filter(pk=run.pk).update(state=Run.State.RUNNING)

    assert sampling.sample(**options, terminal=io.StringIO()) == answers
    assert Run.objects.filter(kind="sample").count() == 1
