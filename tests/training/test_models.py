import pytest

from training.models import Artifact, Reward, Run

pytestmark = pytest.mark.django_db


def trained(name, *, release="", parent=None, kind=Artifact.Kind.POLICY):
    run = Run.objects.create(
        name=name,
        kind="sft",
        directory=name,
        base="tiny",
        seed=1,
        release_hash=release,
        config_hash=f"hash of {name}",
    )
    return Artifact.objects.create(name=name, kind=kind, path=name, sha256="0" * 64, run=run, parent=parent)


@pytest.fixture
def line():
    """Two generations trained on releases a and b, a reward model beside them, and a stranger."""
    first = trained("first", release="a")
    second = trained("second", release="b", parent=first)
    third = trained("third", parent=second)
    reward = trained("reward", release="a", parent=first, kind=Artifact.Kind.REWARD_MODEL)
    stranger = trained("stranger", release="c")
    return first, second, third, reward, stranger


def test_ancestors_are_walked_to_the_first(line):
    first, second, third, _, _ = line
    assert third.ancestors() == [second, first]
    assert first.ancestors() == []


def test_every_release_behind_a_model_is_found(line):
    _, _, third, _, stranger = line
    assert third.releases() == ["b", "a"]
    assert stranger.releases() == ["c"]


def test_a_release_leads_to_its_artifacts(line):
    first, _, _, reward, _ = line
    assert set(Artifact.objects.of_release("a")) == {first, reward}


def test_a_release_leads_to_every_model_it_touched(line):
    first, second, third, reward, _ = line
    assert set(Artifact.objects.touched_by("a")) == {first, second, third, reward}
    assert set(Artifact.objects.touched_by("b")) == {second, third}
    assert not Artifact.objects.touched_by("unknown")


def test_lineage_takes_one_query_a_generation(line, django_assert_num_queries):
    with django_assert_num_queries(5):
        list(Artifact.objects.touched_by("a"))


def rewarded(name, *, by, parent):
    made = trained(name, parent=parent)
    for model in by:
        Reward.objects.create(run=made.run, artifact=model, weight=1.0)
    return made


def test_what_a_reward_model_learned_the_policy_rests_on_that_it_rewarded(line):
    _, _, _, reward, stranger = line
    policy = rewarded("policy", by=[reward], parent=stranger)
    child = trained("child", parent=policy)
    assert set(Artifact.objects.touched_by("a")) >= {policy, child}
    assert set(Artifact.objects.touched_by("c")) == {stranger, policy, child}
    assert [one.name for one in child.behind()] == ["policy", "stranger", "reward", "first"]
    assert child.releases() == ["c", "a"]


def test_a_reward_model_that_a_policy_answered_for_is_behind_itself_only_once(line):
    first, _, _, reward, _ = line
    policy = rewarded("policy", by=[reward], parent=first)
    Reward.objects.create(run=first.run, artifact=reward, weight=1.0)
    assert {one.name for one in policy.behind()} == {"first", "reward"}
    assert policy in Artifact.objects.touched_by("a")


@pytest.mark.parametrize("state", ["queued", "running", "stopped", "failed"])
def test_what_is_not_done_is_unfinished(state):
    run = Run.objects.create(name="r", kind="rm", directory="d", base="tiny", seed=1, config_hash="h", state=state)
    assert list(Run.objects.unfinished("h")) == [run]
    assert not Run.objects.unfinished("other")
    run.state = Run.State.DONE
    run.save()
    assert not Run.objects.unfinished("h")
