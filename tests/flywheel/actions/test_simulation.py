import pytest

from annotation.models import Annotator, Judgement, Task
from flywheel.actions import simulation
from flywheel.demo.annotators import ANNOTATORS
from flywheel.demo.corpus import questions
from flywheel.exceptions import NotReady
from tests.factories import ProjectFactory, PromptFactory, TaskFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def project():
    project = ProjectFactory()
    for question in list(questions())[:3]:
        prompt = PromptFactory(project=project, messages=[{"role": "user", "content": question.text}])
        TaskFactory(project=project, prompt=prompt, overlap=2)
    return project


def test_every_place_is_filled_once_by_another_annotator_and_marked(project):
    tasks = Task.objects.filter(project=project)
    assert simulation.label(project, tasks=tasks) == 6
    assert set(tasks.values_list("state", flat=True)) == {"done"}
    assert set(Judgement.objects.values_list("source", flat=True)) == {"simulated"}
    assert not Annotator.objects.filter(user__isnull=False).exists()
    assert simulation.label(project, tasks=tasks) == 0


def test_it_tells_how_far_it_is_and_goes_on_where_it_stopped(project):
    def stop_at_two(made):
        if made == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulation.label(project, tasks=project.tasks.all(), progress=stop_at_two)
    assert simulation.label(project, tasks=project.tasks.all()) == 4


def test_only_the_named_tasks_are_judged(project):
    one = Task.objects.filter(pk=project.tasks.first().pk)
    assert simulation.label(project, tasks=one, annotators=ANNOTATORS[:1]) == 1
    assert Judgement.objects.get().task == one.get()


def test_a_question_that_the_rubric_does_not_know_is_refused_before_any_is_judged(project):
    TaskFactory(project=project)
    with pytest.raises(NotReady, match="demo's questions"):
        simulation.label(project, tasks=project.tasks.all())
    assert not Judgement.objects.exists()
