"""The reviewers' pages through the test client: what needs a look, one task, and the decision."""

import re
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from annotation.actions import seats
from annotation.actions.members import annotator_of
from annotation.models import Adjudication, AuditEvent, Guideline, Judgement, Task
from annotation.views.review import listing
from tests.annotation.review_rows import disputed, said
from tests.factories import AnnotatorFactory, MembershipFactory, ProjectFactory, TaskFactory, UserFactory

pytestmark = pytest.mark.django_db


def html_of(client: Client, path: str = "") -> str:
    answer = client.get(f"/projects/lumo/review/{path}")
    assert answer.status_code == 200
    return answer.content.decode()


def decide(task: Task, *, by: User) -> Adjudication:
    return Adjudication.objects.create(task=task, by=by, ranking=[[0], [1], [2]], reason="A is right.")


def test_the_first_line_says_how_many_are_disputed_and_how_many_wait(client, project, reviewer):
    disputed(project)
    decide(disputed(project, question="Settled?"), by=reviewer)
    agreed = TaskFactory(project=project)
    said(agreed, [[0], [1], [2]])
    said(agreed, [[0], [1], [2]])
    html = html_of(client)
    assert "2 tasks are disputed; 1 awaits a decision." in html
    assert "n = 3 tasks that two or more people ranked." in html


@pytest.mark.parametrize(
    ("came_from", "back"),
    [
        ("/projects/lumo/quality/judgements/?annotator=ada&known=1", "quality/judgements/?annotator=ada&amp;known=1"),
        ("/projects/lumo/quality/items/", "quality/items/"),
        ("/projects/other/quality/items/", "review/"),
        ("/projects/lumo/settings/", "review/"),
        ("https://evil.example/projects/lumo/quality/items/", "review/"),
        ("//evil.example/projects/lumo/quality/items/", "review/"),
        ("/projects/lumo/quality/items/../../x/", "review/"),
        ('/projects/lumo/quality/items/?tag="><script>', "quality/items/?tag=%22%3E%3Cscript%3E"),
    ],
)
def test_back_leads_to_the_list_under_quality_that_one_came_from_and_to_nothing_else(
    client, project, came_from, back
):
    task = disputed(project)
    html = html_of(client, f"tasks/{task.pk}/?{urlencode({'from': came_from})}")
    assert f'href="/projects/lumo/{back}#task-{task.pk}"' in html


def test_the_most_disputed_come_first_and_decided_ones_only_when_asked_for(client, project, reviewer):
    mild = TaskFactory(project=project, prompt__messages=[{"role": "user", "content": "Mild?"}])
    said(mild, [[0], [1], [2]])
    said(mild, [[1], [0], [2]])
    disputed(project, question="Hot?")
    said(disputed(project, question="Lukewarm?"), [[0], [1], [2]])
    decide(disputed(project, question="Settled?"), by=reviewer)
    html = html_of(client)
    assert html.index("Hot?") < html.index("Lukewarm?") < html.index("Mild?")
    assert "3 people differ on 3 of 3 pairs of answers: <strong>67&nbsp;%</strong>" in html
    assert "Settled?" not in html
    assert "Settled?" in html_of(client, "?done=yes")
    assert "Mild?" not in html_of(client, "?done=yes")


def test_models_and_simulated_annotators_dispute_nothing(client, project):
    task = TaskFactory(project=project)
    said(task, [[0], [1], [2]])
    said(task, [[2], [1], [0]], source=Judgement.Source.AI)
    said(task, [[2], [1], [0]], source=Judgement.Source.SIMULATED)
    assert "No task was judged by two people yet" in html_of(client)


def test_a_revision_that_came_round_is_no_dispute(client, project):
    task, annotator = TaskFactory(project=project), AnnotatorFactory()
    said(task, [[0], [1], [2]])
    new = said(task, [[0], [1], [2]], by=annotator, revision=1, revised_by=None)  # the old one points to it
    said(task, [[2], [1], [0]], by=annotator, revised_by=new)
    assert "0 tasks are disputed." in html_of(client)


