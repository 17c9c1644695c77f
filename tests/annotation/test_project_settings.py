"""Admins change what a project asks for, whether it goes on, and what it is judged by."""

import re

import pytest
from django.test import Client

from annotation.actions import leases, projects
from annotation.formats import rubric
from annotation.models import AuditEvent, Guideline, Project, Slot, Task
from tests.factories import AnnotatorFactory, MembershipFactory, ProjectFactory, TaskFactory, UserFactory

pytestmark = pytest.mark.django_db

FORM_FIELD = re.compile(r'<(?:input|select|textarea)[^>]*?name="([^"]+)"[^>]*>')
PAGES = ["settings/", "settings/state/paused/", "settings/guidelines/"]


def signed_in(user) -> Client:  # type: ignore[no-untyped-def]
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def project() -> Project:
    return ProjectFactory(slug="lumo", name="Lumo", criteria=[{"name": "truth", "scale": 5, "required": False}])


@pytest.fixture
def admin(project) -> Client:
    return signed_in(MembershipFactory(project=project, role="admin").user)


def page_of(client: Client) -> dict[str, str]:
    """The settings form as the browser would send it back."""
    context = client.get("/projects/lumo/settings/").context
    form, criteria = context["form"], context["criteria"]
    fields = [*form, *criteria.management_form, *(field for row in criteria for field in row)]
    values = {field.html_name: field.value() for field in fields}
    kept = {name: value for name, value in values.items() if value is not None and value is not False}
    return {name: "on" if value is True else str(value) for name, value in kept.items()}


def save(client: Client, **changes: str):  # type: ignore[no-untyped-def]
    said = page_of(client) | changes
    return client.post("/projects/lumo/settings/", {name: value for name, value in said.items() if value != "OFF"})


def test_saving_the_page_as_it_is_changes_nothing(admin, project):
    before = Project.objects.values().get(pk=project.pk)
    assert save(admin).url == "/projects/lumo/settings/"
    assert Project.objects.values().get(pk=project.pk) == before
    assert not AuditEvent.objects.filter(verb="project changed").exists()


def test_a_change_is_kept_with_what_it_was(admin, project):
    save(admin, ties_allowed="OFF", reason_asked="required", gold_rate="0.05", lease_minutes="45")
    project.refresh_from_db()
    assert (project.ties_allowed, project.reason_asked, project.lease_minutes) == (False, "required", 45)
    event = AuditEvent.objects.get(verb="project changed")
    assert event.subject == "project lumo"
    assert event.detail["changes"] == {
        "ties_allowed": [True, False],
        "reason_asked": ["optional", "required"],
        "lease_minutes": [30, 45],
        "gold_rate": [0.0, 0.05],
    }


def test_every_setting_has_a_field_with_a_line_that_explains_it(admin):
    html = admin.get("/projects/lumo/settings/").content.decode()
    form = admin.get("/projects/lumo/settings/").context["form"]
    shown = [field for _title, fields in form.groups for field in fields]
    assert {field.name for field in shown} == set(form.fields) - {"seen"}
    assert all(str(field.help_text) in html.replace("&#x27;", "'") for field in shown)


def test_half_of_the_tasks_may_be_hidden(admin, project):
    save(admin, gold_rate="0.2", repeat_rate="0.3")
    project.refresh_from_db()
    assert (project.gold_rate, project.repeat_rate) == (0.2, 0.3)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"overlap": "0"}, "greater than or equal to 1"),
        ({"overlap": "1001"}, "At most 1000 people judge a task."),
        ({"responses_per_task": "10"}, "less than or equal to 9"),
        ({"gold_rate": "1.5"}, "less than or equal to 1"),
        ({"gold_rate": "nan"}, "Enter a number."),
        (
            {"gold_rate": "0.5", "repeat_rate": "0.01"},
            "The gold rate and the repeat rate are at most 0.5 together.",
        ),
        ({"overlap": "3", "most_overlap": "2"}, "At least as many as the overlap, or none."),
        ({"most_overlap": "1001"}, "At most 1000 people judge a task."),
        ({"sureness": "0.4"}, "greater than or equal to 0.5"),
        ({"alert_agreement": "1.1"}, "less than or equal to 1"),
        ({"alert_webhook": "https://hooks.example.org/"}, "Nothing may be posted to hooks.example.org"),
        ({"alert_webhook": "http://127.0.0.1/"}, "over https only"),
        ({"lease_minutes": "0"}, "greater than or equal to 1"),
        ({"name": ""}, "This field is required."),
        ({"reason_asked": "perhaps"}, "Select a valid choice"),
        ({"criteria-1-name": "truth"}, "Another criterion has this name."),
        ({"criteria-0-scale": "1"}, "greater than or equal to 2"),
        ({"criteria-1-description": "Without a name."}, "This field is required."),
    ],
)
def test_a_wrong_value_is_refused_beside_its_field_and_nothing_is_saved(admin, project, changes, sentence):
    answer = save(admin, ties_allowed="OFF", **changes)
    assert answer.status_code == 400
    assert sentence in answer.content.decode()
    project.refresh_from_db()
    assert project.ties_allowed


