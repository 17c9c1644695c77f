import socket

import httpx
import pytest

from tests.training.doubles.chat_server import ChatServer, serving
from training.actions.endpoints import Endpoint
from training.exceptions import EndpointFailed

BODY = {"model": "echo", "messages": [{"role": "user", "content": "Hi"}], "seed": 3}


@pytest.fixture
def server():
    with serving(ChatServer()) as running:
        yield running


@pytest.fixture
def endpoint(server):
    with Endpoint(url=server.url, pause=0) as open_endpoint:
        yield open_endpoint


@pytest.mark.parametrize("ending", ["", "/", "/v1", "/v1/", "/v1/chat/completions"])
def test_the_address_may_be_given_with_or_without_its_path(server, ending):
    with Endpoint(url=server.url + ending) as endpoint:
        assert endpoint.chat(BODY) == ("Hi / 3", "stop")


def test_the_only_model_of_a_server_needs_no_name(endpoint):
    assert endpoint.model("") == "echo"


def test_a_server_with_several_models_wants_one_named(server, endpoint):
    server.models = ["small", "large"]
    assert endpoint.model("large") == "large"
    with pytest.raises(EndpointFailed, match="has small, large: say which"):
        endpoint.model("")


def test_an_unknown_model_is_answered_with_the_known_ones(endpoint):
    with pytest.raises(EndpointFailed, match="has no model 'gpt'; it has echo"):
        endpoint.model("gpt")


def test_a_server_that_lists_no_models_is_believed_about_a_named_one(server, endpoint):
    server.models = None
    assert endpoint.model("hidden") == "hidden"
    with pytest.raises(EndpointFailed, match="say which model is meant"):
        endpoint.model("")


@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_may_pass_is_tried_again(server, endpoint, status):
    server.hiccups = [(status, b"busy", {"Retry-After": "0"}), (status, b"busy", {})]
    assert endpoint.chat(BODY) == ("Hi / 3", "stop")
    assert len(server.requests) == 3


def test_what_does_not_pass_is_said_with_the_servers_words(server, endpoint):
    server.hiccups = [(429, b'{"error": {"message": "no quota left"}}', {})] * 9
    with pytest.raises(EndpointFailed, match="HTTP 429: no quota left"):
        endpoint.chat(BODY)
    assert len(server.requests) == 6


def test_a_refused_request_is_not_repeated(server, endpoint):
    server.hiccups = [(400, b'{"error": {"message": "maximum context length is 512"}}', {})]
    with pytest.raises(EndpointFailed, match="HTTP 400: maximum context length is 512"):
        endpoint.chat(BODY)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "rubbish",
    [
        b"<html>Welcome</html>",
        b"[]",
        b'{"choices": []}',
        b'{"choices": [{"message": {"content": [1]}}]}',
        b"[" * 100_000,
    ],
)
def test_rubbish_is_named_as_such(server, endpoint, rubbish):
    server.hiccups = [(200, rubbish, {})]
    with pytest.raises(EndpointFailed, match="does not answer as an OpenAI-compatible server"):
        endpoint.chat(BODY)


def test_an_empty_answer_is_an_answer(server, endpoint):
    server.hiccups = [(200, b'{"choices": [{"message": {"content": null}, "finish_reason": "length"}]}', {})]
    assert endpoint.chat(BODY) == ("", "length")


def test_a_redirect_is_not_followed_with_the_key(server, endpoint):
    server.hiccups = [(302, b"", {"Location": "http://elsewhere.invalid/"})]
    with pytest.raises(EndpointFailed, match="HTTP 302"):
        endpoint.chat(BODY)


def test_the_key_is_sent_and_a_refused_one_is_named(settings, server):
    server.key = "s3cret"
    with Endpoint(url=server.url) as endpoint, pytest.raises(EndpointFailed, match="set OPENAI_API_KEY"):
        endpoint.model("")
    settings.OPENAI_API_KEY, settings.OPENAI_BASE_URL = "s3cret", server.url
    with Endpoint(url=server.url) as endpoint:
        assert endpoint.model("") == "echo"


def test_a_server_that_is_not_there_takes_one_sentence():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with (
        Endpoint(url=f"http://127.0.0.1:{port}") as endpoint,
        pytest.raises(EndpointFailed, match="No server answers"),
    ):
        endpoint.model("")


