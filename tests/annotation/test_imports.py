"""Imports add what is new, once, and nothing of what contradicts or fails."""

import threading
from collections import Counter

import pytest
from django.db import connection

from annotation.actions import import_files, import_writes, imports
from annotation.actions.import_plans import Naming
from annotation.actions.pseudonyms import pseudonym
from annotation.exceptions import InvalidRow, NotFound
from annotation.formats import rows
from annotation.formats.rows import Row
from annotation.models import (
    Annotator,
    AuditEvent,
    Comparison,
    Judgement,
    Policy,
    Project,
    Prompt,
    Response,
    Task,
    TaskResponse,
)
from tests.factories import PolicyFactory, ProjectFactory, PromptFactory, ResponseFactory, TaskFactory

MODELS = (Prompt, Response, Task, TaskResponse, Judgement, Comparison, Annotator, Policy)


def row(n: int = 0, **change: object) -> Row:
    record = {
        "prompt": f"Question {n}?",
        "responses": [{"text": "a", "policy": "p"}, {"text": "b", "policy": "q"}, {"text": "c", "policy": "p"}],
        "judgements": [{"annotator": "w1", "ranking": [[1], [0, 2]]}],
        "id": f"row-{n}",
    }
    return rows.parse({**record, **change})


def counted() -> Counter[str]:
    return Counter({model.__name__: model.objects.count() for model in MODELS})


def bring(*given: Row, project: Project, **options: object):
    rejected: list[str] = []
    report = imports.import_rows(
        given, project=project, by=None, on_reject=lambda record, reason: rejected.append(reason), **options
    )
    return report, rejected


@pytest.fixture
def project(db) -> Project:
    return ProjectFactory()


def test_judged_row_becomes_a_finished_task_with_its_comparisons(project):
    report, rejected = bring(row(tags=["t"], metadata={"m": 1}, propensity=0.5), project=project)
    task = Task.objects.get()
    assert (task.key, task.state, task.overlap, task.filled) == ("row-0", Task.State.DONE, 1, 1)
    assert (task.tags, task.metadata, task.propensity) == (["t"], {"m": 1}, 0.5)
    assert [item.response.text for item in task.positions.all()] == ["a", "b", "c"]
    judgement = task.judgements.get()
    assert judgement.slot is None
    assert judgement.uid == rows.judgement_uid(task_key="row-0", annotator=pseudonym("w1"), revision=0)
    pairs = {(c.winner.text, c.loser.text, c.tie) for c in Comparison.objects.all()}
    assert pairs == {("b", "a", False), ("b", "c", False), ("a", "c", True)}
    assert rejected == []
    assert report.added == {"prompts": 1, "responses": 3, "tasks": 1, "judgements": 1, "strict": 2, "ties": 1}


def test_row_without_judgements_is_prompt_and_responses_only(project):
    bring(row(judgements=[], tags=["t"]), project=project)
    assert (Task.objects.count(), Response.objects.count()) == (0, 3)
    assert Prompt.objects.get().tags == ["t"]


def test_importing_again_adds_nothing_and_counts_what_is_there(project):
    bring(row(0), row(1), project=project)
    before = counted()
    report, _ = bring(row(0), row(1), project=project)
    assert counted() == before
    assert not +report.added
    assert report.known == {"prompts": 2, "responses": 6, "tasks": 2, "judgements": 2, "strict": 4, "ties": 2}


def test_row_that_stands_twice_in_one_import_is_one_task(project):
    report, _ = bring(row(), row(), project=project)
    assert (report.added["tasks"], report.known["tasks"], Task.objects.count()) == (1, 1, 1)


def test_equal_prompts_are_one_prompt_and_gather_their_tags(project):
    bring(row(0, tags=["a"]), row(0, id="other", tags=["b"]), project=project)
    bring(row(0, id="third", tags=["c", "a"]), project=project)
    assert Prompt.objects.get().tags == ["a", "b", "c"]
    assert Response.objects.count() == 3
    assert Task.objects.count() == 3


def test_new_judgement_on_a_known_row_is_added(project):
    bring(row(), project=project)
    again = row(judgements=[{"annotator": "w1", "ranking": [[1], [0, 2]]}, {"annotator": "w2", "ranking": [[0]]}])
    report, rejected = bring(again, project=project)
    task = Task.objects.get()
    assert rejected == []
    assert (task.overlap, task.filled, task.judgements.count()) == (2, 2, 2)
    assert (report.added["judgements"], report.known["judgements"]) == (1, 1)