def test_alerts_and_adaptive_overlap_are_settings(admin, project, settings):
    settings.WEBHOOK_HOSTS = ["hooks.example.org"]
    asked = {"most_overlap": "5", "sureness": "0.9", "alert_agreement": "0.6", "alert_known": "0.8"}
    save(admin, weekly_summary="on", alert_webhook="https://hooks.example.org/T0", **asked)
    project.refresh_from_db()
    assert (project.most_overlap, project.sureness, project.weekly_summary) == (5, 0.9, True)
    assert (project.alert_agreement, project.alert_known) == (0.6, 0.8)
    assert project.alert_webhook == "https://hooks.example.org/T0"


def test_a_webhook_that_is_allowed_no_more_does_not_keep_the_rest_from_being_saved(admin, project):
    Project.objects.update(alert_webhook="https://hooks.example.org/T0")
    save(admin, name="Other")
    project.refresh_from_db()
    assert project.name == "Other"


@pytest.mark.parametrize(
    ("backend", "email", "sentence"),
    [
        ("dummy", "a@example.org", "No mail server is set up here"),
        ("locmem", "", "No admin of this project has a mail address"),
        ("locmem", "a@example.org", "Alerts are mailed to the 1 admin who has an address."),
    ],
)
def test_the_page_says_who_is_told_of_alerts(project, settings, backend, email, sentence):
    settings.EMAIL_BACKEND = f"django.core.mail.backends.{backend}.EmailBackend"
    client = signed_in(MembershipFactory(project=project, role="admin", user=UserFactory(email=email)).user)
    assert sentence in client.get("/projects/lumo/settings/").content.decode()


def test_criteria_are_rows_that_are_added_and_removed(admin, project):
    save(admin, **{"criteria-1-name": "kindness", "criteria-1-scale": "7", "criteria-1-description": "Is it kind?"})
    project.refresh_from_db()
    assert project.criteria == [
        {"name": "truth", "scale": 5, "required": False},
        {"name": "kindness", "scale": 7, "description": "Is it kind?"},
    ]
    save(admin, **{"criteria-0-DELETE": "on"})
    project.refresh_from_db()
    assert [criterion["name"] for criterion in project.criteria] == ["kindness"]


def test_another_row_keeps_what_was_typed_and_saves_nothing(admin, project):
    answer = save(admin, add="1", name="Not saved yet", **{"criteria-1-name": "kindness"})
    html = answer.content.decode()
    assert 'value="Not saved yet"' in html
    assert 'value="kindness"' in html
    assert 'name="criteria-2-name"' in html
    assert 'role="alert"' not in html
    project.refresh_from_db()
    assert project.name == "Lumo"


def test_the_first_criteria_are_kept_however_many_rows_were_added_on_the_way(admin, project):
    Project.objects.update(criteria=[])
    said = page_of(admin) | {"criteria-0-name": "kindness"}
    answer = admin.post("/projects/lumo/settings/", said | {"add": "1"})
    criteria = answer.context["criteria"]
    fields = [*criteria.management_form, *(field for row in criteria for field in row)]
    said |= {field.html_name: str(field.value()) for field in fields if field.value() not in (None, False)}
    admin.post("/projects/lumo/settings/", said | {"criteria-1-name": "truth"})
    project.refresh_from_db()
    assert [criterion["name"] for criterion in project.criteria] == ["kindness", "truth"]


@pytest.mark.parametrize("forms", ["", "x", "-1", "9999999999"])
def test_a_broken_count_of_rows_is_no_server_error(admin, forms):
    said = page_of(admin) | {"criteria-TOTAL_FORMS": forms}
    assert admin.post("/projects/lumo/settings/", said).status_code == 400
    assert admin.post("/projects/lumo/settings/", said | {"add": "1"}).status_code == 200


