"""Figures are made when they are old, by one process at a time, and survive whoever is killed."""

import os
import signal
import subprocess
import sys
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import OperationalError, connection
from django.utils import timezone

from annotation.actions.quality import claims, keeping, measuring
from annotation.actions.quality.state import states
from annotation.models import Exclusion, Judgement, Measurement
from tests.annotation.released import judge, judged
from tests.factories import ProjectFactory

pytestmark = pytest.mark.django_db
PEOPLE = Measurement.Voices.PEOPLE


@pytest.fixture
def project():  # type: ignore[no-untyped-def]
    project = ProjectFactory(slug="qa")
    judged(project, key="a", ranking=[[0], [1], [2]], annotators=("ann", "ben"))
    return project


def state_of(project) -> str:  # type: ignore[no-untyped-def]
    return states(project)[PEOPLE].text


def rest(project) -> None:  # type: ignore[no-untyped-def]
    """As if the last figures had been made yesterday."""
    Measurement.objects.filter(project=project).update(measured_at=timezone.now() - timedelta(days=1))


def test_a_new_judgement_makes_the_figures_old(project):
    before = state_of(project)
    judged(project, key="b", ranking=[[0]], texts=("one",))

    assert state_of(project) != before


def test_a_revision_makes_the_figures_old(project):
    old = Judgement.objects.filter(task__project=project).first()
    before = state_of(project)
    judge(old.task, by="cay", ranking=[[1], [0]], revision=1)

    assert state_of(project) != before


def test_an_exclusion_and_its_lifting_make_the_figures_old(project):
    seen = [state_of(project)]
    exclusion = Exclusion.objects.create(judgement=Judgement.objects.first(), reason="spam")
    seen.append(state_of(project))
    exclusion.lifted_at = timezone.now()
    exclusion.save()
    seen.append(state_of(project))

    assert len(set(seen)) == 3


def test_another_known_answer_makes_the_figures_old(project):
    known = {"ranking": [[0], [1]], "explanation": ""}
    task = judged(project, key="g", ranking=[[0]], task={"purpose": "gold", "known": known})
    before = state_of(project)
    task.known = {"ranking": [[1], [0]], "explanation": ""}
    task.save()

    assert state_of(project) != before


@pytest.mark.parametrize("overlap", [1, 3])
def test_a_new_day_makes_a_forecast_old_and_nothing_else(project, monkeypatch, overlap):
    judged(project, key="b", ranking=[[0], [1]], task={"state": "open", "overlap": overlap, "filled": 1})
    project.tasks.exclude(key="b").update(state="done")
    today = timezone.now()
    before = state_of(project)
    monkeypatch.setattr(timezone, "now", lambda: today + timedelta(days=1))

    assert (state_of(project) != before) == (overlap == 3)


def test_a_project_that_rests_has_another_forecast(project):
    before = state_of(project)
    project.state = "paused"

    assert state_of(project) != before


def test_other_projects_leave_the_figures_alone(project):
    before = state_of(project)
    judged(ProjectFactory(), key="a", ranking=[[0], [1]])

    assert state_of(project) == before


def test_other_voices_leave_the_figures_alone(project):
    before = states(project)[PEOPLE].text
    task = Judgement.objects.first().task
    judge(task, by="robot", ranking=[[0], [1]], source="ai")

    after = states(project)
    assert after[PEOPLE].text == before
    assert after["ai"].judgements == 1


def test_what_was_measured_is_not_old(project):
    measuring.measure(project)

    assert list(keeping.old(project)) == []


def test_what_changed_is_measured_in_the_next_round(project):
    measuring.measure(project)
    judged(project, key="b", ranking=[[0], [1]])
    rest(project)

    keeping.keep(once=True, tell=str)

    assert Measurement.objects.get(project=project).judgements == 3


def test_a_project_that_never_rests_is_not_measured_all_the_time(project):
    measuring.measure(project)
    Measurement.objects.update(seconds=60)
    judged(project, key="b", ranking=[[0], [1]])

    assert list(keeping.old(project)) == []


