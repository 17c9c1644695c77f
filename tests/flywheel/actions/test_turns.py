import pytest

from annotation.models import Judgement, Release, Response, Task
from flywheel.actions import generations, stages, turns
from flywheel.actions.turn_settings import METHODS
from flywheel.exceptions import InvalidSetting, NotFound, NotReady
from flywheel.models import Generation, Stage, Turn
from tests.factories import ProjectFactory
from tests.flywheel.doubles import member, project_with_corpus, vote
from training.exceptions import InvalidKnob

pytestmark = pytest.mark.django_db

SIMULATED = {"simulate_labels": True, "prompts": 4, "answers": 3, "challenges": 20, "min_judgements": 4}


class Killed(BaseException):
    """As a power cut would be: nothing may catch it."""


@pytest.fixture
def project():
    return project_with_corpus(questions=30, overlap=1)


def counts(project):
    return {
        "tasks": Task.objects.filter(project=project).exclude(slots=None).count(),
        "judgements": Judgement.objects.count(),
        "releases": Release.objects.count(),
        "generations": project.generations.count(),
        "turns": project.turns.count(),
    }


def test_a_turn_with_simulated_labels_ends_waiting_for_people(project, trainer):
    turn = turns.go(project, given=SIMULATED)
    assert turn.state == Turn.State.WAITING
    assert list(turn.stages.values_list("name", flat=True)) == list(stages.STAGES)[:-2]
    assert trainer.trained_kinds == ["sft", "rm", "dpo"]
    assert turn.candidate.state == Generation.State.LABELLING
    assert turn.candidate.parent.state == Generation.State.PROMOTED
    assert set(Judgement.objects.values_list("source", flat=True)) == {"simulated"}
    challenged = Task.objects.filter(purpose="head_to_head", generation=turn.candidate.policy.name)
    assert challenged.count() == 20
    assert not Judgement.objects.filter(task__in=challenged).exists()


@pytest.mark.parametrize("stage", list(stages.STAGES)[:-1])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_turn_killed_at_any_stage_goes_on_and_doubles_nothing(project, trainer, monkeypatch, stage, when):
    work = stages.STAGES[stage]

    def killed(trip):
        if when == "after":
            work(trip)
        raise Killed

    monkeypatch.setitem(stages.STAGES, stage, killed)
    with pytest.raises(Killed):
        turns.go(project, given=SIMULATED)
    monkeypatch.setitem(stages.STAGES, stage, work)
    turn = turns.go(project)

    assert turn.state == Turn.State.WAITING
    assert list(turn.stages.values_list("name", flat=True)) == list(stages.STAGES)[:-2]
    assert trainer.trained_kinds == ["sft", "rm", "dpo"]
    assert counts(project) == {"tasks": 24, "judgements": 4, "releases": 2, "generations": 2, "turns": 1}


@pytest.mark.parametrize("method", METHODS)
def test_the_policy_learns_by_the_method_that_was_asked_for(project, trainer, method):
    turn = turns.go(project, given=SIMULATED | {"method": method, "knobs": {method: {"max_steps": "3"}}})
    assert turn.state == Turn.State.WAITING
    assert trainer.trained_kinds == ["sft", "rm", method]
    run = turn.candidate.artifact.run
    assert run.kind == method
    assert run.config["knobs"] == {"max_steps": "3"} | ({"answers": "best"} if method == "sft" else {})
    judge = turn.candidate.reward_model
    assert trainer.rewards[method] == ([judge.path] if method in ("ppo", "rloo") else [])


def test_the_environment_says_which_method_is_the_default_and_a_turn_under_way_keeps_its_own(
    project, trainer, settings
):
    settings.TURN_METHOD = "ppo"
    turn = turns.go(project, given=SIMULATED | {"simulate_labels": False})
    assert turn.settings["method"] == "ppo"
    settings.TURN_METHOD = "rloo"
    assert turns.go(project).settings["method"] == "ppo"
    assert turns.go(project, given={"method": "sft"}).settings["method"] == "sft"


def test_people_decide_at_the_gates_and_the_same_command_promotes(project, trainer):
    turn = turns.go(project, given=SIMULATED)
    vote(project, turn.candidate, by=member(project), wins=20)
    said = []
    again = turns.go(project, say=lambda name, sentence: said.append(name))
    assert said == ["gates", "promote"]
    assert (again, again.state) == (turn, Turn.State.DONE)
    assert turns.generations.incumbent(project) == turn.candidate


def test_people_can_say_no(project, trainer):
    turn = turns.go(project, given=SIMULATED)
    vote(project, turn.candidate, by=member(project), wins=0, losses=20)
    assert turns.go(project).state == Turn.State.DONE
    turn.candidate.refresh_from_db()
    assert turn.candidate.state == Generation.State.REJECTED


def test_without_simulation_the_label_stage_waits_for_people(project, trainer):
    said = {}
    turn = turns.go(project, given=SIMULATED | {"simulate_labels": False}, say=said.__setitem__)
    assert turn.state == Turn.State.WAITING
    assert "0 of 4 judgements" in said["label"]
    assert not Judgement.objects.exists()


def test_enough_judgements_at_hand_skip_the_asking(project, trainer):
    turn = turns.go(project, given=SIMULATED)
    judge = member(project)
    vote(project, turn.candidate, by=judge, wins=20)
    turns.go(project)
    said = {}
    turns.go(project, given={"min_judgements": 20}, say=said.__setitem__)
    assert {said[name] for name in stages.BRINGING_LABELS} == {
        "nothing to do: 20 judgements are at hand that no turn has learned from."
    }
    released = Release.objects.get(name=Stage.objects.filter(name="release").latest("pk").result["release"])
    assert set(released.judgements.values_list("source", flat=True)) == {"human"}


