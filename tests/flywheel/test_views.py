import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from annotation.actions import seats
from annotation.actions.members import annotator_of
from annotation.models import Judgement, Membership
from flywheel.actions import status, turns
from tests.factories import MembershipFactory, ProjectFactory, TaskFactory, UserFactory
from tests.flywheel.doubles import challenge_tasks, generation, member, project_with_corpus, vote

pytestmark = pytest.mark.django_db
Role = Membership.Role
SIMULATED = {"simulate_labels": True, "prompts": 4, "answers": 3, "challenges": 20, "min_judgements": 4}


@pytest.fixture
def turned(trainer):
    project = project_with_corpus(questions=30, overlap=1)
    turns.go(project, given=SIMULATED)
    return project


@pytest.fixture
def engineer(client):
    def sign_in(project, role=Role.ENGINEER):
        client.force_login(MembershipFactory(project=project, role=role).user)
        return client

    return sign_in


def page(client, name, *arguments):
    response = client.get(reverse(f"flywheel:{name}", args=arguments))
    assert response.status_code == 200
    return response.content.decode()


def test_the_page_begins_with_the_verdict_and_ends_nowhere_near_a_simulated_vote(turned, engineer):
    html = page(engineer(turned), "project", turned.slug)
    slug = turned.slug
    assert f"{slug}-g0 answers; {slug}-g1 waits for people: not enough votes by people yet (0 of 20)." in html
    assert "4 simulated" in html
    assert f"python manage.py turn --project {slug}" in html
    assert "80% of held-out pairs (95 % interval 70% to 88%" in html


@pytest.mark.parametrize(
    ("role", "status"),
    [(Role.ANNOTATOR, 403), (Role.REVIEWER, 200), (Role.ENGINEER, 200), (Role.ADMIN, 200), (None, 404)],
)
def test_only_those_who_may_see_the_loop_see_it(client, role, status):
    project = ProjectFactory()
    user = UserFactory() if role is None else MembershipFactory(project=project, role=role).user
    client.force_login(user)
    assert client.get(reverse("flywheel:project", args=[project.slug])).status_code == status


def test_superusers_see_every_project_and_strangers_sign_in(client):
    project = ProjectFactory()
    url = reverse("flywheel:project", args=[project.slug])
    assert client.get(url).status_code == 302
    client.force_login(UserFactory(is_superuser=True))
    assert client.get(url).status_code == 200
    assert client.get(reverse("flywheel:project", args=["nowhere"])).status_code == 404


def test_the_index_goes_straight_to_an_only_project_and_lists_several(client):
    project = ProjectFactory()
    client.force_login(UserFactory(is_superuser=True))
    assert client.get(reverse("flywheel:index")).url == reverse("flywheel:project", args=[project.slug])
    other = ProjectFactory()
    html = page(client, "index")
    assert reverse("flywheel:project", args=[other.slug]) in html


def test_from_a_generation_one_walks_to_a_persons_click_and_back(turned, engineer):
    client = engineer(turned)
    candidate = turned.generations.get(number=1)
    html = page(client, "generation", turned.slug, 1)
    assert "c0ffee" in html  # the commit
    assert "torch 2.13.0" in html
    assert reverse("training:run", args=[candidate.artifact.run.pk]) in html
    judgement = turned.tasks.get(key=turned.turns.get().stages.get(name="push").result["tasks"][0]).judgements.get()
    assert reverse("flywheel:judgement", args=[turned.slug, judgement.uid]) in html
    html = page(client, "judgement", turned.slug, judgement.uid)
    assert reverse("flywheel:generation", args=[turned.slug, 1]) in html
    assert reverse("flywheel:generation", args=[turned.slug, 0]) not in html
    html = page(client, "annotator", turned.slug, judgement.annotator.name)
    assert "1 generation learned from them" in html


def test_a_vote_that_no_model_learned_from_touched_none(turned, engineer):
    candidate = turned.generations.get(number=1)
    judge = member(turned)
    vote(turned, candidate, by=judge, wins=1)
    html = page(engineer(turned), "annotator", turned.slug, judge.name)
    assert "0 generations learned from them" in html


def test_what_a_person_has_revised_stands_once_among_their_judgements(turned, engineer):
    old = turned.tasks.filter(judgements__isnull=False).first().judgements.get()
    new = Judgement.objects.create(
        task=old.task, annotator=old.annotator, uid="1" * 64, revision=1, ranking=[[1], [0]], revised_by=old
    )
    Judgement.objects.filter(pk=old.pk).update(revised_by=new)
    Judgement.objects.filter(pk=new.pk).update(revised_by=None)
    html = page(engineer(turned), "annotator", turned.slug, old.annotator.name)
    assert new.uid in html
    assert old.uid not in html


def test_a_reviewer_is_sent_to_no_run_that_is_not_shown_to_them(turned, engineer):
    run = turned.generations.get(number=1).artifact.run
    html = page(engineer(turned, Role.REVIEWER), "generation", turned.slug, 1)
    assert run.name in html
    assert reverse("training:run", args=[run.pk]) not in html


