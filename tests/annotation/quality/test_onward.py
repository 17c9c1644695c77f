"""The last line of `agreement`: whatever state a project is in, it says what can be done, and commands work."""

import shlex
from io import StringIO

import pytest
from django.core.management import call_command

from annotation.actions.quality.measuring import measure
from annotation.actions.quality.onward import next_step
from annotation.models import Exclusion, Project, Task
from tests.annotation.review_rows import said
from tests.factories import (
    AnnotatorFactory,
    MembershipFactory,
    ProjectFactory,
    PromptFactory,
    ResponseFactory,
    TaskFactory,
)

pytestmark = pytest.mark.django_db
FIRST, SECOND = [[0], [1]], [[1], [0]]


@pytest.fixture
def project(settings, tmp_path) -> Project:
    settings.RELEASES_DIR = tmp_path
    settings.SITE_URL = "https://labels.example.org"
    return ProjectFactory(slug="qa", responses_per_task=2)


def onward(project: Project, *, voices: str = "people") -> str:
    return next_step(measure(project, voices=voices))


def works(line: str) -> bool:
    """The command ends well."""
    name, *arguments = shlex.split(line.removeprefix("manage.py "))
    call_command(name, *arguments, stdout=StringIO(), stderr=StringIO())
    return True


def judged(project: Project, *, tasks: int, people: int = 2, source: str = "human", **fields) -> list[Task]:  # type: ignore[no-untyped-def]
    voices = [AnnotatorFactory() for _ in range(people)]
    made = [TaskFactory(project=project, size=2, overlap=people, state="done", **fields) for _ in range(tasks)]
    for number, task in enumerate(made):
        for voice, person in enumerate(voices):
            said(task, SECOND if (number + voice) % 5 == 0 else FIRST, by=person, source=source)
    return made


def waiting(project: Project, *, tasks: int = 3) -> None:
    for _ in range(tasks):
        TaskFactory(project=project, size=2)


def test_where_there_is_nothing_rows_are_imported(project):
    assert onward(project) == "manage.py import_data FILE --project qa"


def test_prompts_with_too_few_answers_ask_for_more(project):
    ResponseFactory(prompt=PromptFactory(project=project))
    expected = "more answers, for a task shows 2 and no prompt has as many: manage.py sample --project qa"
    assert onward(project) == f"{expected} --policy NAME -n 2"


def test_prompts_with_answers_are_put_into_the_queue(project):
    prompt = PromptFactory(project=project)
    ResponseFactory(prompt=prompt)
    ResponseFactory(prompt=prompt)
    line = onward(project)
    assert line == "manage.py create_tasks --project qa"
    assert works(line)
    assert onward(project) == "1 task waits for people at https://labels.example.org/projects/qa/desk/"


def test_tasks_that_wait_wait_for_people(project):
    waiting(project)
    assert onward(project) == "3 tasks wait for people at https://labels.example.org/projects/qa/desk/"


@pytest.mark.parametrize("state", ["paused", "ended"])
def test_nobody_is_sent_to_the_desk_of_a_project_that_rests(project, state):
    waiting(project)
    Project.objects.update(state=state)
    project.refresh_from_db()
    settings = "https://labels.example.org/projects/qa/settings/"
    assert onward(project) == f"3 tasks wait, but the project is {state}: {settings}"


def test_simulated_annotators_do_not_hide_the_tasks_that_wait(project):
    judged(project, tasks=2, source="simulated")
    waiting(project)
    desk = "https://labels.example.org/projects/qa/desk/"
    assert onward(project) == f"3 tasks wait for people at {desk}; only simulated annotators have judged yet"


@pytest.mark.parametrize(("source", "voices"), [("simulated", "simulated"), ("ai", "ai")])
def test_where_nothing_waits_and_only_machines_have_judged_theirs_is_measured(project, source, voices):
    judged(project, tasks=20, people=3, source=source)
    line = onward(project)
    assert line == f"manage.py agreement --project qa --voices {voices}"
    assert works(line)
    line = onward(project, voices=voices)
    assert line == f"manage.py export_release --project qa --source {source} --labels consensus"
    assert works(line)


def test_voices_that_said_nothing_lead_back_to_people(project):
    judged(project, tasks=2)
    line = onward(project, voices="simulated")
    assert line == "manage.py agreement --project qa"
    assert works(line)


def test_too_few_tasks_judged_by_two_while_others_wait(project):
    judged(project, tasks=20)
    waiting(project)
    desk = "https://labels.example.org/projects/qa/desk/"
    assert onward(project) == f"3 tasks wait for people at {desk}; too few are judged by two yet"


def test_labels_that_do_not_tell_people_apart_lead_to_a_plain_release(project):
    judged(project, tasks=1, people=1)
    line = onward(project)
    assert line == "manage.py export_release --project qa"
    assert works(line)


def test_labels_that_tell_people_apart_lead_to_a_consensus_though_others_wait(project):
    judged(project, tasks=60, people=3)
    waiting(project)
    line = onward(project)
    assert line == "manage.py export_release --project qa --labels consensus"
    assert works(line)


def test_where_all_is_excluded_the_list_of_it_comes_next(project, client):
    """Though others have judged as well, whose judgements the page would show first."""
    for task in judged(project, tasks=1):
        for judgement in task.judgements.all():
            Exclusion.objects.create(judgement=judgement, reason="Careless.")
    judged(project, tasks=2, people=2, source="simulated")
    where = "/projects/qa/quality/judgements/?voices=people&excluded=1"
    address = f"https://labels.example.org{where}"
    assert onward(project) == f"let judgements count again, for all are excluded (2): {address}"
    client.force_login(MembershipFactory(project=project, role="reviewer").user)
    assert client.get(where).content.decode().count("Careless.") == 2
