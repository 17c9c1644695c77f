"""The site and the keeper of its figures, started and ended together."""

import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

UNTIL_TOLD = "import sys; sys.stdin.read(); sys.exit(3)"
FOREVER = "import signal; signal.pause()"


@pytest.fixture
def serve(monkeypatch):  # type: ignore[no-untyped-def]
    path = Path(__file__).resolve().parents[2] / "deploy" / "serve.py"
    spec = spec_from_file_location("serve", path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "LOOK", 0.01)
    return module


def python(code: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE)


def kept(serve: ModuleType, monkeypatch: pytest.MonkeyPatch, keepers: list[str]) -> list[subprocess.Popen[bytes]]:
    """Keepers that do as they are told, one after the other; with the last one the site is told to end."""
    site = python(UNTIL_TOLD)
    started: list[subprocess.Popen[bytes]] = []

    def started_keeper() -> subprocess.Popen[bytes]:
        started.append(python(keepers[len(started)]))
        if len(started) == len(keepers):
            assert site.stdin is not None
            site.stdin.close()
        return started[-1]

    monkeypatch.setattr(serve, "started_keeper", started_keeper)
    assert serve.beside(site) == 3
    for keeper in started:
        assert keeper.stdin is not None
        keeper.stdin.close()
    return started


def test_a_keeper_that_ends_is_started_again(serve, monkeypatch):
    started = kept(serve, monkeypatch, ["", "", FOREVER])

    assert [keeper.returncode for keeper in started[:2]] == [0, 0]


def test_the_keeper_ends_with_the_site(serve, monkeypatch):
    (keeper,) = kept(serve, monkeypatch, [FOREVER])

    assert keeper.returncode is not None