def test_settings_of_an_unfinished_turn_hold_until_changed(project, trainer):
    turns.go(project, given=SIMULATED | {"simulate_labels": False})
    turn = turns.go(project, given={"knobs": {"rm": {"learning_rate": "1e-4"}}})
    assert turn.settings["prompts"] == 4
    assert turn.settings["knobs"] == {"rm": {"learning_rate": "1e-4"}}


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"answers": 1}, InvalidSetting),
        ({"prompts": 0}, InvalidSetting),
        ({"method": "magic"}, InvalidSetting),
        ({"knobs": {"rm": {"no_such_knob": "1"}}}, InvalidKnob),
    ],
)
def test_a_wrong_setting_is_refused_before_anything_begins(project, trainer, given, error):
    with pytest.raises(error):
        turns.go(project, given=given)
    assert not Turn.objects.exists()
    assert trainer.trained_kinds == []


def test_a_project_without_prompts_has_no_turn(trainer):
    with pytest.raises(NotFound, match="no prompts"):
        turns.go(ProjectFactory())


def test_simulated_annotators_know_only_the_demos_questions(trainer):
    project = ProjectFactory(overlap=1)
    from annotation.models import Policy, Prompt

    people = Policy.objects.create(name="people", kind=Policy.Kind.PEOPLE)
    for number in range(3):
        prompt = Prompt.objects.create(project=project, messages=[{"role": "user", "content": f"Why {number}?"}])
        Response.objects.create(prompt=prompt, policy=people, text="Because.")
    with pytest.raises(NotReady, match="demo's questions"):
        turns.go(project, given=SIMULATED)
    assert not Judgement.objects.exists()


def test_an_abandoned_turn_makes_room_for_another(project, trainer):
    turn = turns.go(project, given=SIMULATED)
    turns.abandon(project, reason="a wrong learning rate")
    turn.candidate.refresh_from_db()
    assert turn.candidate.state == Generation.State.REJECTED
    assert turns.go(project, given=SIMULATED).number == 2
    with pytest.raises(NotReady):
        turns.abandon(ProjectFactory(), reason="none")


def test_a_turn_that_is_running_cannot_be_abandoned(project, trainer, monkeypatch):
    refused = []

    def abandoned_meanwhile(trip):
        with pytest.raises(NotReady, match="in the middle of a turn") as caught:
            turns.abandon(project, reason="impatience")
        refused.append(caught)
        return stages.Waits(sentence="stops here")

    monkeypatch.setitem(stages.STAGES, "release", abandoned_meanwhile)
    assert turns.go(project, given=SIMULATED).state == Turn.State.WAITING
    assert refused


def test_a_turn_that_was_ended_meanwhile_gets_no_stage_more(project, trainer, monkeypatch):
    work = stages.STAGES["release"]

    def ended_meanwhile(trip):
        """As from a machine that does not see this one's lock."""
        turns.abandoned(project, reason="elsewhere", by=None)
        return work(trip)

    monkeypatch.setitem(stages.STAGES, "release", ended_meanwhile)
    with pytest.raises(NotReady, match="ended meanwhile"):
        turns.go(project, given=SIMULATED)
    turn = project.turns.get()
    assert turn.state == Turn.State.ABANDONED
    assert list(turn.stages.values_list("name", flat=True)) == list(stages.BRINGING_LABELS)


def test_an_abandoned_turn_keeps_why_and_has_no_stage_that_there_is_not(project, trainer):
    turns.go(project, given=SIMULATED)
    turn = turns.abandon(project, reason="a wrong learning rate")
    turn.refresh_from_db()
    assert (turn.state, turn.notes["abandoned"]) == (Turn.State.ABANDONED, "a wrong learning rate")
    assert turn.finished_at is not None
    assert set(turn.stages.values_list("name", flat=True)) <= set(Stage.Name.values)


def test_the_turns_own_rejection_leaves_a_promotion_by_hand_alone(project, trainer, monkeypatch):
    turn = turns.go(project, given=SIMULATED)
    vote(project, turn.candidate, by=member(project), wins=0, losses=20)
    read = stages.candidate_of

    def promoted_just_after(trip):
        found = read(trip)
        if trip.turn.stages.filter(name="gates").exists():
            generations.make_incumbent(Generation.objects.get(pk=found.pk))
        return found

    monkeypatch.setattr(stages, "candidate_of", promoted_just_after)
    assert turns.go(project).state == Turn.State.DONE
    turn.candidate.refresh_from_db()
    assert turn.candidate.state == Generation.State.PROMOTED


@pytest.mark.parametrize(("overlap", "challenges"), [(1, 19), (2, 9), (5, 9)])
def test_a_turn_whose_gate_could_never_be_decided_is_refused_at_once(trainer, overlap, challenges):
    project = project_with_corpus(questions=12, overlap=overlap)
    with pytest.raises(InvalidSetting, match=f"--challenges {challenges}: .* or more"):
        turns.go(project, given=SIMULATED | {"challenges": challenges})
    assert not project.turns.exists()


def test_too_few_votes_without_an_open_task_say_how_to_file_more(trainer):
    project = project_with_corpus(questions=12, overlap=1)  # 20 challenges are wanted, there are 12 prompts
    turn = turns.go(project, given=SIMULATED)
    vote(project, turn.candidate, by=member(project), wins=12)
    said = {}
    assert turns.go(project, say=said.__setitem__).state == Turn.State.WAITING
    assert "file more challenges" in said["gates"]
    new, old = turn.candidate, turn.candidate.parent
    assert f"manage.py push_generation --project {project.slug} --policy {new} --against {old}" in said["gates"]
    assert "wait to be ranked" not in said["gates"]
