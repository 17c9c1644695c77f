"""The people of a project as the quality pages show them: a table that sorts and filters by its address, a page each,
and who waits to be let in."""

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client

from annotation.models import AuditEvent, Measurement, Seat
from annotation.stats.people.suggestions import SEVERITY
from tests.annotation.quality_rows import TOO_LITTLE, figure, measured, of_annotator
from tests.annotation.reviewers.pages import html_of, text_of
from tests.factories import AnnotatorFactory, MembershipFactory, TaskFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def measurement(project) -> Measurement:
    found = measured(project)
    of_annotator(
        found, "ada", agreement=figure(0.8), judgements=300, pace={"median": 60.0, "n": 300, "fast": TOO_LITTLE}
    )
    of_annotator(found, "ben", agreement=figure(0.6), judgements=500, code="talk", repeats=figure(0.5))
    of_annotator(found, "chloe", agreement=TOO_LITTLE, judgements=4, code="more_data", repeats=TOO_LITTLE)
    return found


def names(client: Client, query: str = "") -> list[str]:
    return re.findall(r'<th scope="row"><a class="mono"[^>]*>(\w+)</a>', html_of(client, f"people/{query}"))


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("", ["ben", "ada", "chloe"]),
        ("judgements", ["chloe", "ada", "ben"]),
        ("-name", ["chloe", "ben", "ada"]),
        ("agreement", ["ben", "ada", "chloe"]),
        ("-agreement", ["ada", "ben", "chloe"]),
        ("repeats", ["ben", "ada", "chloe"]),
        ("-pace", ["ada", "ben", "chloe"]),
        ("nonsense", ["ben", "ada", "chloe"]),
    ],
)
def test_the_address_sorts_and_people_without_the_number_stand_last(client, measurement, sort, expected):
    assert names(client, f"?sort={sort}") == expected


def test_a_heading_says_how_it_sorts_and_turns_round(client, measurement):
    html = html_of(client, "people/?sort=-agreement&page=1")
    assert re.search(r'aria-sort="descending"><a class="sort" href="\?sort=agreement">Agreement with others', html)


def test_the_first_line_counts_who_needs_attention(client, measurement):
    text = text_of(client, "people/")
    assert "3 people have judged something here. 1 person needs your attention." in text


def test_suggestions_filter_by_the_address(client, measurement):
    assert names(client, "?suggestion=talk") == ["ben"]
    assert names(client, "?suggestion=nonsense") == ["ben", "ada", "chloe"]
    assert "1 person: talk with them." in text_of(client, "people/?suggestion=talk")


def test_pages_have_fifty_people(client, project):
    found = measured(project)
    for number in range(51):
        of_annotator(found, f"p{number:02}")
    assert len(names(client)) == 50
    assert len(names(client, "?sort=name&page=2")) == 1
    assert 'href="?sort=name&page=2"' in html_of(client, "people/?sort=name")


def test_a_person_has_a_page_with_every_figure_and_what_changed(client, measurement):
    text = text_of(client, "people/ada/")
    assert "Nothing to do: they work as the others do. They agree with others on 80 % (76 to 84 %)" in text
    for line in (
        "Known pairs right 92 % (88 to 96 %) n = 80 pairs",
        "Reliability 83 % (79 to 87 %) n = 1,800 judgements",
        "Median time 60 s n = 300",
        "Circles not enough: 3 of 20 pairs",
        "Agreement with others 76 % (72 to 80 %) n = 840 pairs 61 % (57 to 65 %) n = 60 pairs",
        "Median time 41 s (38 to 45 s) n = 1,740 17 s (14 to 21 s) n = 50",
    ):
        assert line in text
    html = html_of(client, "people/ada/")
    assert 'href="/projects/lumo/quality/judgements/?annotator=ada&known=1"' in html


def test_medians_of_figures_from_before_they_had_an_interval_stand_alone(client, project):
    then = {"agreement": TOO_LITTLE, "known": TOO_LITTLE, "pace": 17.0}
    never = {**then, "pace": None}
    of_annotator(measured(project), "ada", pace={"median": 39.0, "n": 12}, recent=then, before=never)
    text = text_of(client, "people/ada/")
    assert "Median time 39 s n = 12" in text
    assert "Median time no times 17 s" in text


@pytest.mark.parametrize("code", ["watch", "talk", "retrain", "pause", "more_data"])
def test_what_to_do_is_said_in_words_and_why(client, project, code):
    of_annotator(measured(project), "ada", code=code, reasons=["unknown_to_this_page"])
    text = text_of(client, "people/ada/")
    assert "they work as the others do" not in text
    assert "unknown_to_this_page" in text


def test_each_reason_has_its_words(client, project):
    of_annotator(measured(project), "ada", code="pause", reasons=list(SEVERITY))
    text = text_of(client, "people/ada/")
    assert not [code for code in SEVERITY if f" {code} " in text and "_" in code]
    assert "Of the pairs whose order is known, they surely order fewer than 70 % right." in text


def test_who_is_not_there_has_no_page(client, project):
    measured(project)
    AnnotatorFactory(name="elsewhere")
    for name in ("nobody", "elsewhere"):
        assert client.get(f"/projects/lumo/quality/people/{name}/").status_code == 404


def test_who_sits_at_the_desk_and_was_not_measured_yet_is_listed(client, project):
    Seat.objects.create(project=project, annotator=AnnotatorFactory(name="newcomer"))
    text = text_of(client, "people/")
    assert "1 person has a place at the desk, and no judgement in these figures." in text
    assert "Nothing has been measured yet." in text_of(client, "people/newcomer/")


def test_accounts_are_named_nowhere(client, measurement):
    user = User.objects.get(annotator__name="ada")
    user.email = "ada@example.com"
    user.save()
    for path in ("people/", "people/ada/"):
        html = html_of(client, path)
        assert user.username not in re.sub(r"<header.*?</header>", "", html, flags=re.DOTALL)
        assert user.email not in html


def test_the_old_address_leads_here(client):
    answer = client.get("/projects/lumo/review/people/")
    assert (answer.status_code, answer.url) == (301, "/projects/lumo/quality/people/")


@pytest.fixture
def failed(project) -> Seat:
    TaskFactory(project=project, purpose="qualification", known={"ranking": [[0], [1, 2]]})
    return Seat.objects.create(project=project, annotator=AnnotatorFactory(), qualification="failed")


def test_a_reviewer_lets_somebody_in_who_did_not_qualify(client, reviewer, failed):
    name = failed.annotator.name
    assert "did not qualify" in text_of(client, "people/")
    answer = client.post(f"/projects/lumo/quality/people/{name}/waive/", follow=True)
    assert f"{name} gets real tasks from now on." in answer.content.decode()
    failed.refresh_from_db()
    assert failed.qualification == "waived"
    assert AuditEvent.objects.get(verb="qualification waived").by == reviewer


def test_nobody_is_let_in_by_an_annotator_or_without_a_place(client, project, failed):
    theirs = Client()
    theirs.force_login(MembershipFactory(project=project, user=failed.annotator.user).user)
    assert theirs.post(f"/projects/lumo/quality/people/{failed.annotator.name}/waive/").status_code == 403
    failed.refresh_from_db()
    assert failed.qualification == "failed"
    for name in ("nobody", AnnotatorFactory().name):
        assert client.post(f"/projects/lumo/quality/people/{name}/waive/").status_code == 404
