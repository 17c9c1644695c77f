"""Names of the hub against a local cache laid out as its client lays it out. No hub is asked."""

import os
import shutil
from pathlib import Path

import pytest
from huggingface_hub import constants

from tests.training.ml import builders
from training.exceptions import InvalidBase
from training.ml.backbones import sources
from training.ml.run.rundir import ReleaseReference, RunDirectory

FIRST, SECOND = "1" * 40, "2" * 40
NAME = "Some/Model"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of one model in an empty cache."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    return tmp_path / "hub" / "models--Some--Model"


def add(cache: Path, commit: str, *, model: Path | None = None, main: bool = False) -> Path:
    path = cache / "snapshots" / commit
    if model:
        shutil.copytree(model, path)
    else:
        path.mkdir(parents=True)
    if main:
        (cache / "refs").mkdir(exist_ok=True)
        (cache / "refs" / "main").write_text(commit)
    return path


def test_without_the_hub_the_commit_is_what_the_cache_calls_main(cache: Path) -> None:
    assert sources.commit_of(NAME) == ""
    add(cache, FIRST)
    assert sources.commit_of(NAME) == FIRST
    add(cache, SECOND)
    assert sources.commit_of(NAME) == ""  # a choice is no answer
    add(cache, "3" * 40, main=True)
    assert sources.commit_of(NAME) == "3" * 40


def test_a_reference_that_is_no_commit_is_none(cache: Path) -> None:
    add(cache, FIRST, main=True)
    (cache / "refs" / "main").write_text("../../elsewhere")
    assert sources.commit_of(NAME) == ""


def test_a_model_that_is_nowhere_takes_one_sentence(cache: Path) -> None:
    with pytest.raises(
        InvalidBase, match="Some/Model cannot be fetched from the hub or found in the local cache"
    ) as bad:
        sources.fetch(NAME, revision=FIRST)
    assert "\n" not in str(bad.value)


def test_the_pinned_commit_is_found_whatever_main_is_now(cache: Path) -> None:
    pinned = add(cache, FIRST)
    add(cache, SECOND, main=True)
    assert sources.fetch(NAME, revision=FIRST) == pinned


@pytest.mark.training
def test_a_run_starts_from_the_pinned_commit_and_reports_it(
    cache: Path, tmp_path: Path, policy: RunDirectory, comparisons: ReleaseReference
) -> None:
    add(cache, FIRST, model=policy.model)
    add(cache, SECOND, main=True)
    options = {"reference": comparisons, "base": NAME, "values": {"max_steps": "1"}}
    environment = os.environ | {"HF_HUB_CACHE": str(cache.parent), "HF_HUB_OFFLINE": "1"}

    pinned = builders.make_run(tmp_path / "pinned", "rm", **options, revision=FIRST)
    done = builders.execute(pinned, env=environment)
    assert done.returncode == 0, done.stderr
    report = builders.report_of(pinned)
    assert (report["base"]["name"], report["base"]["revision"]) == (NAME, FIRST)
    assert len(report["base"]["sha256"]) == 64
    assert not any("commit" in warning for warning in report["warnings"])

    shutil.rmtree(cache / "snapshots" / SECOND)
    add(cache, SECOND, model=policy.model, main=True)
    loose = builders.make_run(tmp_path / "loose", "rm", **options)
    done = builders.execute(loose, env=environment)
    assert done.returncode == 0, done.stderr
    report = builders.report_of(loose)
    assert report["base"]["revision"] == SECOND
    assert any("the commit of Some/Model was not known" in warning for warning in report["warnings"])


def test_an_adapter_is_no_base_wherever_it_comes_from(tmp_path: Path) -> None:
    for name in ("config.json", "model.safetensors", "adapter_config.json", "adapter_model.bin"):
        (tmp_path / name).touch()
    with pytest.raises(InvalidBase, match=r"holds an adapter .*merge it into its base"):
        sources.check_directory(tmp_path)
