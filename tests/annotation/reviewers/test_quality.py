"""The quality pages through the test client: each says what it found, with interval and n, and leads to what is
behind it."""

import html as escaping

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from annotation.actions.quality import parts, policies
from annotation.models import AuditEvent, Guideline, Measurement
from annotation.views.quality import pages
from tests.annotation.quality_rows import TOO_LITTLE, content, figure, measured, of_annotator, of_task
from tests.annotation.review_rows import disputed
from tests.annotation.reviewers.pages import html_of, text_of
from tests.factories import MembershipFactory, UserFactory

pytestmark = pytest.mark.django_db
PAGES = ["", "people/", "agreement/", "items/", "guidelines/", "policies/", "tags/", "judgements/"]
MOST_QUERIES = 20


def test_the_first_line_is_a_verdict_with_its_numbers(client, project):
    measured(project)
    text = text_of(client)
    assert "Labels are good enough to train on: people agree on 74 % (70 to 78 %), n = 1,204 pairs" in text
    assert "beyond chance that is 0.61 (0.57 to 0.65), n = 1,204 pairs" in text
    assert "The best that a model can reach is about 78 % (74 to 82 %)" in text


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("fair", "Labels can be trained on, with care"),
        ("poor", "Labels are not good enough to train on yet"),
        ("unknown", "There is too little to say whether the labels are good enough."),
    ],
)
def test_a_verdict_that_is_not_good_says_so(client, project, code, sentence):
    agreement = {"pairs": TOO_LITTLE, "alpha": TOO_LITTLE, "ceiling": TOO_LITTLE}
    measured(project, verdict={"code": code, "reasons": []}, agreement=agreement if code == "unknown" else {})
    assert sentence in text_of(client)


def test_a_verdict_says_why(client, project):
    measured(project, verdict={"code": "poor", "reasons": ["pairs_low", "near_chance", "known_low", "of_tomorrow"]})
    text = text_of(client)
    assert "Agreement on pairs is not surely above 65 %." in text
    assert "Agreement beyond chance is not surely above 0.20." in text
    assert "Of the pairs whose order is known, surely fewer than 70 % are right. of_tomorrow" in text


def test_too_little_is_said_in_words(client, project):
    measured(project)
    assert "not enough: 3 of 20 pairs" in text_of(client)


def test_progress_its_end_and_what_it_cost(client, project):
    measured(project)
    text = text_of(client)
    assert "1,688 tasks are done, 312 open." in text
    assert "936 more are asked for." in text
    assert "11 March 2026, at 120 judgements a day" in text
    assert "(between 8 March 2026 and 16 March 2026)" in text
    assert "about 66.1, of which 61.2 were timed (n = 5,000 judgements); about 11.5 to go" in text


def test_hours_without_a_time_are_told_however_many_checks_were_timed(client, project):
    measured(project, hours={"timed": 6000, "hours": 61.2, "estimated": 66.1, "left": 11.5})
    assert "about 66.1, of which 61.2 were timed (n = 6,000 judgements)" in text_of(client)


def test_what_surer_labels_would_cost(client, project):
    unsure = {"tasks": 2, "sureness": 0.95}
    measured(project, open_questions=unsure)
    assert "2 tasks are less than 95 % sure; one more vote on each takes less than an hour" in text_of(client)
    hours = {"timed": 5000, "hours": 25_000.0, "estimated": 27_000.0, "left": 1.0}
    Measurement.objects.update(content=content(hours=hours, open_questions=unsure))
    assert "one more vote on each takes about 10.0 hours" in text_of(client)


def test_figures_of_a_first_version_of_measuring_are_shown_as_far_as_they_go(client, project):
    Measurement.objects.create(project=project, measured_at="2026-01-01T00:00Z", content={"version": 1})
    for path in PAGES:
        text_of(client, path)


@pytest.mark.parametrize("path", ["", "agreement/", "items/", "guidelines/", "policies/", "tags/", "people/"])
def test_what_was_never_measured_says_what_to_run(client, project, path):
    text = text_of(client, path)
    assert "Nothing has been measured yet." in text
    assert "python manage.py agreement --project lumo" in text