def test_a_page_that_was_open_before_somebody_elses_change_does_not_undo_it(admin, project):
    said = page_of(admin)
    save(admin, overlap="3")
    answer = admin.post("/projects/lumo/settings/", said | {"lease_minutes": "45"})
    assert answer.status_code == 409
    assert "Someone else changed the settings" in answer.content.decode()
    project.refresh_from_db()
    assert (project.overlap, project.lease_minutes) == (3, 30)


def test_a_raised_overlap_reaches_the_waiting_tasks_if_asked_and_never_the_finished_ones(admin, project):
    waiting, gold = TaskFactory(project=project), TaskFactory(project=project, purpose="gold")
    done = TaskFactory(project=project)
    annotator = AnnotatorFactory()
    done.slots.update(state=Slot.State.FILLED, annotator=annotator, filled_at="2026-01-01T00:00Z")
    Task.objects.filter(pk=done.pk).recount()
    save(admin, overlap="2")
    assert waiting.slots.count() == 1
    assert "1 task waits with fewer places" in admin.get("/projects/lumo/settings/").content.decode()
    save(admin, overlap="3", apply_to_waiting="on")
    assert [task.slots.count() for task in (waiting, gold, done)] == [3, 1, 1]
    waiting.refresh_from_db()
    assert (waiting.overlap, waiting.state) == (3, Task.State.OPEN)
    assert AuditEvent.objects.get(verb="overlap raised").detail == {"overlap": 3, "tasks": 1}


def test_a_pause_says_what_will_happen_and_then_stops_the_queue_until_it_goes_on(admin, project):
    TaskFactory(project=project)
    member = MembershipFactory(project=project)
    annotator = AnnotatorFactory(user=member.user)
    html = admin.get("/projects/lumo/settings/state/paused/").content.decode()
    assert "Nobody gets another task." in html
    project.refresh_from_db()
    assert project.state == Project.State.ACTIVE
    admin.post("/projects/lumo/settings/state/paused/")
    project.refresh_from_db()
    assert project.state == Project.State.PAUSED
    assert leases.claim(project, by=annotator) is None
    admin.post("/projects/lumo/settings/state/active/")
    project.refresh_from_db()
    assert leases.claim(project, by=annotator) is not None
    changes = [event.detail["changes"] for event in AuditEvent.objects.filter(verb="project changed").order_by("pk")]
    assert changes == [{"state": ["active", "paused"]}, {"state": ["paused", "active"]}]


def test_the_end_is_asked_once(admin, project):
    assert "can no longer be revised" in admin.get("/projects/lumo/settings/state/ended/").content.decode()
    admin.post("/projects/lumo/settings/state/ended/")
    project.refresh_from_db()
    assert project.state == Project.State.ENDED
    assert "The project has ended" in admin.get("/projects/lumo/settings/").content.decode()


@pytest.mark.parametrize("state", ["active", "nonsense"])
def test_a_state_that_is_none_or_already_so_is_not_there(admin, state):
    assert admin.post(f"/projects/lumo/settings/state/{state}/").status_code == 404


@pytest.mark.parametrize("role", ["annotator", "reviewer", "engineer"])
@pytest.mark.parametrize("page", PAGES)
def test_only_admins_come_here(project, role, page):
    client = signed_in(MembershipFactory(project=project, role=role).user)
    for answer in (client.get(f"/projects/lumo/{page}"), client.post(f"/projects/lumo/{page}", {"name": "Mine"})):
        assert answer.status_code == 403
    stranger = signed_in(MembershipFactory(role="admin").user)
    assert stranger.post(f"/projects/lumo/{page}").status_code == 404
    project.refresh_from_db()
    assert (project.name, project.state) == ("Lumo", "active")


def publish(client: Client, text: str, *, after: int, changes: str = ""):  # type: ignore[no-untyped-def]
    said = {"text": text, "after": after, "changes": changes}
    return client.post("/projects/lumo/settings/guidelines/", said)