def test_flags_and_comments_are_listed_with_their_people(client, project):
    task = TaskFactory(project=project)
    flagging = said(task, [[0], [1], [2]], flags=[{"flag": "personal_data", "response": 1}, {"flag": "unclear"}])
    spans = [{"response": 2, "start": 0, "end": 6, "text": "Answer", "comment": "Says <b>nothing</b>."}]
    commenting = said(TaskFactory(project=project), [[0], [1], [2]], spans=spans)
    html = html_of(client, "?show=flagged")
    assert "Personal data</span> answer B" in html
    assert "Unclear</span> the prompt" in html
    assert f"by {flagging.annotator}" in html
    html = html_of(client, "?show=comments")
    assert "Says &lt;b&gt;nothing&lt;/b&gt;." in html
    assert f"by {commenting.annotator}" in html
    assert f"by {flagging.annotator}" not in html


def test_flags_of_any_shape_that_an_import_brings_are_shown_as_they_are(client, project):
    said(
        TaskFactory(project=project),
        [[0], [1], [2]],
        flags=["toxic", {"flag": "odd", "response": 99}, 7],
        spans=["x"],
    )
    html = html_of(client, "?show=flagged")
    assert "toxic</span>" in html
    assert "odd</span>" in html


def test_tags_narrow_the_list_and_its_first_line(client, project):
    disputed(project, question="In German?", tags=["lang:de"])
    disputed(project, question="In English?", tags=["lang:en"])
    html = html_of(client, "?tag=lang:de")
    assert "In German?" in html
    assert "In English?" not in html
    assert "1 task is disputed; 1 awaits a decision." in html


@pytest.mark.parametrize(("purpose", "badge"), [("gold", "known answer"), ("repeat", "repeat")])
def test_hidden_tasks_are_marked_for_reviewers(client, project, purpose, badge):
    disputed(project, purpose=purpose)
    assert f'<span class="badge badge--accent">{badge}</span>' in html_of(client)


@pytest.mark.parametrize("query", ["?show=x&done=y&page=z&before=w", "?before=" + "9" * 30, "?page=99", "?tag=%00"])
def test_an_address_with_nonsense_shows_the_list(client, project, query):
    disputed(project)
    html_of(client, query)


def test_what_is_looked_at_is_bounded_and_the_rest_is_one_link_away(client, project, monkeypatch):
    monkeypatch.setattr(listing, "RECENT", 2)
    disputed(project, question="Old?")
    disputed(project, question="New?")
    html = html_of(client)
    assert "New?" in html
    assert "Old?" not in html
    before = Judgement.objects.order_by("-pk")[1].pk
    assert f'href="?before={before}">Look further back</a>' in html
    assert "Old?" in html_of(client, f"?before={before}")


def test_many_tasks_take_no_more_queries_than_one(client, project, django_assert_num_queries):
    disputed(project)
    with CaptureQueriesContext(connection) as one:
        html_of(client, "?show=all&done=both")
    for number in range(60):
        disputed(project, question=f"Question {number}?", tags=[f"tag {number}"])
    with django_assert_num_queries(len(one)):
        html = html_of(client, "?show=all&done=both&tag=")
    assert "Page 1 of 2" in html
    assert 'href="?show=all&amp;done=both&amp;tag=&amp;page=2"' in html