def test_whoever_asks_gets_figures_at_once(project):
    measuring.measure(project)
    Measurement.objects.update(seconds=60, asked_at=timezone.now())

    assert list(keeping.old(project)) == [PEOPLE]


def test_what_was_asked_for_is_done_once(project):
    Measurement.objects.create(project=project, asked_at=timezone.now())

    keeping.keep(once=True, tell=str)

    assert Measurement.objects.get(project=project).asked_at is None


def test_the_figures_of_each_kind_of_voices_are_kept_apart(project):
    judged(project, key="b", ranking=[[0], [1]], source="simulated")

    keeping.keep(once=True, tell=str)

    found = dict(Measurement.objects.values_list("voices", "judgements"))
    assert found == {"people": 2, "simulated": 1}


def test_a_project_without_judgements_is_measured_too(project):
    empty = ProjectFactory(slug="empty")

    keeping.keep(once=True, tell=str)

    assert Measurement.objects.get(project=empty).content["progress"]["judgements"] == 0


def test_new_figures_replace_the_old_ones(project):
    measuring.measure(project)
    Exclusion.objects.create(judgement=Judgement.objects.get(annotator__name="ben"), reason="spam")

    measurement = measuring.measure(project)

    assert [row.annotator.name for row in measurement.annotators.all()] == ["ann"]


def test_the_keeper_goes_on_with_other_projects(project):
    other = ProjectFactory(slug="zeta")
    told: list[str] = []

    with claims.claimed(Measurement.objects.create(project=project)):
        keeping.keep(once=True, tell=told.append)

    assert any(line.startswith("qa (people): The figures of project qa are being measured") for line in told)
    assert Measurement.objects.get(project=other).measured_at is not None


def test_numbers_that_cannot_be_made_stop_nobody_else(project, monkeypatch):
    other = ProjectFactory(slug="zeta")
    whole = keeping.measure

    def broken(project, **options):  # type: ignore[no-untyped-def]
        if project.slug == "qa":
            raise ArithmeticError("a singular matrix")
        return whole(project, **options)

    monkeypatch.setattr(keeping, "measure", broken)
    told: list[str] = []

    keeping.keep(once=True, tell=told.append)

    assert "qa (people): cannot be measured: a singular matrix" in told
    assert other.measurements.get().measured_at is not None


@pytest.fixture
def broken(project, monkeypatch):  # type: ignore[no-untyped-def]
    def fails(project, **options):  # type: ignore[no-untyped-def]
        raise IndexError("index 2 is out of bounds")

    monkeypatch.setattr(keeping, "measure", fails)


def test_figures_that_cannot_be_made_are_said_beside_the_older_ones(project, broken):
    Measurement.objects.create(project=project, content={"known": 1}, measured_at=timezone.now(), state="older")
    rest(project)

    keeping.keep(once=True, tell=str)

    content = Measurement.objects.get(project=project).content
    assert (content["known"], content["failed"]) == (1, "IndexError: index 2 is out of bounds")


def test_figures_that_could_not_be_made_are_not_tried_at_every_look(project, broken):
    keeping.keep(once=True, tell=str)

    assert list(keeping.old(project)) == []


def test_figures_that_could_not_be_made_are_tried_when_somebody_asks(project, broken):
    keeping.keep(once=True, tell=str)
    Measurement.objects.update(asked_at=timezone.now())

    assert list(keeping.old(project)) == [PEOPLE]


def test_figures_that_could_not_be_made_are_asked_for_once(project, broken):
    Measurement.objects.create(project=project, asked_at=timezone.now())

    keeping.keep(once=True, tell=str)

    assert Measurement.objects.get(project=project).asked_at is None