def test_guidelines_come_in_numbered_versions_with_what_changed(admin, project):
    publish(admin, "Be kind.", after=0)
    answer = publish(admin, "Be kind and brief.", after=1, changes="Length counts.")
    assert answer.url == "/projects/lumo/settings/guidelines/"
    html = admin.get(answer.url).content.decode()
    assert "Version 2 is out. Everybody confirms it before their next task." in html
    assert "Length counts." in html
    assert list(project.guidelines.values_list("number", "text")) == [(1, "Be kind."), (2, "Be kind and brief.")]
    assert AuditEvent.objects.filter(verb="guideline published").count() == 2
    assert "<p>Be kind.</p>" in admin.get(answer.url + "?version=1").content.decode().replace(' dir="auto"', "")


@pytest.mark.parametrize("version", ["9", "x", "99999999999999999999", "-1", "²"])
def test_a_version_that_is_not_there_is_simply_not_shown(admin, version):
    assert admin.get(f"/projects/lumo/settings/guidelines/?version={version}").status_code == 200


def test_a_version_written_over_another_ones_is_kept_and_compared(admin, project):
    Guideline.objects.create(project=project, number=1, text="Theirs.")
    answer = publish(admin, "Mine.", after=0)
    html = answer.content.decode()
    assert answer.status_code == 409
    assert "Someone else published a version" in html
    assert "Mine.</textarea>" in html
    assert "<del>Theirs</del><ins>Mine</ins>." in html
    assert project.guidelines.count() == 1
    assert publish(admin, "Mine.", after=1).status_code == 302


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("", "Write the guidelines first."), ("x" * 100_001, "at most 100000"), ("Be kind.", "Nothing is different")],
)
def test_guidelines_that_cannot_be_saved_say_why(admin, project, text, sentence):
    Guideline.objects.create(project=project, number=1, text="Be kind.")
    answer = publish(admin, text, after=1)
    assert answer.status_code == 400
    assert sentence in answer.content.decode()
    assert project.guidelines.count() == 1


def test_the_preview_goes_through_the_one_sanitiser_and_saves_nothing(admin, project):
    Guideline.objects.create(project=project, number=1, text="Be kind.")
    page = "/projects/lumo/settings/guidelines/preview/"
    said = {"text": "**Be** brief. <script>alert(1)</script>", "after": 1}
    fragment = admin.post(page, said, headers={"HX-Request": "true"}).content.decode()
    assert "<strong>Be</strong>" in fragment
    assert "<script>" not in fragment
    assert "<ins>" in fragment
    assert "<html" not in fragment
    whole = admin.post(page, said).content.decode()
    assert "<html" in whole
    assert "<strong>Be</strong>" in whole
    assert admin.get(page).status_code == 405
    assert project.guidelines.count() == 1


def test_the_pages_take_a_bounded_number_of_queries(admin, project, django_assert_max_num_queries):
    for number in range(1, 30):
        Guideline.objects.create(project=project, number=number, text="x")
    for page in ("settings/", "settings/guidelines/", "queue/", "data/", "members/", "invitations/"):
        with django_assert_max_num_queries(14):
            assert admin.get(f"/projects/lumo/{page}").status_code == 200


def test_each_page_of_the_project_names_the_others_that_are_open_to_this_person(admin, project):
    html = admin.get("/projects/lumo/members/").content.decode()
    for page in ("desk", "releases", "data", "queue", "members", "invitations", "settings/guidelines", "settings"):
        assert f'href="/projects/lumo/{page}/"' in html
    assert 'href="/projects/lumo/members/" aria-current="page"' in html
    assert signed_in(UserFactory()).get("/projects/lumo/members/").status_code == 404


def test_the_audit_trail_says_what_state_it_was_in_and_not_what_the_page_said(project):
    Project.objects.filter(pk=project.pk).update(state="ended")
    assert projects.set_state(project, state="paused", by=UserFactory())
    assert AuditEvent.objects.get(verb="project changed").detail["changes"] == {"state": ["ended", "paused"]}


def test_every_rubric_that_a_project_can_have_can_be_saved(admin, project):
    longest = {"name": "n" * rubric.MAX_CRITERION, "scale": 100, "description": "d" * rubric.MAX_DESCRIPTION}
    criteria = [longest, *({"name": f"criterion {n}", "scale": 2} for n in range(1, rubric.MAX_CRITERIA))]
    Project.objects.filter(pk=project.pk).update(criteria=criteria)
    assert save(admin, name="Renamed").status_code == 302
    project.refresh_from_db()
    assert (project.name, project.criteria) == ("Renamed", criteria)
