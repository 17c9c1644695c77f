from io import StringIO

import pytest
from django.core.management import call_command

from annotation.models import AuditEvent, Judgement, Prompt, Response, Task
from flywheel.actions import demo, stages
from flywheel.models import Generation

pytestmark = pytest.mark.django_db


def run():
    out = StringIO()
    call_command("demo", stdout=out)
    return out.getvalue()


def rows():
    return [model.objects.count() for model in (Prompt, Response, Task, Judgement, Generation, AuditEvent)]


def test_the_demo_ends_with_people_waited_for_and_a_second_call_changes_nothing(trainer):
    text = run()
    assert "80% of held-out pairs" in text
    assert "head-to-head tasks for people" in text
    assert Task.objects.filter(purpose="head_to_head", state="open").count() == demo.TURN["challenges"]
    assert not Judgement.objects.exclude(source="simulated").exists()
    before = rows()
    again = run()
    assert rows() == before
    assert again.partition("Sign in as")[2] == text.partition("Sign in as")[2]
    assert trainer.trained_kinds == ["sft", "rm", "dpo"]


def test_an_interrupted_demo_goes_on_where_it_stopped(trainer, monkeypatch):
    def killed(trip):
        raise KeyboardInterrupt

    work = stages.STAGES["policy"]
    monkeypatch.setitem(stages.STAGES, "policy", killed)
    with pytest.raises(KeyboardInterrupt):
        run()
    monkeypatch.setitem(stages.STAGES, "policy", work)
    assert "corpus" not in run()
    assert trainer.trained_kinds == ["sft", "rm", "dpo"]


def test_whatever_base_model_says_the_demo_begins_with_tiny(trainer, settings):
    settings.BASE_MODEL = "/no/such/place"
    run()
    assert Generation.objects.get(number=0).artifact.run.base == "tiny"
