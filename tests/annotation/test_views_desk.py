"""The desk through the test client, rendered."""

import re
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from annotation.actions import leases
from annotation.formats.row_judgements import MAX_SECONDS
from annotation.models import Draft, Judgement, Project, Skip, Slot, Task
from tests.annotation.at_desk import HTMX, open_task, ranks, url
from tests.factories import (
    AnnotatorFactory,
    MembershipFactory,
    ProjectFactory,
    TaskFactory,
    UserFactory,
    lease,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    return ProjectFactory(slug="desk", name="Support answers")


@pytest.fixture
def annotator(project):  # type: ignore[no-untyped-def]
    annotator = AnnotatorFactory()
    MembershipFactory(project=project, user=annotator.user)
    return annotator


@pytest.fixture
def desk(annotator) -> Client:  # type: ignore[no-untyped-def]
    client = Client(enforce_csrf_checks=False)
    client.force_login(annotator.user)
    return client


def test_strangers_are_sent_to_sign_in_and_back(client):
    answer = client.get("/projects/desk/desk/")
    assert answer.url == "/accounts/login/?next=/projects/desk/desk/"


def test_a_session_that_ended_sends_the_whole_page_to_sign_in_under_htmx(client):
    answer = client.post(f"/projects/desk/slots/{uuid4()}/submit/", headers=HTMX)
    assert (answer.status_code, answer["HX-Redirect"]) == (200, "/accounts/login/?next=/")


def test_a_project_of_others_looks_as_if_it_were_not_there(desk):
    ProjectFactory(slug="theirs")
    answer = desk.get("/projects/theirs/desk/")
    assert answer.status_code == 404
    assert "There is no project &#x27;theirs&#x27; that you are a member of." in answer.content.decode()


def test_the_desk_is_a_plain_form_with_a_named_group_for_each_answer(desk, project):
    TaskFactory(project=project, size=3)
    html = desk.get("/projects/desk/desk/").content.decode()
    assert [f">Rank of {letter}</legend>" in html for letter in "ABCD"] == [True, True, True, False]
    assert html.count('type="radio" name="rank_') == 9
    assert "<script>" not in html
    assert "style=" not in html


@pytest.mark.parametrize("size", [2, 9])
def test_the_number_of_queries_does_not_grow_with_the_answers(desk, project, size, django_assert_max_num_queries):
    TaskFactory(project=project, size=size)
    desk.get("/projects/desk/desk/")
    with django_assert_max_num_queries(18):
        desk.get("/projects/desk/desk/")


def test_htmx_gets_the_same_desk_without_the_page_around_it(desk, project):
    TaskFactory(project=project)
    html = desk.get("/projects/desk/desk/", headers=HTMX).content.decode()
    assert html.lstrip().startswith('<section id="desk"')


def test_a_refresh_shows_the_same_task_in_the_same_order(desk, project):
    for _ in range(3):
        TaskFactory(project=project, size=9)
    texts = [re.findall(r"Answer \d+\.", desk.get("/projects/desk/desk/").content.decode()) for _ in range(2)]
    assert texts[0] == texts[1]


def test_ranks_by_letter_become_positions_in_the_order_shown(desk, project, annotator):
    TaskFactory(project=project, size=3)
    slot, hidden = open_task(desk)
    answer = desk.post(url(slot, "submit/"), {**hidden, **ranks(A=3, B=1, C=1)})
    assert answer.url == "/projects/desk/desk/"
    judgement = Judgement.objects.get()
    assert judgement.ranking == [sorted([slot.order[1], slot.order[2]]), [slot.order[0]]]
    assert judgement.annotator == annotator


def test_the_order_is_not_readable_in_the_page(desk, project):
    TaskFactory(project=project, size=3)
    _, hidden = open_task(desk)
    assert all(re.fullmatch("[0-9a-f]{16}", token) for token in hidden["shown"].split(","))


def test_after_a_submission_htmx_gets_the_next_task(desk, project):
    for _ in range(2):
        TaskFactory(project=project, size=2)
    slot, hidden = open_task(desk)
    html = desk.post(url(slot, "submit/"), {**hidden, **ranks(A=1, B=2)}, headers=HTMX).content.decode()
    following = Slot.objects.get(state=Slot.State.LEASED)
    assert following != slot
    assert url(following, "submit/") in html


def test_a_second_submit_of_the_same_form_counts_once(desk, project):
    TaskFactory(project=project, size=2)
    slot, hidden = open_task(desk)
    for _ in range(2):
        assert desk.post(url(slot, "submit/"), {**hidden, **ranks(A=1, B=2)}).status_code == 302
    assert Judgement.objects.count() == 1


def test_missing_places_are_named_and_what_was_chosen_stays(desk, project):
    TaskFactory(project=project, size=4)
    slot, hidden = open_task(desk)
    answer = desk.post(url(slot, "submit/"), {**hidden, **ranks(A=1, C=2)})
    html = answer.content.decode()
    assert answer.status_code == 400
    assert "B and D still need a place." in html
    assert re.search(r'name="rank_C" value="2"[^>]*checked', html)
    assert not Judgement.objects.exists()


def test_to_a_script_a_refusal_is_the_notice_alone(desk, project):
    TaskFactory(project=project, size=2)
    slot, hidden = open_task(desk)
    answer = desk.post(url(slot, "submit/"), {**hidden, **ranks(A=1)}, headers=HTMX)
    html = answer.content.decode()
    assert answer.status_code == 400
    assert html.lstrip().startswith('<div class="notice')
    assert "B still needs a place." in html


def test_a_tie_is_refused_with_its_letters_where_ties_are_not_wanted(desk, project):
    Project.objects.update(ties_allowed=False)
    TaskFactory(project=project, size=3)
    slot, hidden = open_task(desk)
    answer = desk.post(url(slot, "submit/"), {**hidden, **ranks(A=1, B=2, C=1)})
    assert answer.status_code == 400
    assert "A and C share a place" in answer.content.decode()


@pytest.mark.parametrize(
    "broken",
    [{"shown": "1,2"}, {"shown": "x" * 300}, {"submission_key": "none"}, {"rank_A": "17"}, {"seconds": "-1"}],
)
def test_a_form_that_was_tampered_with_is_refused_with_a_sentence(desk, project, broken):
    TaskFactory(project=project, size=2)
    slot, hidden = open_task(desk)
    answer = desk.post(url(slot, "submit/"), {**hidden, **ranks(A=1, B=2), **broken})
    assert answer.status_code == 400
    assert 'role="alert"' in answer.content.decode()
    assert not Judgement.objects.exists()


@pytest.mark.parametrize("preference", range(1, 8))
def test_one_choice_of_seven_gives_ranking_and_strength(desk, project, preference):
    Project.objects.update(strength_asked=True)
    TaskFactory(project=project, size=2)
    slot, hidden = open_task(desk)
    desk.post(url(slot, "submit/"), {**hidden, "preference": preference})
    first, second = slot.order
    judgement = Judgement.objects.get()
    expected = {
        1: ([[first], [second]], 3),
        2: ([[first], [second]], 2),
        3: ([[first], [second]], 1),
        4: ([[0, 1]], None),
        5: ([[second], [first]], 1),
        6: ([[second], [first]], 2),
        7: ([[second], [first]], 3),
    }
    assert (judgement.ranking, judgement.strength) == expected[preference]


def test_the_answers_above_the_line_are_kept_by_position(desk, project):
    Project.objects.update(acceptability_asked=True)
    TaskFactory(project=project, size=3)
    slot, hidden = open_task(desk)
    desk.post(url(slot, "submit/"), {**hidden, **ranks(A=1, B=2, C=3), "line": "2"})
    assert sorted(Judgement.objects.get().acceptable) == sorted(slot.order[:2])


def test_a_draft_comes_back_even_when_the_order_shown_has_changed(desk, project, annotator):
    TaskFactory(project=project, size=3)
    slot, hidden = open_task(desk)
    assert desk.post(url(slot, "draft/"), {**hidden, **ranks(A=3, B=1)}).status_code == 204
    Slot.objects.update(order=list(reversed(slot.order)))
    html = desk.get("/projects/desk/desk/").content.decode()
    assert re.search(r'name="rank_C" value="3"[^>]*checked', html)
    assert re.search(r'name="rank_B" value="1"[^>]*checked', html)
    assert html.count(" checked") == 2


@pytest.mark.parametrize(("preference", "turned"), [(1, 7), (3, 5), (4, 4), (6, 2)])
def test_a_draft_of_a_pair_turns_with_the_order(desk, project, preference, turned):
    Project.objects.update(strength_asked=True)
    TaskFactory(project=project, size=2)
    slot, hidden = open_task(desk)
    desk.post(url(slot, "draft/"), {**hidden, "preference": preference})
    Slot.objects.update(order=list(reversed(slot.order)))
    html = desk.get("/projects/desk/desk/").content.decode()
    assert re.findall(r'name="preference" value="(\d)"[^>]*checked', html) == [str(turned)]


def test_a_draft_renews_the_lease(desk, project):
    TaskFactory(project=project, size=2)
    slot, hidden = open_task(desk)
    Slot.objects.update(lease_expires_at=timezone.now())
    desk.post(url(slot, "draft/"), {**hidden, **ranks(A=1)})
    assert Slot.objects.get().lease_expires_at > timezone.now()


def lose(slot: Slot) -> None:
    """Someone else of the project takes the slot, and sees another order."""
    thief = AnnotatorFactory()
    MembershipFactory(project=slot.task.project, user=thief.user)
    Slot.objects.filter(pk=slot.pk).update(lease_expires_at=timezone.now())
    assert leases.claim(slot.task.project, by=thief).pk == slot.pk
    Slot.objects.filter(pk=slot.pk).update(order=list(reversed(slot.order)))


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_a_lost_slot_answers_409_and_keeps_the_ranking_as_it_was_meant(desk, project, annotator, headers):
    TaskFactory(project=project, size=3)
    slot, hidden = open_task(desk)
    lose(slot)
    answer = desk.post(url(slot, "submit/"), {**hidden, **ranks(A=2, B=1, C=3)}, headers=headers)
    html = answer.content.decode()
    assert answer.status_code == 409
    assert "Your ranking: B, then A, then C." in html
    assert "Take the next one" in html
    draft = Draft.objects.get(annotator=annotator)
    assert draft.content["ranking"] == [[slot.order[1]], [slot.order[0]], [slot.order[2]]]


def test_saving_a_draft_tells_of_a_lost_slot(desk, project):
    TaskFactory(project=project, size=2)
    slot, hidden = open_task(desk)
    lose(slot)
    answer = desk.post(url(slot, "draft/"), {**hidden, **ranks(A=1)}, headers=HTMX)
    assert answer.status_code == 409
    assert "data-lost" in answer.content.decode()


@pytest.mark.parametrize("verb", ["", "submit/", "skip/", "draft/"])
def test_a_slot_of_someone_else_is_not_there(desk, project, verb):
    slot = lease(TaskFactory(project=project).slots.get(), AnnotatorFactory())
    answer = desk.post(url(slot, verb)) if verb else desk.get(url(slot))
    assert answer.status_code == 404
    assert "There is no such task that is yours." in answer.content.decode()


def test_ones_own_slot_has_an_address(desk, project, annotator):
    slot = lease(TaskFactory(project=project).slots.get(), annotator)
    assert url(slot, "submit/") in desk.get(url(slot)).content.decode()


def test_a_slot_is_not_there_under_another_project(desk, project, annotator):
    MembershipFactory(project=ProjectFactory(slug="other"), user=annotator.user)
    slot = lease(TaskFactory(project=project).slots.get(), annotator)
    assert desk.get(f"/projects/other/slots/{slot.token}/").status_code == 404


def test_skipping_keeps_the_reason_and_shows_the_next(desk, project):
    for _ in range(2):
        TaskFactory(project=project, size=2)
    slot, _ = open_task(desk)
    html = desk.post(url(slot, "skip/"), {"reason": "harm", "note": "no"}, headers=HTMX).content.decode()
    assert Skip.objects.get().reason == "harm: no"
    assert url(Slot.objects.get(state=Slot.State.LEASED), "submit/") in html


def test_skipping_without_a_reason_is_refused_and_keeps_the_task(desk, project):
    TaskFactory(project=project, size=2)
    slot, _ = open_task(desk)
    answer = desk.post(url(slot, "skip/"), {})
    assert answer.status_code == 400
    assert "Say why you skip this task." in answer.content.decode()
    assert Slot.objects.get().state == Slot.State.LEASED


def test_skipping_a_lost_slot_says_so_and_offers_the_next(desk, project):
    TaskFactory(project=project, size=2)
    slot, hidden = open_task(desk)
    desk.post(url(slot, "draft/"), {**hidden, **ranks(A=1)})
    lose(slot)
    answer = desk.post(url(slot, "skip/"), {"reason": "harm"}, headers=HTMX)
    assert answer.status_code == 409
    assert "Take the next one" in answer.content.decode()


def test_no_cache_keeps_the_desk_or_mistakes_a_part_for_the_page(desk, project):
    TaskFactory(project=project, size=2)
    answer = desk.get("/projects/desk/desk/", headers=HTMX)
    assert "HX-Request" in answer["Vary"]
    assert "no-store" in answer["Cache-Control"]


def test_the_end_of_the_queue_counts_what_was_done(desk, project):
    TaskFactory(project=project, size=2)
    slot, hidden = open_task(desk)
    html = desk.post(url(slot, "submit/"), {**hidden, **ranks(A=1, B=2)}, follow=True).content.decode()
    assert "That was the last one" in html
    assert "You did 1 task today and 1 in all." in html


def test_a_paused_project_says_so(desk, project):
    Project.objects.update(state=Project.State.PAUSED)
    TaskFactory(project=project, size=2)
    assert "Support answers is paused" in desk.get("/projects/desk/desk/").content.decode()


def test_nothing_on_the_desk_names_a_policy_or_a_position(desk, project):
    task = TaskFactory(project=project, size=3, generation="gen-7", strategy="uncertain")
    names = [item.response.policy.name for item in task.positions.select_related("response__policy")]
    html = desk.get("/projects/desk/desk/").content.decode()
    assert not [word for word in [*names, "gen-7", "uncertain", "policy"] if word in html]


def test_every_form_works_without_script(desk, project):
    TaskFactory(project=project)
    html = desk.get("/projects/desk/desk/").content.decode()
    for tag in re.findall(r"<(?:form|a)[^>]*hx-(?:post|get)=[^>]*>", html):
        assert re.search(r' (?:action|href)="', tag)


def test_only_members_who_wait_count_as_waiting(project):
    """A task that one has judged, skipped, or that others hold does not wait."""
    member = MembershipFactory(project=project, user=UserFactory())
    annotator = AnnotatorFactory(user=member.user)
    judged, skipped, taken = (TaskFactory(project=project) for _ in range(3))
    TaskFactory(project=project)
    Judgement.objects.create(task=judged, annotator=annotator, ranking=[[0]])
    Skip.objects.create(task=skipped, annotator=annotator)
    lease(taken.slots.get(), AnnotatorFactory())
    TaskFactory(project=project, state=Task.State.WITHDRAWN)
    client = Client()
    client.force_login(member.user)
    assert "<strong>1</strong> waits for you" in client.get("/").content.decode()


@pytest.mark.parametrize("strength_asked", [True, False])
@pytest.mark.parametrize(
    "content",
    [
        {"ranking": 1}, {"ranking": [[]]}, {"ranking": [1, 2]}, {"ranking": [["a"], [{}]]}, {"ranking": [[99], [0]]},
        {"ranking": [[0]], "strength": "much"}, {"places": [1]}, {"places": {"x": 1, "0": {}, "1": "high", "9": 1}},
        {"acceptable": 5}, {"acceptable": [[], None, 99]}, {"ranking": [[0], [1]], "strength": [3]},
    ],
)  # fmt: skip
def test_a_draft_that_does_not_fit_never_hides_the_task(desk, project, annotator, content, strength_asked):
    project.strength_asked = strength_asked
    project.acceptability_asked = True
    project.save()
    slot = lease(TaskFactory(project=project, size=2).slots.get(), annotator)
    Draft.objects.create(task=slot.task, annotator=annotator, content=content)
    answer = desk.get("/projects/desk/desk/")
    assert answer.status_code == 200
    assert 'id="judgement"' in answer.content.decode()


@pytest.mark.parametrize(("sent", "kept"), [("1e9", MAX_SECONDS), ("100000", 100000), ("", None)])
def test_no_judgement_is_refused_for_the_clock(desk, project, sent, kept):
    TaskFactory(project=project, size=2)
    slot, hidden = open_task(desk)
    answer = desk.post(url(slot, "submit/"), {**hidden, **ranks(A=1, B=2), "seconds": sent})
    assert answer.status_code == 302
    assert Judgement.objects.get().seconds == kept