def test_figures_that_can_be_made_again_say_nothing_of_the_failure(project):
    Measurement.objects.create(
        project=project, content={"failed": "IndexError", "failed_at": "2026-01-01T00:00+00:00"}
    )

    keeping.keep(once=True, tell=str)

    assert "failed" not in Measurement.objects.get(project=project).content


def test_a_database_that_does_not_answer_for_one_project_does_for_the_next(project, monkeypatch):
    other = ProjectFactory(slug="zeta")
    whole = keeping.states

    def broken(project):  # type: ignore[no-untyped-def]
        if project.slug == "qa":
            raise OperationalError("statement timeout")
        return whole(project)

    monkeypatch.setattr(keeping, "states", broken)
    told: list[str] = []

    keeping.looked(None, tell=told.append, patient=True)

    assert "qa: the database does not answer: statement timeout" in told
    assert other.measurements.get().measured_at is not None


def test_alerts_that_cannot_be_told_do_not_end_the_keeper(project, monkeypatch):
    def broken():  # type: ignore[no-untyped-def]
        raise UnicodeError("label too long")

    monkeypatch.setattr(keeping.deliveries, "deliver", broken)
    told: list[str] = []

    keeping.keep(once=True, tell=told.append)

    assert "alerts: UnicodeError: label too long" in told


def test_one_judgement_is_one_judgement(project):
    single = ProjectFactory(slug="one")
    judged(single, key="b", ranking=[[0], [1]])
    told: list[str] = []

    keeping.keep(once=True, project=single, tell=told.append)

    assert any(line.startswith("one (people): 1 judgement measured in") for line in told)


def test_the_time_of_measuring_reaches_back_to_where_it_began(project):
    measurement = Measurement.objects.create(project=project)
    found = measuring.Found(content={"progress": {"judgements": 7}})
    began = timezone.now() - timedelta(seconds=90)

    with claims.claimed(measurement) as claim:
        measuring.store(found, claim=claim, state=states(project)[PEOPLE], began=began)

    measurement.refresh_from_db()
    assert measurement.measured_at - timedelta(seconds=measurement.seconds) == began


KILLED = """
import os, signal, sys
import django
django.setup()
from annotation.actions.quality import measuring
from annotation.models import Project
measuring.measure(Project.objects.get(slug="qa"), tell=lambda step: os.kill(os.getpid(), signal.SIGKILL))
"""


@pytest.mark.django_db(transaction=True)
def test_after_kill_9_the_next_round_makes_it_up(tmp_path):
    judged(ProjectFactory(slug="qa"), key="a", ranking=[[0], [1]])
    settings = connection.settings_dict
    url = (
        f"sqlite:///{settings['NAME']}"
        if connection.vendor == "sqlite"
        else f"postgres://{settings['USER']}:{settings['PASSWORD']}@{settings['HOST']}:{settings['PORT']}/{settings['NAME']}"
    )
    environment = os.environ | {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    root = Path(__file__).resolve().parents[3]
    killed = subprocess.run([sys.executable, "-c", KILLED], cwd=root, env=environment, check=False, timeout=120)
    assert killed.returncode == -signal.SIGKILL
    assert Measurement.objects.get().claim != ""

    keeping.keep(once=True, tell=str)

    assert Measurement.objects.get().judgements == 1


def test_the_command_measures_one_project_when_told_to(project):
    other = ProjectFactory(slug="zeta")
    out = StringIO()

    call_command("measure", "--once", "--project", "qa", stdout=out)

    assert "qa (people): 2 judgements measured in" in out.getvalue()
    assert not other.measurements.exists()


def test_the_keeper_looks_again_until_it_is_stopped(project):
    rounds: list[float] = []

    def wait(seconds: float) -> None:
        rounds.append(seconds)
        judged(project, key=f"after {len(rounds)}", ranking=[[0], [1]])
        rest(project)
        if len(rounds) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        keeping.keep(every=5, tell=str, wait=wait)

    assert rounds == [5, 5]
    assert Measurement.objects.get(project=project).judgements == 3
