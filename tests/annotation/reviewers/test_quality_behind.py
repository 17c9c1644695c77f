"""Items that are not settled and the judgements behind any figure: which are listed, how far one page looks, and what
is withheld from whoever may still be asked."""

import re
from datetime import UTC, datetime

import pytest
from django.http import QueryDict
from django.test import Client
from django.utils.http import urlencode

from annotation.actions import seats
from annotation.actions.members import annotator_of
from annotation.models import Exclusion, Judgement, Project, Task
from annotation.views.quality import behind
from annotation.views.quality.asked import Asked
from tests.annotation.quality_rows import measured, of_task
from tests.annotation.review_rows import disputed, said
from tests.annotation.reviewers.pages import html_of, text_of
from tests.factories import AnnotatorFactory, ProjectFactory, TaskFactory

pytestmark = pytest.mark.django_db
ORDER = [[0], [1], [2]]


def question(project: Project, words: str, **fields) -> Task:  # type: ignore[no-untyped-def]
    return TaskFactory(project=project, prompt__messages=[{"role": "user", "content": words}], **fields)


def listed(client: Client, query: str = "") -> list[str]:
    """The questions of the judgements on a page, in order."""
    return re.findall(r'dir="auto">([^<]+\?)</a></th>', html_of(client, f"judgements/{query}"))


@pytest.fixture
def said_things(project) -> None:
    ada, ben = AnnotatorFactory(name="ada"), AnnotatorFactory(name="ben")
    both, german = question(project, "Both?"), question(project, "German?", tags=["lang:de", "größe"])
    said(both, ORDER, by=ada, guideline_version=1, at=datetime(2026, 1, 5, tzinfo=UTC))
    said(both, ORDER, by=ben, guideline_version=2, at=datetime(2026, 2, 5, tzinfo=UTC))
    said(german, ORDER, by=ben, reason="It is true.", seconds=41)
    said(question(project, "Modelled?"), ORDER, source="ai")
    gold = question(project, "Gold?", purpose="gold", known={"ranking": [[1], [0], [2]]})
    said(gold, ORDER, by=ada)
    again = TaskFactory(project=project, purpose="repeat", repeats=both, prompt=both.prompt)
    said(again, [[2], [1], [0]], by=ada)
    said(question(ProjectFactory(), "Elsewhere?"), ORDER, by=ada)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["German?", "Both?", "Both?"]),
        ("?annotator=ada", ["Both?"]),
        ("?annotator=ada&peer=ben", ["Both?"]),
        ("?annotator=ben&peer=ada", ["Both?"]),
        ("?tag=lang:de", ["German?"]),
        ("?tag=größe", ["German?"]),
        ("?tag=lang", ["German?", "Both?", "Both?"]),
        ("?guideline=2", ["Both?"]),
        ("?since=2026-01-01&until=2026-02-01", ["Both?"]),
        ("?known=1", ["Gold?"]),
        ("?repeats=1", ["Both?"]),
        ("?voices=ai", ["Modelled?"]),
        ("?excluded=1", []),
        ("?guideline=x&since=2026-99-99&before=-1&task=%00", ["German?", "Both?", "Both?"]),
    ],
)
def test_the_address_says_which_are_listed(client, said_things, query, expected):
    assert listed(client, query) == expected


def test_policies_are_filtered_by_the_answers_of_a_task(client, project):
    task = question(project, "Theirs?")
    said(task, ORDER)
    said(question(project, "Others?"), ORDER)
    first, second = (response.policy.name for response in task.responses.all()[:2])
    assert listed(client, f"?policy={first}") == ["Theirs?"]
    assert listed(client, f"?policy={first}&against={second}") == ["Theirs?"]
    assert listed(client, f"?against={second}") == ["Theirs?"]


def test_a_row_tells_what_was_said(client, said_things):
    text = text_of(client, "judgements/?tag=lang:de")
    assert "Judgements tagged lang:de." in text
    assert "German? ben A better than > B better than > C It is true. 41 s" in text