def test_imported_judgement_leaves_the_slots_of_a_queued_task_alone(project):
    prompt = PromptFactory(project=project)
    task = TaskFactory(project=project, prompt=prompt, overlap=2, size=2)
    responses = [{"text": i.response.text, "policy": i.response.policy.name} for i in task.positions.all()]
    judgement = [{"annotator": "w1", "ranking": [[0], [1]]}]
    _, rejected = bring(
        row(prompt=prompt.messages, responses=responses, judgements=judgement, id=task.key), project=project
    )
    task.refresh_from_db()
    assert rejected == []
    assert (task.state, task.overlap, task.filled, task.judgements.count()) == (Task.State.OPEN, 2, 0, 1)


def test_known_id_with_another_prompt_or_other_responses_is_refused_without_a_trace(project):
    bring(row(), project=project)
    before = counted()
    _, rejected = bring(row(prompt="Else?"), row(responses=["x", "y"], judgements=[]), project=project)
    assert len(rejected) == 2
    assert all("is known with another prompt or other responses" in reason for reason in rejected)
    assert counted() == before


def test_annotator_who_says_something_else_is_refused_and_the_row_with_them(project):
    bring(row(), project=project)
    before = counted()
    other = row(judgements=[{"annotator": "w2", "ranking": [[0]]}, {"annotator": "w1", "ranking": [[0]]}])
    _, rejected = bring(other, project=project)
    assert "has judged this row before" in rejected[0]
    assert counted() == before


def test_row_without_id_is_itself_by_content(project):
    plain = row(id=None)
    bring(plain, project=project)
    report, _ = bring(plain, project=project)
    assert report.known["tasks"] == 1
    assert Task.objects.get().key == plain.key


def test_same_row_in_two_projects_is_two_tasks(project):
    bring(row(), project=project)
    bring(row(), project=ProjectFactory())
    assert Task.objects.count() == 2


def test_annotators_are_pseudonyms_unless_kept(project):
    judgements = [{"annotator": "worker 7", "ranking": [[0]]}, {"ranking": [[1]]}]
    bring(row(judgements=judgements), project=project)
    names = set(Annotator.objects.values_list("name", flat=True))
    assert names == {pseudonym("worker 7"), pseudonym("unnamed-1")}
    assert all(name.startswith("anon-") and len(name) == 21 for name in names)
    bring(row(1, judgements=judgements), project=project, naming=Naming(keep_annotator_ids=True))
    assert {"worker 7", "unnamed-1"} <= set(Annotator.objects.values_list("name", flat=True))


def test_pseudonym_of_an_earlier_export_stays_as_it_is():
    assert pseudonym("anon-0123456789abcdef") == "anon-0123456789abcdef"
    assert pseudonym("anon-0123456789abcdeg") != "anon-0123456789abcdeg"


def test_two_annotators_who_come_to_one_name_are_refused(project):
    judgements = [{"ranking": [[0]]}, {"annotator": "unnamed-0", "ranking": [[1]]}]
    _, rejected = bring(row(judgements=judgements), project=project)
    assert "an annotator judges a task once" in rejected[0]


def test_policy_names_the_responses_that_name_none(project):
    bring(row(responses=["a", {"text": "b", "policy": "q"}, "c"]), project=project, naming=Naming(policy="mine"))
    assert list(Response.objects.order_by("text").values_list("policy__name", flat=True)) == ["mine", "q", "mine"]


def test_demonstration_is_of_people_unless_said_otherwise(project):
    shown = {"responses": [{"text": "a", "kind": "people"}], "judgements": []}
    bring(row(**shown), project=project)
    bring(row(1, **shown), project=project, naming=Naming(policy="gpt", policy_kind="model"))
    assert dict(Policy.objects.values_list("name", "kind")) == {"demonstrations": "people", "gpt": "model"}


def test_known_policy_keeps_its_kind(project):
    PolicyFactory(name="p", kind=Policy.Kind.MODEL)
    bring(row(), project=project)
    assert Policy.objects.get(name="p").kind == Policy.Kind.MODEL