def test_unknown_generations_judgements_and_annotators_are_not_found(turned, engineer):
    client = engineer(turned)
    for name, argument in (("generation", 9), ("judgement", "f" * 64), ("annotator", "nobody/..")):
        assert client.get(reverse(f"flywheel:{name}", args=[turned.slug, argument])).status_code == 404


def test_hostile_text_is_shown_as_text(turned, engineer):
    candidate = turned.generations.get(number=1)
    vote(turned, candidate, by=member(turned), wins=1)
    judgement = turned.tasks.get(judgements__source="human").judgements.get()
    response = judgement.task.responses.first()
    type(response).objects.filter(pk=response.pk).update(text="<script>alert(1)</script>")
    html = page(engineer(turned), "judgement", turned.slug, judgement.uid)
    assert "<script>alert" not in html


def test_known_answers_and_repeats_wait_for_nobody_in_particular():
    project = ProjectFactory()
    for purpose in ("label", "head_to_head", "gold", "repeat", "qualification"):
        TaskFactory(project=project, purpose=purpose)
    assert status.of(project).tasks_open == 2


def test_queries_do_not_grow_with_the_generations(engineer, django_assert_max_num_queries):
    project = ProjectFactory(overlap=1)
    generation(project, state="promoted")
    for _ in range(6):
        challenge_tasks(project, generation(project), count=3)
    client = engineer(project)
    with django_assert_max_num_queries(20):
        page(client, "project", project.slug)


def test_queries_do_not_grow_with_the_judgements(turned, engineer, django_assert_max_num_queries):
    client = engineer(turned)
    with django_assert_max_num_queries(27):
        page(client, "generation", turned.slug, 1)


def test_who_wrote_an_answer_is_hidden_until_nobody_ranks_it_any_more(engineer):
    project = ProjectFactory(overlap=2)
    generation(project, state="promoted")
    candidate = generation(project)
    challenge_tasks(project, candidate, count=1)
    names = [str(candidate.policy), str(candidate.parent.policy)]
    first, second = member(project), member(project)
    vote(project, candidate, by=first, wins=1)
    said = project.tasks.get().judgements.get()
    client = engineer(project, Role.REVIEWER)
    judgement_page = page(client, "judgement", project.slug, said.uid)
    annotator_page = page(client, "annotator", project.slug, first.name)
    assert "Answer 1" in judgement_page
    for name in names:
        assert f"by {name}" not in judgement_page
        assert f"by {name}" not in annotator_page
    vote(project, candidate, by=second, wins=1)
    judgement_page = page(client, "judgement", project.slug, said.uid)
    for name in names:
        assert f"by {name}" in judgement_page


def test_a_judgement_is_not_shown_to_whoever_may_still_judge_the_task(engineer):
    project = ProjectFactory(overlap=2)
    generation(project, state="promoted")
    candidate = generation(project)
    challenge_tasks(project, candidate, count=1)
    vote(project, candidate, by=member(project), wins=1)
    said = project.tasks.get().judgements.get()
    reviewer = engineer(project, Role.REVIEWER)
    address = [project.slug, said.uid]
    assert "&gt; answer" in " ".join(page(reviewer, "judgement", *address).split())
    seats.of(project, annotator=annotator_of(User.objects.get(pk=reviewer.session["_auth_user_id"])))
    html = page(reviewer, "judgement", *address)
    assert "not shown, as you may still be asked to judge it" in html
    assert "&gt; answer" not in " ".join(html.split())


def test_an_answer_that_waits_on_another_task_is_blind_too(engineer):
    project = ProjectFactory(overlap=1)
    generation(project, state="promoted")
    candidate = generation(project)
    challenge_tasks(project, candidate, count=1)
    vote(project, candidate, by=member(project), wins=1)
    done = project.tasks.get()
    again = TaskFactory(project=project, prompt=done.prompt, size=0)
    again.positions.create(response=done.responses.first(), position=0)
    html = page(engineer(project), "judgement", project.slug, done.judgements.get().uid)
    assert f"by {candidate.policy}" not in html


def test_staff_without_a_membership_see_no_loop(client):
    project = ProjectFactory()
    client.force_login(UserFactory(is_staff=True))
    assert client.get(reverse("flywheel:project", args=[project.slug])).status_code == 404
    assert project.name not in page(client, "index")


def test_generations_come_fifty_to_a_page_and_the_verdict_knows_them_all(engineer):
    project = ProjectFactory(slug="many")
    generation(project, state="promoted")
    for _ in range(51):
        generation(project)
    client = engineer(project)
    html = page(client, "project", "many")
    assert "many-g0 answers; many-g51 waits" in html
    assert reverse("flywheel:generation", args=["many", 2]) in html
    assert reverse("flywheel:generation", args=["many", 1]) not in html
    older = client.get(reverse("flywheel:project", args=["many"]), {"page": 2}).content.decode()
    assert "many-g0 answers; many-g51 waits" in older
    assert reverse("flywheel:generation", args=["many", 1]) in older
    assert reverse("flywheel:generation", args=["many", 2]) not in older


def test_a_gate_says_its_outcome_once(engineer):
    project = ProjectFactory()
    generation(project, state="promoted")
    generation(project)
    html = page(engineer(project), "project", project.slug)
    assert "Passed:" not in html
    assert "The reward model is right on 80% of held-out pairs" in html
