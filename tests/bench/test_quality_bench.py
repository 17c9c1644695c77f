"""The benchmark of the quality pages, on a project of a few hundred judgements."""

import pytest

from annotation.actions.quality.measuring import measure
from annotation.models import Project
from tests.bench import bench_quality, million

pytestmark = pytest.mark.django_db


@pytest.fixture
def project(monkeypatch) -> Project:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(million, "GOLD", 0.1)
    return million.made(bench_quality.SLUG, judgements=800, people=20)


def test_a_project_is_the_same_for_the_same_seed(project):
    other = million.made("again", judgements=800, people=20)

    found = [measure(one).content["agreement"]["pairs"] for one in (project, other)]
    assert found[0] == found[1]


def test_everything_that_is_measured_finds_something(project):
    content = measure(project).content

    assert content["progress"]["judgements"] > 600
    assert len(content["policies"]["ranked"]) == len(million.STRENGTHS)
    for figure in (content["agreement"]["pairs"], content["known"], content["bias"]["position"]):
        assert figure["value"] is not None


def test_every_page_is_asked_for(project):
    measure(project)

    pages = bench_quality.pages()

    assert len(pages) == 18
    assert max(page["queries"] for page in pages) <= 20
    assert all(len(page["times"]) == bench_quality.REPEATS for page in pages)