@pytest.mark.parametrize("path", PAGES)
def test_where_measuring_failed_the_page_says_so_beside_the_old_figures(client, project, path):
    measured(project, failed="Too many answers.")
    text = text_of(client, path)
    assert "Measuring failed. The figures here are those of the time before" in text
    assert "Too many answers." in text
    assert "Measured" in text


def test_where_measuring_failed_at_first_nothing_has_been_measured(client, project):
    Measurement.objects.create(project=project, content={"failed": "Too many."})
    text = text_of(client)
    assert "Measuring failed. Too many." in text
    assert "Nothing has been measured yet." in text


def rated(**levels):  # type: ignore[no-untyped-def]
    nothing = dict.fromkeys(("pairs", "strict", "alpha", "fleiss", "tau_b", "top_1", "ceiling"), TOO_LITTLE)
    ratings = {
        name: dict.fromkeys(("nominal", "ordinal", "interval"), figure(value, what="items"))
        for name, value in levels.items()
    }
    return {"agreement": {**nothing, "cohen": [], "over_time": []}, "ratings": ratings}


def test_where_answers_are_only_rated_the_verdict_is_of_the_ratings(client, project):
    measured(project, verdict={"code": "good", "reasons": [], "criteria": {"truth": "good"}}, **rated(truth=0.6))
    text = text_of(client)
    assert "Labels are good enough to train on: people agree on ratings of truth, beyond chance 0.60 (0.56" in text
    assert "Alpha of truth 0.60 (0.56 to 0.64) n = 1,204 items" in text
    assert "Kendall" not in text
    assert "Human ceiling" not in text


def test_the_criterion_that_is_agreed_on_least_stands_in_the_first_line(client, project):
    criteria = {"truth": "good", "tone": "poor", "style": "unknown"}
    verdict = {"code": "fair", "reasons": ["ratings_low"], "criteria": criteria}
    measured(project, verdict=verdict, **rated(truth=0.6, tone=0.1))
    text = text_of(client)
    assert "with care: people agree least on ratings of tone, beyond chance 0.10 (0.06 to 0.14), n = 1,204" in text
    assert "By these criteria, agreement beyond chance is not surely above 0.40: tone." in text


def test_asking_for_new_figures_is_kept_and_shown_until_they_are_there(client, project, reviewer):
    measurement = measured(project)
    assert "Measured" in text_of(client)
    answer = client.post("/projects/lumo/quality/measure/", {"voices": "people"}, follow=True)
    text = escaping.unescape(answer.content.decode())
    assert "New figures are asked for." in text
    assert "Measure again" not in text
    measurement.refresh_from_db()
    assert measurement.asked_at is not None
    assert measurement.content["verdict"] == {"code": "good", "reasons": []}
    assert AuditEvent.objects.get(verb="figures asked for").by == reviewer


def test_asking_where_nothing_was_measured_makes_the_row_that_the_keeper_sees(client, project):
    answer = client.post("/projects/lumo/quality/measure/", {"voices": "ai"})
    assert answer.url == "/projects/lumo/quality/?voices=ai"
    made = Measurement.objects.get()
    assert (made.voices, made.measured_at) == ("ai", None)
    assert "Nothing has been measured yet." in text_of(client, "?voices=ai")


def test_each_kind_of_voices_has_pages_of_its_own(client, project):
    measured(project)
    measured(project, voices="simulated", verdict={"code": "poor", "reasons": []})
    text = html_of(client)
    assert "Labels are good enough" in text
    assert 'href="?voices=simulated"' in text
    text = html_of(client, "?voices=simulated")
    assert "not good enough" in text
    assert "These judgements are not people's." in text
    assert 'href="/projects/lumo/quality/judgements/?known=1&voices=simulated"' in text


def test_figures_lead_to_the_judgements_behind_them(client, project):
    measured(project)
    text = html_of(client)
    for query in ("known=1", "repeats=1", "since=2026-02-01&until=2026-03-01", "annotator=ada&peer=ben"):
        assert f'href="/projects/lumo/quality/judgements/?{query}"' in text


