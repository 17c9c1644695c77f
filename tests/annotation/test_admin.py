from datetime import timedelta

import pytest
from django.apps import apps
from django.contrib import admin
from django.urls import reverse
from django.utils import timezone

from annotation.actions import audit, judgements, leases
from annotation.models import (
    Adjudication,
    Alert,
    Annotator,
    AnnotatorMeasure,
    Audience,
    AuditEvent,
    Exclusion,
    Guideline,
    Invitation,
    Measurement,
    Membership,
    Policy,
    Release,
    ReleasedJudgement,
    Seat,
    Task,
    TaskMeasure,
)
from flywheel.models import Gate, Generation, Sampling, Stage, Turn
from tests.factories import AnnotatorFactory, PolicyFactory, ProjectFactory, TaskFactory, UserFactory
from training.models import Artifact, Evaluation, Reward, Run

pytestmark = pytest.mark.django_db

TABLES = [
    model
    for app in ("annotation", "training", "flywheel")
    for model in apps.get_app_config(app).get_models(include_auto_created=False)
]
names = [model._meta.label_lower for model in TABLES]


def fill(count: int) -> None:
    """Rows in every table, each with relations of its own."""
    for number in range(count):
        task = TaskFactory(overlap=3, project__criteria=[])
        project = task.project
        Guideline.objects.create(project=project, number=1, text="<script>alert(1)</script>")
        project.memberships.create(user=AnnotatorFactory().user)
        first, second, third = AnnotatorFactory(user=None), AnnotatorFactory(user=None), AnnotatorFactory(user=None)
        slot = leases.claim(project, by=first)
        judgement = judgements.submit(
            slot.pk, by=first, submission_key=slot.submission_key, ranking=[[2], [0, 1]], source="simulated"
        )
        leases.save_draft(leases.claim(project, by=second), by=second, content={"reason": "x"})
        leases.skip(leases.claim(project, by=third), by=third, reason="hard")
        Seat.objects.get_or_create(project=project, annotator=first)
        Audience.objects.create(project=project, key="x", groups=["experts"])
        in_a_week = timezone.now() + timedelta(days=7)
        Invitation.objects.create(project=project, digest=f"{number}", expires_at=in_a_week)
        Adjudication.objects.create(task=task, ranking=[[0], [1], [2]], reason="x")
        Exclusion.objects.create(judgement=judgement, reason="x", by=UserFactory())
        Alert.objects.create(project=project, kind="weekly")
        found = Measurement.objects.create(project=project)
        AnnotatorMeasure.objects.create(measurement=found, annotator=first, judgements=1, suggestion="fine")
        TaskMeasure.objects.create(measurement=found, task=task, votes=1, information=0.5, sureness=0.9)
        audit.record("made", f"task {task.pk}", by=None)
        release = Release.objects.create(project=project, hash=f"{number}", name=f"release-{number}", path="/nowhere")
        ReleasedJudgement.objects.create(release=release, judgement=judgement)
        run = Run.objects.create(name=f"run-{number}", kind="rm", directory="/nowhere", base="tiny", seed=17)
        model = Artifact.objects.create(name=f"model-{number}", kind="reward_model", path="/nowhere", run=run)
        Reward.objects.create(run=run, artifact=model, weight=1.0)
        Evaluation.objects.create(artifact=model, suite="held-out", numbers={})
        generation = Generation.objects.create(
            project=project, number=1, policy=PolicyFactory(parent=PolicyFactory()), reward_model=model
        )
        turn = Turn.objects.create(project=project, number=1, candidate=generation)
        Stage.objects.create(turn=turn, name="sample")
        Sampling.objects.create(policy=generation.policy, prompt=task.prompt, settings_hash="0", drawn=4)
        Gate.objects.create(generation=generation, name="win rate", passed=True, evidence={})


@pytest.mark.parametrize("model", TABLES, ids=names)
def test_every_table_is_in_the_admin_and_asks_no_question_per_row(model, admin_client, django_assert_max_num_queries):
    fill(12)
    app, name = model._meta.app_label, model._meta.model_name
    page = reverse(f"admin:{app}_{name}_changelist")

    with django_assert_max_num_queries(12):
        answer = admin_client.get(page)
    searched = admin_client.get(page, {"q": "needle"})

    assert answer.status_code == searched.status_code == 200
    assert answer.context["cl"].result_count >= 12
    assert b"<script>alert(1)</script>" not in answer.content


