import pytest

from annotation.models import Judgement, Release, ReleasedJudgement
from flywheel.actions import generations, lineage
from tests.factories import AnnotatorFactory, PolicyFactory, ProjectFactory, TaskFactory
from training.models import Artifact, Reward, Run

pytestmark = pytest.mark.django_db


@pytest.fixture
def project():
    return ProjectFactory()


def release(project, letter):
    """A release with one judgement of its own."""
    made = Release.objects.create(
        project=project, name=f"release-{letter}", hash=letter * 64, path=f"/releases/{letter}", manifest={}
    )
    task = TaskFactory(project=project, size=2)
    judgement = Judgement.objects.create(task=task, annotator=AnnotatorFactory(), ranking=[[0], [1]], uid=letter * 64)
    ReleasedJudgement.objects.create(release=made, judgement=judgement)
    return made


def artifact(name, *, release, parent=None, kind="policy"):
    run = Run.objects.create(name=name, kind="sft", seed=1, base="tiny", release_hash=release.hash, state="done")
    return Artifact.objects.create(
        name=name, kind=kind, path=f"/runs/{name}/model", sha256="0" * 64, run=run, parent=parent
    )


def judgement_of(release):
    return release.judgements.get()


@pytest.fixture
def adopted(project):
    """Trained twice elsewhere, on two releases, and adopted as a generation."""
    first, second = release(project, "a"), release(project, "b")
    start = artifact("start", release=first)
    end = artifact("end", release=second, parent=start)
    made = generations.adopt(project, policy=PolicyFactory(name="guest", location=end.path))
    return made, first, second


def test_an_adopted_policy_shows_every_release_that_its_weights_read(adopted):
    made, first, second = adopted
    assert [step.release for step in lineage.behind(made)] == [second, first]
    assert [step.title for step in lineage.behind(made)] == ["Policy of guest", "On the way to guest"]
    assert set(lineage.judgements_behind(made)) == {judgement_of(first), judgement_of(second)}
    learned = lineage.learned([made])[made.pk]
    assert learned.releases == [second, first]
    assert learned.people == 2


def test_a_generation_learned_only_what_came_after_its_parents_weights(project, adopted):
    parent, _, _ = adopted
    third = release(project, "c")
    weights = artifact("child", release=third, parent=parent.artifact)
    child = generations.add(project, artifact=weights, location=weights.path, parent=parent)
    assert lineage.learned([child])[child.pk].releases == [third]
    assert len(lineage.behind(child)) == 3


def test_both_directions_agree(project, adopted):
    parent, first, second = adopted
    third, fourth = release(project, "c"), release(project, "d")
    apart = release(project, "e")
    artifact("of-nobody", release=apart)
    weights = artifact("child", release=third, parent=parent.artifact)
    model = artifact("judge", release=fourth, parent=parent.artifact, kind="reward_model")
    child = generations.add(project, artifact=weights, location=weights.path, reward_model_id=model.pk, parent=parent)
    elsewhere = generations.add(project, artifact=None, location="http://127.0.0.1:9/v1", parent=child)
    for each in (first, second, third, fourth, apart):
        judgement = judgement_of(each)
        up = set(lineage.touched_by_judgement(judgement))
        down = {one for one in (parent, child, elsewhere) if judgement in lineage.judgements_behind(one)}
        assert up == down, each
        assert up == set(lineage.touched_by(project, annotator=judgement.annotator))
    assert set(lineage.touched_by_judgement(judgement_of(first))) == {parent, child}
    assert lineage.behind(elsewhere) == []


def test_a_policy_rests_on_what_its_reward_models_learned(project, adopted):
    """Trained on rewards of two models, of which one was made on the way to no generation."""
    parent, first, second = adopted
    asked, third, fourth = release(project, "c"), release(project, "d"), release(project, "e")
    weights = artifact("child", release=asked, parent=parent.artifact)
    before = artifact("before", release=fourth)
    for model in (
        artifact("judge", release=third, parent=parent.artifact, kind="reward_model"),
        artifact("gold", release=third, parent=before, kind="reward_model"),
    ):
        Reward.objects.create(run=weights.run, artifact=model, weight=1.0)
    child = generations.add(project, artifact=weights, location=weights.path, parent=parent)
    for each in (first, second, asked, third, fourth):
        judgement = judgement_of(each)
        assert child in lineage.touched_by_judgement(judgement), each
        assert child in lineage.touched_by(project, annotator=judgement.annotator)
        assert judgement in lineage.judgements_behind(child)
    titles = [step.title for step in lineage.behind(child)]
    assert titles == [f"Policy of {child}", f"Policy of {parent}", *[f"On the way to {child}"] * 4]
    assert lineage.learned([child])[child.pk].releases == [asked, third, fourth]
    assert parent not in lineage.touched_by_judgement(judgement_of(third))


def test_queries_do_not_grow_with_the_generations(project, django_assert_num_queries):
    read = release(project, "a")
    made = []
    parent = None
    for number in range(8):
        weights = artifact(f"g{number}", release=read, parent=parent.artifact if parent else None)
        parent = generations.add(project, artifact=weights, location=weights.path, parent=parent)
        made.append(parent)
    with django_assert_num_queries(5):
        lineage.learned(made)
