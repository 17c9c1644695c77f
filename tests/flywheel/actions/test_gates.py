import pytest

from annotation.models import AuditEvent
from flywheel.actions import gates, generations, votes
from flywheel.exceptions import GateClosed, NotReady
from flywheel.models import Gate, Generation
from tests.factories import AnnotatorFactory, ProjectFactory
from tests.flywheel.doubles import HELD_OUT, challenge_tasks, generation, member, vote

pytestmark = pytest.mark.django_db


@pytest.fixture
def project():
    return ProjectFactory(overlap=1)


@pytest.fixture
def candidate(project):
    generation(project, state="promoted")
    made = generation(project)
    challenge_tasks(project, made, count=30)
    made.refresh_from_db()
    return made


def verdict(generation, name):
    return next(
        found for found in gates.verdicts(generation, standing=votes.standing(generation)) if found.name == name
    )


def test_pushing_a_candidate_makes_it_labelling(candidate):
    assert candidate.state == Generation.State.LABELLING


def test_too_few_votes_leave_the_win_rate_undecided_and_say_how_many_there_are(project, candidate):
    vote(project, candidate, by=member(project), wins=3)
    found = verdict(candidate, gates.WIN_RATE)
    assert not found.passed
    assert found.undecided
    assert "3 of 20" in found.sentence


def test_a_clear_win_opens_the_gate(project, candidate):
    vote(project, candidate, by=member(project), wins=22, losses=3)
    found = verdict(candidate, gates.WIN_RATE)
    assert found.passed
    assert found.numbers["low"] > 0.5
    assert "n = 25" in found.sentence


def test_a_close_race_is_undecided_while_tasks_are_open_and_lost_when_none_is(project, candidate):
    judge = member(project)
    vote(project, candidate, by=judge, wins=13, losses=12)
    assert verdict(candidate, gates.WIN_RATE).undecided
    vote(project, candidate, by=judge, wins=3, losses=2)
    found = verdict(candidate, gates.WIN_RATE)
    assert not found.passed
    assert not found.undecided


def test_simulated_and_imported_votes_never_count(project, candidate):
    vote(project, candidate, by=AnnotatorFactory(user=None), wins=25, source="simulated")
    vote(project, candidate, by=member(project), wins=5, source="imported")
    found = votes.standing(candidate)
    assert (found.votes, found.simulated, found.win_rate.n) == (0, 25, 0)
    assert "0 of 20" in verdict(candidate, gates.WIN_RATE).sentence


def test_the_reward_model_must_beat_its_best_baseline_with_its_whole_interval(project, candidate):
    assert verdict(candidate, gates.REWARD_MODEL).passed
    close = {**HELD_OUT, "accuracy": {**HELD_OUT["accuracy"], "low": 0.59}}
    assert not verdict(generation(project, held_out=close), gates.REWARD_MODEL).passed
    assert "no held-out pairs" in verdict(generation(project, held_out={}), gates.REWARD_MODEL).sentence


def test_promotion_is_refused_with_a_sentence_for_each_closed_gate(project, candidate):
    with pytest.raises(GateClosed, match=r"0 of 20.*--force"):
        generations.promote(project)
    candidate.refresh_from_db()
    assert candidate.state == Generation.State.LABELLING


def test_open_gates_promote_and_retire_the_one_before(project, candidate):
    vote(project, candidate, by=member(project), wins=25)
    assert generations.promote(project) == candidate
    states = dict(project.generations.values_list("number", "state"))
    assert states == {0: "retired", 1: "promoted"}
    assert Gate.objects.filter(generation=candidate, passed=True).count() == 2
    assert AuditEvent.objects.filter(verb="generation promoted").exists()


def test_force_needs_a_reason_and_keeps_it(project, candidate):
    with pytest.raises(GateClosed, match="--reason"):
        generations.promote(project, force=True)
    generations.promote(project, force=True, reason="a demonstration")
    event = AuditEvent.objects.get(verb="generation promoted", detail__forced=True)
    assert event.detail["reason"] == "a demonstration"


def test_rollback_goes_back_one_and_says_when_there_is_nothing_before(project, candidate):
    generations.promote(project, force=True, reason="a test")
    assert generations.rollback(project).number == 0
    assert dict(project.generations.values_list("number", "state")) == {0: "promoted", 1: "rejected"}
    with pytest.raises(NotReady, match="nothing to go back to"):
        generations.rollback(project)


def test_there_is_nothing_to_promote_or_take_back_in_an_empty_project():
    empty = ProjectFactory()
    with pytest.raises(NotReady, match="no candidate"):
        generations.promote(empty)
    with pytest.raises(NotReady, match="nothing to take back"):
        generations.rollback(empty)