@pytest.mark.parametrize("model", TABLES, ids=names)
def test_every_row_opens(model, admin_client):
    fill(1)
    app, name = model._meta.app_label, model._meta.model_name

    answer = admin_client.get(reverse(f"admin:{app}_{name}_change", args=[model.objects.first().pk]))

    assert answer.status_code == 200


@pytest.mark.parametrize("model", TABLES, ids=names)
def test_adding_is_a_form_or_refused(model, admin_client, rf, admin_user):
    request = rf.get("/")
    request.user = admin_user
    allowed = admin.site.get_model_admin(model).has_add_permission(request)

    answer = admin_client.get(reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_add"))

    assert answer.status_code == (200 if allowed else 403)


@pytest.mark.parametrize("name", ["judgement", "comparison", "auditevent", "guideline", "slot", "release"])
def test_what_must_never_change_cannot_be_changed(name, admin_client):
    fill(1)
    model = apps.get_model("annotation", name)
    page = reverse(f"admin:annotation_{name}_change", args=[model.objects.first().pk])

    assert admin_client.post(page, {}).status_code == 403
    assert admin_client.post(page.replace("/change/", "/delete/"), {"post": "yes"}).status_code == 403


def test_a_rubric_that_is_none_is_refused_with_a_sentence(admin_client):
    project = TaskFactory().project
    page = reverse("admin:annotation_project_change", args=[project.pk])

    answer = admin_client.post(page, {"criteria": '[{"name": "charm"}]'})

    assert "The rubric cannot be used" in answer.content.decode()
    assert Task.objects.count() == 1


def fields(admin_client, model, row) -> set[str]:
    page = reverse(f"admin:annotation_{model._meta.model_name}_change", args=[row.pk])
    return set(admin_client.get(page).context["adminform"].form.fields)


@pytest.mark.parametrize("model", [Policy, Annotator])
def test_a_name_that_others_rest_on_is_not_edited(model, admin_client):
    fill(1)
    unused = PolicyFactory() if model is Policy else AnnotatorFactory()
    used = (
        model.objects.filter(responses__isnull=False)
        if model is Policy
        else model.objects.filter(slots__isnull=False)
    )

    assert "name" in fields(admin_client, model, unused)
    assert "name" not in fields(admin_client, model, used.first())


def test_what_a_task_counts_by_is_not_edited(admin_client):
    task = TaskFactory(overlap=2)

    assert fields(admin_client, Task, task) == {"priority", "tags"}
    page = reverse("admin:annotation_task_change", args=[task.pk])
    assert "1: open, 2: open" in admin_client.get(page).content.decode()


def test_memberships_change_with_an_audit_row(admin_client, admin_user):
    project, person = ProjectFactory(), UserFactory()
    asked = {"project": project.pk, "user": person.pk, "role": "annotator"}
    admin_client.post(reverse("admin:annotation_membership_add"), asked)
    membership = Membership.objects.get()
    page = reverse("admin:annotation_membership_change", args=[membership.pk])
    admin_client.post(page, {"role": "engineer"})
    membership.refresh_from_db()
    assert membership.role == "engineer"
    admin_client.post(page.replace("/change/", "/delete/"), {"post": "yes"})

    assert not Membership.objects.exists()
    events = AuditEvent.objects.order_by("pk").values_list("verb", "detail__role", "by")
    assert list(events) == [
        ("member added", "annotator", admin_user.pk),
        ("member added", "engineer", admin_user.pk),
        ("member removed", "engineer", admin_user.pk),
    ]


def test_several_memberships_removed_at_once_leave_their_audit_rows(admin_client):
    project = ProjectFactory()
    rows = [project.memberships.create(user=UserFactory()).pk for _ in range(2)]

    asked = {"action": "delete_selected", "_selected_action": rows, "post": "yes"}
    admin_client.post(reverse("admin:annotation_membership_changelist"), asked)

    assert AuditEvent.objects.filter(verb="member removed").count() == 2