def test_a_task_shows_answers_and_all_that_was_said_side_by_side(client, project):
    Guideline.objects.create(project=project, number=3, text="Prefer the truth.")
    task = disputed(project)
    responses = list(task.responses.order_by("positions__position"))
    said(
        task,
        [[1], [0, 2]],
        strength=None,
        acceptable=[1],
        ratings={"correctness": [2, 5, 1]},
        flags=[{"flag": "harmful", "response": 2}],
        spans=[{"response": 0, "start": 0, "end": 6, "text": "Answer", "comment": "Vague."}],
        reason="B is the only true one.",
        edited={"1": f"{responses[1].text} Indeed."},
        seconds=41.2,
        shown=[2, 0, 1],
        guideline_version=3,
    )
    html = html_of(client, f"tasks/{task.pk}/")
    assert "3 people differ on 3 of 3 pairs of answers" in html
    for words in (
        "Good enough to send: B",
        "Harmful</span> answer C",
        "B is the only true one.",
        ">Answer</q>",
        "Vague.",
        "<ins> Indeed.</ins>",
        "41 s",
        "shown as C A B",
        "guidelines version 3",
        '<td class="num">5</td>',
    ):
        assert words in html
    assert all(response.text in html for response in responses)


def test_who_wrote_the_answers_is_told_when_asked_for_and_written_down(client, project, reviewer):
    task = disputed(project)
    policies = [response.policy.name for response in task.responses.all()]
    html = html_of(client, f"tasks/{task.pk}/?reveal=1")
    assert "Reveal who wrote them" in html
    assert not any(policy in html for policy in policies)
    html = client.post(f"/projects/lumo/review/tasks/{task.pk}/reveal/").content.decode()
    assert all(f"by {policy}" in html for policy in policies)
    event = AuditEvent.objects.get(verb="authors revealed")
    assert (event.subject, event.by) == (f"task {task.pk}", reviewer)
    # Links of that page are addresses of the task.
    back = client.get(f"/projects/lumo/review/tasks/{task.pk}/reveal/?page=2")
    assert back.url == f"/projects/lumo/review/tasks/{task.pk}/?page=2"


def test_who_wrote_the_answers_stays_hidden_while_they_are_ranked(client, project):
    task = disputed(project)
    Task.objects.update(state=Task.State.OPEN)
    html = client.post(f"/projects/lumo/review/tasks/{task.pk}/reveal/").content.decode()
    assert "can be revealed once no ranking of them is wanted" in html
    assert not any(response.policy.name in html for response in task.responses.all())
    assert not AuditEvent.objects.exists()


def test_what_was_said_is_withheld_from_a_reviewer_who_may_still_judge_the_task(client, project, reviewer):
    task = disputed(project)
    said(task, [[0], [1], [2]], flags=[{"flag": "harmful", "response": 1}], reason="Because it is true.")
    Task.objects.filter(pk=task.pk).update(state=Task.State.OPEN)
    seats.of(project, annotator=annotator_of(reviewer))
    for html in (
        html_of(client, f"tasks/{task.pk}/"),
        html_of(client, "?show=all"),
        html_of(client, "?show=flagged"),
    ):
        assert not any(words in html for words in ("Because it is true.", "Harmful", "people differ", "Decide anew"))
    assert "You may still be asked to judge this task" in html_of(client, f"tasks/{task.pk}/")
    assert "not shown, as you may still be asked" in html_of(client, "?show=all")
    sent = {"rank_A": 2, "rank_B": 1, "rank_C": 2, "reason": "B is right."}
    assert client.post(f"/projects/lumo/review/tasks/{task.pk}/decide/", sent).status_code == 403
    answer = client.post(f"/projects/lumo/review/tasks/{task.pk}/read/", {"from": "show=all"})
    assert answer.url == f"/projects/lumo/review/tasks/{task.pk}/?from=show%3Dall"
    assert "Because it is true." in html_of(client, f"tasks/{task.pk}/")
    assert "Harmful" in html_of(client, "?show=flagged")


