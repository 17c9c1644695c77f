from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from annotation.models import Policy, Response
from flywheel.exceptions import GateClosed, InvalidSetting, NotFound, NotReady, SamplingFailed
from flywheel.models import Sampling
from tests.factories import PolicyFactory, ProjectFactory, PromptFactory
from tests.flywheel.doubles import challenge_tasks, generation, project_with_corpus

pytestmark = pytest.mark.django_db


def said(*arguments):
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


@pytest.mark.parametrize(
    "arguments",
    [
        ("turn", "--project", "nowhere"),
        ("promote", "--project", "nowhere"),
        ("rollback", "--project", "nowhere"),
        ("flywheel_status", "--project", "nowhere"),
        ("push_generation", "--project", "nowhere"),
        ("sample", "--policy", "nobody", "--project", "nowhere", "-n", "1"),
    ],
)
def test_an_unknown_project_is_one_sentence_that_names_those_there_are(arguments):
    ProjectFactory(slug="here")
    with pytest.raises(NotFound, match="There are: here"):
        call_command(*arguments)


def test_an_unknown_policy_and_generation_say_which_there_are():
    project = ProjectFactory(slug="here")
    PromptFactory(project=project)
    generation(project, state="promoted")
    with pytest.raises(NotFound, match="Models: here-g0"):
        call_command("sample", "--policy", "nobody", "--project", "here", "-n", "1")
    with pytest.raises(NotFound, match="It has: 0"):
        call_command("promote", "--project", "here", "--generation", "7")


@pytest.mark.parametrize("pair", ["learning_rate=1", "rm.learning_rate", "cook.salt=1", "=1"])
def test_a_setting_of_the_wrong_shape_is_named(pair):
    ProjectFactory(slug="here")
    with pytest.raises(InvalidSetting, match=f"--set {pair}"):
        call_command("turn", "--project", "here", "--set", pair)


def test_a_missing_project_is_a_usage_error():
    with pytest.raises(CommandError, match="--project"):
        call_command("turn")


def test_sample_keeps_answers_and_asks_nothing_twice(trainer):
    project = project_with_corpus(questions=5)
    policy = PolicyFactory(name="model", location="/weights/model")
    first = said("sample", "--policy", "model", "--project", project.slug, "-n", "2", "--limit", "3")
    assert "6 new answers of model to 3 prompts; 0 prompts had theirs" in first
    again = said("sample", "--policy", "model", "--project", project.slug, "-n", "2")
    assert "4 new answers of model to 2 prompts; 3 prompts had theirs" in again
    assert Response.objects.filter(policy=policy).count() == 10
    other = said("sample", "--policy", "model", "--project", project.slug, "-n", "2", "--set", "temperature=0.1")
    assert "to 5 prompts; 0 prompts had theirs" in other


def test_a_policy_without_a_location_cannot_answer():
    project = project_with_corpus(questions=1)
    PolicyFactory(name="paper")
    with pytest.raises(SamplingFailed, match="set its location"):
        call_command("sample", "--policy", "paper", "--project", project.slug, "-n", "1")


def test_push_generation_files_each_pair_once_and_without_a_hint():
    project = ProjectFactory(slug="here")
    generation(project, state="promoted")
    made = generation(project)
    challenge_tasks(project, made, count=4)
    assert "0 new tasks in the queue, 4 were there" in said("push_generation", "--project", "here")
    for task in project.tasks.all():
        answers = [item.response for item in task.positions.order_by("position")]
        assert [answer.text_hash for answer in answers] == sorted(answer.text_hash for answer in answers)
        assert task.generation == made.policy.name


def test_push_generation_leaves_out_prompts_on_which_both_said_the_same():
    project = ProjectFactory(slug="here")
    old, new = generation(project, state="promoted"), generation(project)
    prompt = PromptFactory(project=project)
    for policy in (old.policy, new.policy):
        Response.objects.create(prompt=prompt, policy=policy, text="The same.")
    assert "0 new tasks in the queue, 0 were there, 1 prompt left out" in said("push_generation", "--project", "here")


def test_a_policy_from_elsewhere_becomes_a_generation_when_it_is_pushed():
    project = ProjectFactory(slug="here")
    old = generation(project, state="promoted")
    guest = PolicyFactory(name="guest", kind=Policy.Kind.MODEL)
    prompt = PromptFactory(project=project)
    for policy in (old.policy, guest):
        Response.objects.create(prompt=prompt, policy=policy, text=f"By {policy}.")
    said("push_generation", "--project", "here", "--policy", "guest")
    made = project.generations.get(policy=guest)
    assert (made.number, made.parent, made.state) == (1, old, "labelling")


def test_policies_without_a_prompt_in_common_cannot_meet():
    project = ProjectFactory(slug="here")
    generation(project, state="promoted")
    generation(project)
    with pytest.raises(NotReady, match="in common"):
        call_command("push_generation", "--project", "here")
    with pytest.raises(NotReady, match="against itself"):
        call_command("push_generation", "--project", "here", "--against", "here-g1")


def test_status_names_gates_votes_and_the_next_command():
    project = ProjectFactory(slug="here")
    generation(project, state="promoted")
    made = generation(project)
    challenge_tasks(project, made, count=4)
    text = said("flywheel_status", "--project", "here")
    assert "here-g0 answers; here-g1 waits for people: not enough votes by people yet (0 of 20)." in text
    assert "gate reward model: passed" in text
    assert "next: manage.py turn --project here" in text


def test_promote_and_rollback_tell_what_they_did():
    project = ProjectFactory(slug="here")
    generation(project, state="promoted")
    generation(project)
    with pytest.raises(GateClosed):
        call_command("promote", "--project", "here")
    assert "here-g1 answers" in said("promote", "--project", "here", "--force", "--reason", "a test")
    assert "here-g0 answers in" in said("rollback", "--project", "here")


def test_several_settings_may_follow_one_set(trainer):
    project = project_with_corpus(questions=12, overlap=2)
    PolicyFactory(name="model", location="/weights/model")
    said("sample", "--policy", "model", "--project", project.slug, "-n", "1", "--set", "temperature=0.7", "top_p=0.9")
    assert Sampling.objects.first().settings == {"seed": 17, "temperature": "0.7", "top_p": "0.9"}
    said("turn", "--project", project.slug, "--set", "rm.epochs=2", "dpo.epochs=3")
    assert project.turns.get().settings["knobs"] == {"rm": {"epochs": "2"}, "dpo": {"epochs": "3"}}