def test_the_matrix_names_who_agrees_least_and_has_every_pair_with_its_interval(client, project):
    measured(project)
    text = html_of(client, "agreement/")
    assert "ada and chloe agree least: on 52 % (48 to 56 %), n = 380 pairs." in text
    assert text.count('class="heat__cell heat__cell--8"') == 2
    assert 'href="/projects/lumo/quality/judgements/?annotator=ada&peer=ben"' in text
    assert "ben · chloe" not in text


def test_whoever_little_is_known_of_does_not_agree_least(client, project):
    cells = [{"a": 0, "b": 1, **figure(0.45, n=10, spread=0.28)}, {"a": 0, "b": 2, **figure(0.6, n=900)}]
    measured(project, matrix={"annotators": ["ada", "ben", "chloe"], "cells": cells})
    text = text_of(client, "agreement/")
    assert "ada and chloe agree least" in text
    assert text.index("ada · chloe") < text.index("ada · ben")


def test_where_nobody_surely_agrees_less_the_matrix_says_so(client, project):
    cells = [{"a": 0, "b": 1, **figure(0.45, n=10, spread=0.3)}]
    measured(project, matrix={"annotators": ["ada", "ben"], "cells": cells})
    text = text_of(client, "agreement/")
    assert "No two people surely agree less than people here do." in text
    assert "agree least:" not in text


def test_versions_of_guidelines_stand_beside_each_other(client, project):
    Guideline.objects.create(project=project, number=2, text="x", changes="Truth first.")
    measured(project)
    text = html_of(client, "guidelines/")
    assert "By version 2, people agree on 76 % (72 to 80 %), n = 1,204 pairs." in text
    assert "Truth first." in text
    assert 'href="/projects/lumo/quality/judgements/?guideline=1&known=1"' in text


def test_policies_are_ranked_with_intervals_and_places(client, project):
    measured(project)
    text = text_of(client, "policies/")
    assert "lumo-3 is preferred to all others: it wins 67 % (63 to 71 %), n = 1,204 pairs." in text
    assert "lumo-2 2 to 3 -0.10 (-0.30 to 0.10) n = 1,204 pairs 48 % (44 to 52 %)" in text
    link = 'href="/projects/lumo/quality/judgements/?policy=lumo-3&against=lumo-1"'
    assert link in html_of(client, "policies/")


def test_a_leader_that_may_be_none_is_not_called_one(client, project):
    one = {"name": "lumo-1", "strength": figure(0.1), "win_rate": figure(0.52), "places": [1, 3]}
    measured(project, policies={"ranked": [one], "beats": [], "missing": ""})
    assert "lumo-1 leads, but may be as low as place 3" in text_of(client, "policies/")


@pytest.mark.parametrize(
    ("places", "missing", "reason"),
    [([1, 1], "", "not enough: 3 of 20 pairs"), (None, "no fit", "no fit")],
)
def test_policies_that_have_no_order_are_not_given_one(client, project, places, missing, reason):
    one = {"name": "lumo-1", "strength": TOO_LITTLE, "win_rate": figure(1.0), "places": places}
    measured(project, policies={"ranked": [one, one], "beats": [], "missing": missing})
    text = text_of(client, "policies/")
    assert f"These policies cannot be put in one order yet. {reason}" in text
    assert "it wins" not in text


def test_the_table_of_who_beats_whom_has_both_sides(client, project):
    measured(project)
    text = html_of(client, "policies/")
    assert '<span class="heat__value">66</span>' in text
    assert '<span class="heat__value">34</span>' in text


@pytest.mark.parametrize(
    ("path", "titles"),
    [
        ("agreement/", ["81 % (77 to 85 %), n = 400", "52 % (48 to 56 %), n = 380"]),
        ("policies/", ["66 % (62 to 70 %), n = 1,204", "34 % (30 to 38 %), n = 1,204"]),
    ],
)
def test_each_cell_of_a_heat_table_has_its_interval(client, project, path, titles):
    measured(project)
    html = html_of(client, path)
    for title in titles:
        assert f'title="{title}"' in html


def test_medians_have_their_interval_wherever_they_stand(client, project):
    measured(project)
    assert "44 s (41 to 48 s) n = 2,600" in text_of(client, "guidelines/")
    assert "41 s (38 to 45 s) n = 1,700" in text_of(client, "tags/")
    assert "8 32 s (29 to 36 s) n = 100" in text_of(client)


