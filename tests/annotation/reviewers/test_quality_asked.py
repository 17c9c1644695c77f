"""What the address of a quality page asks for in vain: the page says so in one sentence and shows what there is."""

import pytest
from django.db import connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext

from annotation.models import Measurement
from annotation.views.quality.asked import Asked
from tests.annotation.quality_rows import content, measured, of_annotator, of_task
from tests.annotation.review_rows import disputed, said
from tests.annotation.reviewers.pages import html_of, text_of
from tests.annotation.reviewers.test_quality import MOST_QUERIES, PAGES
from tests.factories import AnnotatorFactory, ProjectFactory, TaskFactory

pytestmark = pytest.mark.django_db
ORDER = [[0], [1], [2]]
WARNING = '<p class="notice notice--warn"'


@pytest.fixture
def one_said(project):  # type: ignore[no-untyped-def]
    task = TaskFactory(project=project, tags=["lamp"])
    said(task, ORDER, by=AnnotatorFactory(name="ada"), guideline_version=2, at="2026-01-05T10:00:00Z", reason="So.")
    return task


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("annotator=zoe", "Nobody called “zoe” has judged anything here: “annotator” is left out."),
        ("annotator=%00", "Nobody called “” has judged anything here: “annotator” is left out."),
        ("peer=zoe", "Nobody called “zoe” has judged anything here: “peer” is left out."),
        ("policy=gpt", "No policy called “gpt” wrote an answer here: “policy” is left out."),
        ("against=gpt", "No policy called “gpt” wrote an answer here: “against” is left out."),
        ("tag=lam", "No task is tagged “lam”: “tag” is left out."),
        ("task=0", "There is no task 0 here: “task” is left out."),
        ("task=x", "“x” is no number: “task” is left out."),
        ("guideline=7", "There is no version 7 of the guidelines: “guideline” is left out."),
        ("guideline=-1", "“-1” is no number: “guideline” is left out."),
        ("since=2026-99-99", "“2026-99-99” is no day, as 2026-01-31 is one: “since” is left out."),
        ("until=tomorrow", "“tomorrow” is no day, as 2026-01-31 is one: “until” is left out."),
        (
            "since=2026-01-01&until=2025-01-01",
            "No day lies between “since” and “until”: “until” is left out.",
        ),
        ("known=yes", "“yes” is none of 1: “known” is left out."),
        ("before=x", "“x” is no number: “before” is left out."),
        ("voices=robots", "“robots” is none of people, simulated, ai: “voices” is left out."),
        ("tag=lamp&tag=desk", "The address says “tag” more than once: the last one counts."),
    ],
)
def test_a_filter_that_means_nothing_is_told_and_the_list_stands_without_it(client, one_said, query, sentence):
    text = text_of(client, f"judgements/?{query}")
    assert sentence in text
    assert "A better than > B better than > C So." in text


def test_known_answers_and_repeats_are_two_lists(client, one_said):
    text = text_of(client, "judgements/?known=1&repeats=1")
    assert "Known answers are one list and what was asked again is another: “repeats” is left out." in text


@pytest.mark.parametrize("query", ["annotator=ada", "tag=lamp", "guideline=2", "since=2026-01-05", "task={task}"])
def test_what_is_there_is_asked_for_in_silence(client, one_said, query):
    assert WARNING not in html_of(client, f"judgements/?{query.format(task=one_said.pk)}")


def test_what_is_another_projects_is_not_here(client, one_said):
    elsewhere = TaskFactory(project=ProjectFactory(), tags=["desk"])
    said(elsewhere, ORDER, by=AnnotatorFactory(name="ben"))
    policy = elsewhere.responses.first().policy.name
    query = f"annotator=ben&tag=desk&task={elsewhere.pk}&policy={policy}"
    assert text_of(client, f"judgements/?{query}").count(" is left out.") == 4


def test_versions_that_only_imported_judgements_name_are_there(client, one_said):
    one = content()["guidelines"][0] | {"version": 2}
    measured(one_said.project, guidelines=[one])
    assert WARNING not in html_of(client, "judgements/?guideline=2")
    assert "There is no version 3 of the guidelines" in text_of(client, "judgements/?guideline=3")


@pytest.mark.parametrize("path", [*PAGES, "people/ada/"])
def test_every_page_names_what_it_does_not_know(client, project, path):
    of_annotator(measured(project), "ada")
    text = text_of(client, f"{path}?annotater=ada")
    assert "“annotater” means nothing on this page, whose address may say voices" in text


@pytest.mark.parametrize("path", ["agreement/", "items/", "policies/", "tags/", "people/"])
@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        ("abc", "“abc” is no number: “page” is left out."),
        ("-1", "“-1” is no number: “page” is left out."),
        ("99", "There is no page 99: this is page 1."),
        ("0", "There is no page 0: this is page 1."),
    ],
)
def test_a_page_that_there_is_not_is_told(client, project, path, number, sentence):
    measurement = measured(project)
    of_task(measurement, disputed(project))
    of_annotator(measurement, "ada")
    assert sentence in text_of(client, f"{path}?page={number}")


def test_an_order_and_a_tag_that_there_are_not_are_told_on_the_items(client, project):
    of_task(measured(project), disputed(project, question="Disputed?", tags=["lamp"]))
    text = text_of(client, "items/?sort=beauty&tag=lam")
    assert "“beauty” is none of information, disagreement: “sort” is left out." in text
    assert "No task is tagged “lam”: “tag” is left out." in text
    assert "Disputed?" in text


def test_a_tag_that_is_there_and_settled_is_told_from_one_that_is_not(client, project):
    TaskFactory(project=project, tags=["settled"])
    measured(project)
    html = html_of(client, "items/?tag=settled")
    assert "There is no such item." in html
    assert WARNING not in html


def test_what_is_suggested_to_nobody_lists_nobody(client, project):
    of_annotator(measured(project), "ada")
    text = text_of(client, "people/?suggestion=pause")
    assert "0 people: pause." in text
    assert "ada" not in text
    assert "“beauty” is none of" in text_of(client, "people/?suggestion=beauty")
    assert "“beauty” is none of" in text_of(client, "people/?sort=beauty")


def test_what_was_typed_is_repeated_in_short_and_never_as_markup(client, project):
    measured(project)
    html = client.get("/projects/lumo/quality/judgements/", {"tag": "<b>" + "x" * 500}).content.decode()
    assert "<b>x" not in html
    assert "x" * 61 not in html.split(WARNING)[1].split("</p>")[0]


def test_everything_wrong_at_once_takes_few_queries(client, one_said):
    Measurement.objects.all().delete()
    measured(one_said.project)
    wrong = "annotator=z&peer=z&policy=z&against=z&tag=z&task=0&guideline=9&since=z&until=z&voices=z&before=z&z=z"
    with CaptureQueriesContext(connection) as queries:
        assert text_of(client, f"judgements/?{wrong}").count(" is left out.") == 11
    assert len(queries) <= MOST_QUERIES


def test_an_address_that_says_nothing_is_not_complained_of():
    asked = Asked(QueryDict("tag=&since="))
    assert (asked.text("tag"), asked.day("since"), asked.sentences()) == ("", None, [])