def test_a_known_answer_and_that_there_is_one_are_withheld_from_whoever_has_not_met_it(client, project, reviewer):
    task = disputed(project, purpose="gold", known={"ranking": [[1], [0, 2]], "explanation": "It says so."})
    seats.of(project, annotator=annotator_of(reviewer))
    for html in (html_of(client, f"tasks/{task.pk}/"), html_of(client, "?show=all")):
        assert "known answer" not in html
        assert "It says so." not in html
    client.post(f"/projects/lumo/review/tasks/{task.pk}/read/")
    assert "It says so." in html_of(client, f"tasks/{task.pk}/")


def test_older_versions_stay_folded_under_the_current_one(client, project):
    task, annotator = disputed(project), AnnotatorFactory()
    new = said(task, [[0], [1], [2]], by=annotator, revision=1, reason="On a second look.")
    said(task, [[1], [0], [2]], by=annotator, revised_by=new, reason="At first sight.")
    html = html_of(client, f"tasks/{task.pk}/")
    assert "1 earlier version" in html
    assert html.index("On a second look.") < html.index("1 earlier version") < html.index("At first sight.")


def test_a_fast_judgement_is_named_as_such_with_what_is_usual(client, project):
    for _ in range(20):
        said(TaskFactory(project=project), [[0], [1], [2]], seconds=50)
    task = TaskFactory(project=project)
    said(task, [[0], [1], [2]], seconds=3)
    assert "(fast: less than a fifth of the usual 50 s, n = 21)" in html_of(client, f"tasks/{task.pk}/")


def test_hostile_texts_do_not_become_markup(client, project):
    evil = "<script>alert(1)</script>"
    task = disputed(project, question=evil, tags=[evil])
    said(task, [[0], [1], [2]], reason=evil, edited={"0": evil}, flags=[evil], ratings={evil: [1, 2, 3]})
    for path in ("?show=all", f"tasks/{task.pk}/"):
        assert evil not in html_of(client, path)


def test_many_judgements_take_no_more_queries_than_two(client, project, django_assert_num_queries):
    task = disputed(project)
    with CaptureQueriesContext(connection) as one:
        html_of(client, f"tasks/{task.pk}/")
    for _ in range(12):
        new = said(task, [[0], [1], [2]], revision=1)
        said(task, [[1], [0], [2]], by=new.annotator, revised_by=new)
    with django_assert_num_queries(len(one) + 1):  # and one for all the older versions
        html_of(client, f"tasks/{task.pk}/")


def test_a_task_without_answers_or_judgements_has_a_page(client, project):
    for size in (0, 1):
        html = html_of(client, f"tasks/{TaskFactory(project=project, size=size).pk}/")
        assert "Nobody has judged this task yet." in html


@pytest.mark.parametrize("path", ["", "tasks/{task}/"])
def test_annotators_and_strangers_see_none_of_it(project, path):
    address = f"/projects/lumo/review/{path}".format(task=disputed(project).pk)
    for user, status in ((MembershipFactory(project=project).user, 403), (UserFactory(), 404)):
        client = Client()
        client.force_login(user)
        assert client.get(address).status_code == status
    assert Client().get(address).status_code == 302


def test_a_task_of_another_project_is_not_there(client, project):
    assert client.get(f"/projects/lumo/review/tasks/{disputed(ProjectFactory()).pk}/").status_code == 404


def test_whole_ratings_are_shown_whole(client, project):
    task = TaskFactory(project=project)
    said(task, [[0], [1], [2]], ratings={"truth": [3.0, 3.5, None]})
    html = html_of(client, f"tasks/{task.pk}/")
    cells = re.findall(r'<td class="num">([^<]*)</td>', html)
    assert cells[-3:] == ["3", "3.5", "–"]


def test_the_pages_of_the_project_are_a_link_away(client, project):
    task = disputed(project)
    for path in ("", f"tasks/{task.pk}/"):
        html = html_of(client, path)
        assert 'class="project-nav"' in html
        assert 'href="/projects/lumo/releases/"' in html
        assert re.search(r'href="/projects/lumo/review/" aria-current="page"', html)
        assert "css/projects" in html