def test_a_server_that_never_answers_is_given_up():
    silence = httpx.Timeout(0.05, connect=5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with Endpoint(url=url, timeout=silence, pause=0) as endpoint, pytest.raises(EndpointFailed, match="too long"):
            endpoint.chat(BODY)


def test_a_password_in_the_address_is_not_repeated():
    with pytest.raises(EndpointFailed) as failed, Endpoint(url="http://me:pa55@[nonsense") as endpoint:
        endpoint.model("")
    assert "pa55" not in str(failed.value)


def key_sent_to(url):
    with Endpoint(url=url) as endpoint:
        return endpoint.client.headers.get("Authorization", "")


@pytest.mark.parametrize(
    ("named", "asked"),
    [
        ("https://models.example/v1", "https://models.example"),
        ("https://models.example", "https://MODELS.example:443/v1/chat/completions"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000/v1"),
        ("http://localhost:8000", "http://localhost:8000/"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_the_key_goes_to_the_server_that_the_environment_names(settings, named, asked):
    settings.OPENAI_API_KEY, settings.OPENAI_BASE_URL = "s3cret", named
    assert key_sent_to(asked) == "Bearer s3cret"


@pytest.mark.parametrize(
    ("named", "asked"),
    [
        ("https://models.example", "https://other.example"),
        ("https://models.example", "http://models.example"),
        ("https://models.example", "https://models.example:8443"),
        ("https://models.example", "https://models.example.evil.example"),
        ("https://models.example", "http://127.0.0.1:8000"),
        ("http://models.example", "http://models.example"),
        ("http://127.0.0.1.evil.example", "http://127.0.0.1.evil.example"),
    ],
)
def test_the_key_goes_nowhere_else_and_not_in_the_open(settings, named, asked):
    settings.OPENAI_API_KEY, settings.OPENAI_BASE_URL = "s3cret", named
    assert key_sent_to(asked) == ""


@pytest.mark.parametrize("url", ["https://me:pa55@models.example", "https://models.example/v1?key=pa55"])
def test_an_address_with_a_secret_in_it_is_refused(url):
    with pytest.raises(EndpointFailed, match="leave it out; a key belongs into OPENAI_API_KEY") as refused:
        Endpoint(url=url)
    assert "pa55" not in str(refused.value)


@pytest.mark.parametrize(
    "url", ["https://", "ftp://models.example", "https://a b", "https://[nonsense", "http://x:y"]
)
def test_what_is_no_address_is_one_sentence(url):
    with pytest.raises(EndpointFailed, match="is no address of a server") as refused:
        Endpoint(url=url)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ('"stop"', "stop"),
        ('"length"', "length"),
        ('"eos_token"', "stop"),
        ('"content_filter"', "content_filter"),
        ("null", "unknown"),
        ("[1]", "unknown"),
        ('"\\ud800\\u0000"', "unknown"),
        (f'"{"x" * 10_000}"', "unknown"),
    ],
)
def test_how_an_answer_ended_is_one_word(server, endpoint, said, word):
    body = f'{{"choices": [{{"message": {{"content": "a\\u0000\\ud800"}}, "finish_reason": {said}}}]}}'
    server.hiccups = [(200, body.encode(), {})]
    assert endpoint.chat(BODY) == ("a\ufffd\ufffd", word)


@pytest.mark.parametrize("name", ["\ud800", "a\x00b", "x" * 5000, "two\nlines"])
def test_a_name_that_cannot_be_stored_is_no_model(server, endpoint, name):
    server.models = [name, "good"]
    assert endpoint.model("") == "good"
    with pytest.raises(EndpointFailed, match="cannot be the name of a model") as refused:
        endpoint.model(name)
    assert str(refused.value).isprintable()


def test_what_a_server_says_of_a_failure_can_be_stored_and_shown(server, endpoint):
    server.hiccups = [(400, b'{"error": {"message": "no\\u0000\\ud800\\u001b[2J\\nroom"}}', {})]
    with pytest.raises(EndpointFailed, match="HTTP 400: no") as refused:
        endpoint.chat(BODY)
    assert str(refused.value).isprintable()