def test_known_answers_and_what_was_said_first_stand_beside(client, said_things):
    assert "B better than > A better than > C 2 of 3 right" in text_of(client, "judgements/?known=1")
    assert "C better than > B better than > A A better than > B better than > C" in text_of(
        client, "judgements/?repeats=1"
    )


def test_revisions_count_as_last_said_and_checks_as_first_said(client, project):
    gold = question(project, "Gold?", purpose="gold", known={"ranking": ORDER})
    label, by = question(project, "Label?"), AnnotatorFactory()
    for task in (gold, label):
        new = said(task, ORDER, by=by, revision=1, reason="On a second look.")
        said(task, [[2], [1], [0]], by=by, revised_by=new, reason="At first sight.")
    assert "On a second look." in text_of(client, "judgements/")
    assert "At first sight." not in text_of(client, "judgements/")
    assert "At first sight." in text_of(client, "judgements/?known=1")


def test_what_is_excluded_is_behind_no_figure_and_has_a_list_of_its_own(client, project):
    judgement = said(question(project, "Careless?"), ORDER)
    lifted = said(question(project, "Lifted?"), ORDER)
    Exclusion.objects.create(judgement=judgement, reason="Clicked through.")
    Exclusion.objects.create(judgement=lifted, reason="By mistake.", lifted_at=datetime(2026, 1, 1, tzinfo=UTC))
    assert listed(client) == ["Lifted?"]
    assert listed(client, "?excluded=1") == ["Careless?"]
    assert "Clicked through." in text_of(client, "judgements/?excluded=1")


def test_pages_go_back_by_fifty_without_a_count(client, project):
    for number in range(51):
        said(question(project, f"Question {number}?"), ORDER)
    assert len(listed(client)) == 50
    older = re.search(r'href="\?(before=\d+)">Older', html_of(client, "judgements/"))
    assert older is not None
    assert listed(client, f"?{older[1]}") == ["Question 0?"]


def test_how_far_one_page_looks_is_bounded_and_the_rest_is_a_link_away(client, project, monkeypatch):
    monkeypatch.setattr(behind, "LOOKED_AT", 3)
    said(question(project, "Old?", tags=["rare"]), ORDER)
    for number in range(3):
        said(question(project, f"Question {number}?"), ORDER)
    html = html_of(client, "judgements/?tag=rare")
    assert "There are no such judgements here." in html
    assert "3 judgements were looked through for this page." in html
    further = re.search(r'href="\?tag=rare&(before=\d+)">Look further back', html)
    assert further is not None
    assert listed(client, f"?tag=rare&{further[1]}") == ["Old?"]


@pytest.fixture
def seated(project, reviewer) -> None:
    seats.of(project, annotator=annotator_of(reviewer))


def still_open(task: Task) -> Task:
    Task.objects.filter(pk=task.pk).update(state=Task.State.OPEN)
    return task


def test_what_was_said_is_withheld_from_a_reviewer_who_may_still_judge_the_task(client, project, seated):
    task = still_open(question(project, "Open?"))
    said(task, ORDER, reason="Because it is true.")
    text = text_of(client, f"judgements/?task={task.pk}")
    assert "not shown, as you may still be asked to judge it" in text
    for words in ("Because it is true.", "A better than"):
        assert words not in text
    assert "Open?" not in text_of(client, "judgements/")


@pytest.mark.parametrize(
    "query", ["", "?tag=rare", "?annotator=ada", "?excluded=1", "?task={task}", "?task={task}&known=1"]
)
def test_hidden_tasks_that_may_still_come_look_like_any_other(client, project, seated, query):
    task = still_open(question(project, "Which?", tags=["rare"]))
    said(task, ORDER, by=AnnotatorFactory(name="ada"))
    path = f"judgements/{query.format(task=task.pk)}"
    as_label = text_of(client, path)
    Task.objects.filter(pk=task.pk).update(purpose="gold", known={"ranking": ORDER})
    assert text_of(client, path) == as_label