def test_everything_a_judgement_says_is_kept(project):
    said = {
        "annotator": "anon-0123456789abcdef",
        "ranking": [[2], [0, 1]],
        "strength": 3,
        "acceptable": [2, 0],
        "ratings": {"tone": [1.5, 2.0, 5.0]},
        "flags": ["odd", {"a": [1]}],
        "reason": "<b>\u202e👍",
        "edited": {"0": "better"},
        "seconds": 3.25,
        "shown": [2, 1, 0],
        "at": "2026-01-31T10:00:00.123456Z",
        "source": "human",
        "guideline": 4,
        "revision": 2,
    }
    bring(row(judgements=[said]), project=project)
    report, rejected = bring(row(judgements=[said]), project=project)
    assert rejected == []
    assert report.known["judgements"] == 1
    judgement = Judgement.objects.get()
    assert (judgement.edited, judgement.flags, judgement.guideline_version) == (said["edited"], said["flags"], 4)


def test_hostile_text_is_kept_to_the_letter(project):
    texts = ["<script>alert(1)</script>", "x" * 1_000_000, "\u202e👩‍👧 שלום\r\n\x7f"]
    bring(row(responses=texts), project=project)
    assert list(Response.objects.order_by("id").values_list("text", flat=True)) == texts


def failing(count: int):
    yield from (row(n) for n in range(count))
    raise RuntimeError("the power went out")


def test_crash_leaves_nothing(project):
    before = counted()
    with pytest.raises(RuntimeError):
        imports.import_rows(failing(1200), project=project, by=None)
    assert counted() == before
    assert not AuditEvent.objects.exists()


def test_crash_between_batches_keeps_whole_rows_only_and_a_second_import_completes(project):
    with pytest.raises(RuntimeError):
        imports.import_rows(failing(1200), project=project, by=None, in_batches=True)
    assert counted()["Judgement"] == counted()["Task"] == 1000
    bring(*(row(n) for n in range(1200)), project=project)
    assert (Task.objects.count(), Comparison.objects.count()) == (1200, 3600)


def test_crash_in_the_middle_of_a_batch_keeps_nothing_of_that_batch(project, monkeypatch):
    calls = []

    def failing_comparisons(judgement, *, responses):
        calls.append(judgement)
        if len(calls) > 600:
            raise RuntimeError("the disk is full")
        return []

    monkeypatch.setattr(import_writes, "comparisons_of", failing_comparisons)
    with pytest.raises(RuntimeError):
        bring(*(row(n) for n in range(1000)), project=project, in_batches=True)
    assert counted()["Task"] == counted()["Prompt"] == counted()["Judgement"] == 500


def test_strict_stops_at_the_first_bad_row_and_keeps_nothing(project):
    with pytest.raises(InvalidRow, match="Line 2: id: 'row-0' is known"):
        imports.import_rows([row(), row(prompt="Else?")], project=project, by=None, strict=True)
    assert not Prompt.objects.exists()


def test_import_is_audited(project):
    bring(row(), project=project)
    event = AuditEvent.objects.get()
    assert (event.verb, event.subject) == ("rows imported", f"project {project.slug}")
    assert event.detail["added"]["judgements"] == 1


def test_queries_do_not_grow_with_the_rows(project, django_assert_max_num_queries):
    with django_assert_max_num_queries(150):
        bring(*(row(n) for n in range(400)), project=project)


def test_unknown_project_names_those_that_exist(project):
    with (
        pytest.raises(NotFound, match=rf"There are: {project.slug}.*--create"),
        import_files.project_for_import("nope", create=False, by=None),
    ):
        pass


def test_project_made_for_an_import_that_fails_goes_again(db):
    with pytest.raises(InvalidRow), import_files.project_for_import("new", create=True, by=None) as project:
        imports.import_rows([row(), row(prompt="Else?")], project=project, by=None, strict=True)
    assert not Project.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_two_imports_of_the_same_rows_at_once_add_them_once():
    project = ProjectFactory()
    ResponseFactory(prompt__project=project)
    reports, errors = [], []

    def work():
        try:
            reports.append(imports.import_rows([row(n) for n in range(700)], project=project, by=None))
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert Task.objects.count() == Judgement.objects.count() == 700
    assert sorted(report.added["judgements"] for report in reports) == [0, 0, 700]