def test_a_median_of_few_people_says_why_it_has_no_interval(client, project):
    missing = "not enough: 3 of the 7 annotators that a number needs"
    few = {"median": 44.0, "low": None, "high": None, "n": 2600, "missing": missing}
    weeks = {"pace_by_hour": [{"hour": 8, **few}], "pace_by_week": [{"week": "2026-01-26", **few}]}
    measured(project, drift=weeks, slices=[{**content()["slices"][0], "seconds": few}])
    assert "44 s (not enough: 3 of 7 people) n = 2,600" in text_of(client, "tags/")
    assert text_of(client).count("44 s (not enough: 3 of 7 people) n = 2,600") == 2


def test_tags_lead_to_their_items_and_judgements(client, project):
    measured(project)
    text = html_of(client, "tags/")
    assert 'href="/projects/lumo/quality/items/?tag=lang%3Ade"' in text
    assert 'href="/projects/lumo/quality/judgements/?tag=lang%3Ade"' in text


def test_what_is_left_out_is_said(client, project):
    tags = [{**content()["slices"][0], "tag": f"t{number}"} for number in range(50)]
    ranked = [{**content()["policies"]["ranked"][0], "name": f"p{number}"} for number in range(50)]
    measured(project, slices=tags, policies={"ranked": ranked, "beats": [], "missing": ""})
    text = text_of(client, "tags/")
    assert "The 50 tags with most tasks." in text
    assert "The first 20 of 50; the table below has all." in text
    assert "Only the 50 policies with most comparisons." in text_of(client, "policies/")


def test_the_pages_know_how_much_is_measured():
    assert (pages.MOST_POLICIES, pages.MOST_TAGS) == (policies.MOST, parts.MOST_TAGS)


def test_the_pages_are_a_link_away(client, project):
    measured(project)
    assert '<a href="/projects/lumo/quality/" aria-current="page">Quality</a>' in html_of(client, "tags/")
    assert 'href="/projects/lumo/quality/"' in client.get("/").content.decode()


@pytest.mark.parametrize("path", [*PAGES, "people/ada/"])
def test_annotators_and_strangers_see_none_of_it(project, path):
    of_annotator(measured(project), "ada")
    for user, status in ((MembershipFactory(project=project).user, 403), (UserFactory(), 404)):
        client = Client()
        client.force_login(user)
        assert client.get(f"/projects/lumo/quality/{path}").status_code == status
    assert Client().get(f"/projects/lumo/quality/{path}").status_code == 302


def test_annotators_ask_for_nothing(project):
    client = Client()
    client.force_login(MembershipFactory(project=project).user)
    assert client.post("/projects/lumo/quality/measure/").status_code == 403
    assert not Measurement.objects.exists()


@pytest.mark.parametrize("path", [*PAGES, "people/p0/"])
def test_pages_take_few_queries_however_much_there_is(client, project, path):
    measurement = measured(project)
    for number in range(60):
        of_annotator(measurement, f"p{number}")
        of_task(measurement, disputed(project, question=f"Question {number}?"))
    with CaptureQueriesContext(connection) as queries:
        text_of(client, path)
    assert len(queries) <= MOST_QUERIES


def test_hostile_names_and_texts_do_not_become_markup(client, project):
    evil = "<script>alert(1)</script>"
    slices = [
        {"tag": evil, "judgements": 1, "tasks": 1, "pairs": figure(0.5), "alpha": TOO_LITTLE, "known": TOO_LITTLE}
    ]
    one = {"name": evil, "strength": figure(0.1), "win_rate": figure(0.52), "places": [1, 1]}
    found = {"ranked": [one, one, one], "beats": [{"a": evil, "b": evil, **figure(0.5)}], "missing": evil}
    measurement = measured(project, slices=slices, policies=found, rubric={evil: figure(0.5)})
    of_task(measurement, disputed(project, question=evil, tags=[evil]))
    for path in ("", "tags/", "policies/", "items/", "judgements/"):
        html = client.get(f"/projects/lumo/quality/{path}").content.decode()
        assert "lumo" in html
        assert evil not in html