@pytest.mark.parametrize("query", ["known=1", "repeats=1", "policy={policy}"])
def test_no_list_tells_what_a_task_is_that_its_reader_may_still_meet(client, project, seated, query):
    gold = question(project, "Gold?", purpose="gold", known={"ranking": ORDER})
    first = still_open(question(project, "Repeated?"))
    again = TaskFactory(project=project, purpose="repeat", repeats=first, prompt=first.prompt)
    for task in (gold, first, again):
        said(task, ORDER)
    policy = first.responses.first().policy.name
    text = text_of(client, f"judgements/?{query.format(policy=policy)}")
    assert "Gold?" not in text
    assert "tasks that you may still be asked to judge are left out here" in text


def test_items_are_ordered_by_what_a_vote_would_tell_or_by_dispute(client, project):
    measurement = measured(project)
    of_task(measurement, disputed(project, question="Telling?"), information=0.9, disagreement=0.2)
    of_task(measurement, disputed(project, question="Disputed?", tags=["lamp"]), information=0.1, disagreement=0.9)
    for sort, first, last in (("", "Telling?", "Disputed?"), ("disagreement", "Disputed?", "Telling?")):
        text = text_of(client, f"items/?sort={sort}")
        assert text.index(first) < text.index(last)
    assert "Telling?" not in text_of(client, "items/?tag=lamp")


def test_an_item_tells_its_consensus_and_the_reasons_side_by_side(client, project):
    task = disputed(project)
    ada = said(task, ORDER, by=AnnotatorFactory(name="ada"), reason="A is right.")
    said(task, [[2], [1], [0]], by=AnnotatorFactory(name="model"), reason="As a model.", source="ai")
    of_task(measured(project), task)
    text = text_of(client, "items/")
    assert "Consensus A better than > B = C 62 % sure (n = 3 votes)" in text
    assert "50 % apart one more vote would tell 0.40 bits" in text
    assert f"A better than > B better than > C {ada.annotator} A is right." in text
    assert "As a model." not in text
    assert f'href="/projects/lumo/review/tasks/{task.pk}/?from=%2Fprojects%2Flumo%2Fquality%2Fitems%2F"' in html_of(
        client, "items/"
    )


def test_items_that_their_reader_may_still_judge_are_left_out(client, project, seated):
    task = still_open(disputed(project, question="Open?"))
    said(task, ORDER, reason="Because it is true.")
    of_task(measured(project), task)
    text = text_of(client, "items/")
    assert "tasks that you may still be asked to judge are left out here" in text
    assert "Open?" not in text
    assert "Because it is true." not in text


def test_each_task_shows_a_few_reasons(client, project):
    task = disputed(project)
    for number in range(9):
        said(task, ORDER, reason=f"Reason {number}.")
    of_task(measured(project), task)
    assert len(re.findall(r"Reason \d\.", text_of(client, "items/"))) == 6
    assert Judgement.objects.exclude(reason="").count() == 9


def test_items_come_twenty_a_page(client, project):
    measurement = measured(project)
    for number in range(21):
        of_task(measurement, disputed(project, question=f"Question {number}?"), information=1 - number / 100)
    text = text_of(client, "items/")
    assert "Question 19?" in text
    assert "Question 20?" not in text
    assert "Page 1 of 2" in text
    assert "Question 20?" in text_of(client, "items/?page=2")


def test_items_that_are_settled_are_not_listed(client, project):
    measurement = measured(project)
    of_task(measurement, disputed(project, question="Settled?"), disagreement=0, sureness=0.97)
    of_task(measurement, disputed(project, question="Unsure?"), disagreement=0, sureness=0.94)
    text = text_of(client, "items/")
    assert ("Settled?" in text, "Unsure?" in text) == (False, True)


@pytest.mark.parametrize("query", [{}, {"known": "1"}, {"tag": "lamp"}, {"guideline": "2"}])
def test_few_judgements_are_found_as_many_are(project, query):
    gold = question(project, "Gold?", purpose="gold", known={"ranking": ORDER}, tags=["lamp"])
    for task in (gold, disputed(project, tags=["lamp"]), disputed(ProjectFactory(slug="other"))):
        said(task, ORDER, guideline_version=2)
    filters = behind.filters_of(Asked(QueryDict(urlencode(query))), voices="people")
    few, many = (behind.window(project, filters, few=few) for few in (True, False))
    assert few.found == many.found != []
