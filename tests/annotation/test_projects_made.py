"""A project is made in the site from a name and a file."""

import gzip
import io
import json
import tempfile
from typing import Any

import pyarrow
import pytest
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pyarrow import parquet

from annotation.actions import uploads
from annotation.formats.limits import Limits
from annotation.forms.uploads import MAX_BYTES
from annotation.models import AuditEvent, Membership, Project, Task
from tests.factories import MembershipFactory, ProjectFactory, UserFactory

pytestmark = pytest.mark.django_db

PAIRS = [{"prompt": f"Question {n}?", "responses": [f"yes {n}", f"no {n}"]} for n in range(3)]


def signed_in(user) -> Client:  # type: ignore[no-untyped-def]
    client = Client()
    client.force_login(user)
    return client


def lines(rows: list[Any]) -> bytes:
    return "\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows).encode()


def file_of(content: bytes, name: str = "data.jsonl") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


@pytest.fixture
def maker() -> Client:
    return signed_in(UserFactory(is_superuser=True))


def make(client: Client, content: bytes, *, file: str = "data.jsonl", **said: str):  # type: ignore[no-untyped-def]
    return client.post("/projects/new/", {"name": "Harmless answers", "file": file_of(content, file), **said})


def test_a_name_and_a_file_make_a_project_that_can_be_ranked_at_once(maker):
    answer = make(maker, lines(PAIRS))
    assert answer.url == "/projects/harmless-answers/data/"
    project = Project.objects.get(slug="harmless-answers")
    assert project.memberships.get().role == Membership.Role.ADMIN
    assert project.responses_per_task == 2
    assert project.strength_asked
    assert [task.slots.count() for task in project.tasks.all()] == [1, 1, 1]
    html = maker.get(answer.url).content.decode()
    assert "Harmless answers is ready and you are its admin: 3 tasks wait." in html
    assert "3 rows were read, 0 were rejected." in html
    assert maker.get("/projects/harmless-answers/desk/").status_code == 200
    verbs = set(AuditEvent.objects.values_list("verb", flat=True))
    assert {"project created", "member added", "rows imported", "file uploaded", "tasks created"} <= verbs


def test_answers_in_columns_make_pairs_and_other_columns_are_named(maker):
    table = b"prompt,response_a,response_b,source\nQ1?,a,b,<b>web</b>\nQ2?,a,b,web\n"
    answer = make(maker, table, file="answers.csv")
    assert Project.objects.get().responses_per_task == 2
    html = maker.get(answer.url).content.decode()
    assert "Not kept, for rows that come without judgements have no metadata: source" in html
    judged = PAIRS[0] | {"judgements": [{"ranking": [[0], [1]]}], "metadata": {"<b>place": 1}}
    maker.post(answer.url, {"file": file_of(lines([judged]))})
    assert "Kept as metadata of the tasks: &lt;b&gt;place" in maker.get(answer.url).content.decode()


def test_gold_that_nobody_meets_is_told_of_until_there_is_a_rate(maker):
    gold = PAIRS[0] | {"purpose": "gold", "known": {"ranking": [[0], [1]]}}
    answer = make(maker, lines([gold, *PAIRS[1:]]))
    pages = (answer.url, "/projects/harmless-answers/queue/")
    for page in pages:
        html = maker.get(page).content.decode()
        assert "1 gold task is shown to nobody while the gold rate is 0." in html
        assert "/projects/harmless-answers/settings/#id_gold_rate" in html
    Project.objects.update(gold_rate=0.1)
    assert not any("shown to nobody" in maker.get(page).content.decode() for page in pages)


def test_large_numbers_are_parted():
    event = AuditEvent(detail={"rows": 10_000, "rejected": 1234, "queued": {"made": 8766}})
    assert uploads.in_words(event) == "10,000 rows were read, 1,234 were rejected; 8,766 tasks were queued."


def test_guidelines_written_with_it_are_its_first_version(maker):
    make(maker, lines(PAIRS), guidelines="# Be kind")
    guideline = Project.objects.get().guideline
    assert (guideline.number, guideline.text) == (1, "# Be kind")


def test_one_answer_is_rated_and_edited(maker):
    make(maker, lines([{"prompt": "Q?", "responses": ["A."]}]))
    project = Project.objects.get()
    assert (project.responses_per_task, project.edit_asked) == (1, True)
    assert [criterion["name"] for criterion in project.criteria] == ["quality"]
    assert project.tasks.get().positions.count() == 1


def test_prompts_alone_ask_for_written_answers(maker):
    make(maker, lines([{"prompt": "Write me a poem."}]))
    project = Project.objects.get()
    assert project.responses_per_task == 0
    assert project.tasks.get().positions.count() == 0


def test_most_prompts_decide_how_many_answers_a_task_has(maker):
    rows = [*PAIRS, {"prompt": "Four?", "responses": ["a", "b", "c", "d"]}]
    make(maker, lines(rows))
    sizes = [task.positions.count() for task in Task.objects.all()]
    assert sizes == [2, 2, 2, 2]


def test_what_came_in_judged_is_not_queued_again_unasked(maker):
    make(maker, lines([{"prompt": "Q?", "chosen": "a", "rejected": "b"}]))
    task = Task.objects.get()
    assert task.state == Task.State.DONE
    assert "came with 1 judgements" in maker.get(f"/projects/{task.project.slug}/data/").content.decode()


def test_gold_rows_are_asked_on_demand_and_not_queued_for_labels(maker):
    gold = {"prompt": "Known?", "responses": ["a", "b", "c"], "purpose": "gold", "known": {"ranking": [[0], [1, 2]]}}
    answer = make(maker, lines([*PAIRS, gold, gold | {"prompt": "Known too?"}]))
    assert answer.status_code == 302
    purposes = sorted(Task.objects.values_list("purpose", flat=True))
    assert purposes == ["gold", "gold", "label", "label", "label"]
    assert Project.objects.get().responses_per_task == 2


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.jsonl.gz", "rows.json", "rows.csv", "rows.parquet"])
def test_every_kind_of_file_can_be_uploaded(maker, name):
    table = io.BytesIO()
    parquet.write_table(pyarrow.Table.from_pylist(PAIRS), table)
    content = {
        "rows.jsonl": lines(PAIRS),
        "rows.jsonl.gz": gzip.compress(lines(PAIRS)),
        "rows.json": json.dumps(PAIRS).encode(),
        "rows.csv": b'prompt,responses\nQ1?,"[""a"", ""b""]"\nQ2?,"[""a"", ""b""]"\nQ3?,"[""a"", ""b""]"\n',
        "rows.parquet": table.getvalue(),
    }[name]
    answer = make(maker, content, file=name)
    assert answer.status_code == 302, answer.context["form"].errors
    assert Task.objects.count() == 3


def test_rejected_rows_are_listed_with_line_and_reason_and_the_good_ones_are_kept(maker):
    answer = make(maker, lines([*PAIRS, "{broken", {"prompt": "Q?", "answer": "<b>what</b>"}]))
    html = maker.get(answer.url).content.decode()
    assert "5 rows were read, 2 were rejected." in html
    assert '<td class="num">4</td>' in html
    assert "unknown field" in html
    assert "<b>what" not in html
    assert Task.objects.count() == 3


@pytest.mark.parametrize(
    ("content", "name", "sentence"),
    [
        (b"hello", "data.jsonl", "data.jsonl is not what its name says"),
        (b"{}\n{}", "data.jsonl", "Cannot tell the format"),
        (b'{"prompt": 7}', "data.jsonl", "No row of data.jsonl could be read. The first one, line 1:"),
        (b"x", "data.xlsx", "its name should end in"),
        (b"PK\x03\x04", "data.parquet", "is not Parquet"),
        (b"", "data.jsonl", "This file is empty."),
    ],
)
def test_a_file_that_cannot_be_used_is_one_sentence_and_no_project(maker, content, name, sentence):
    answer = make(maker, content, file=name, guidelines="# Kept")
    html = answer.content.decode()
    assert answer.status_code == 400
    assert sentence in html
    assert html.count('role="alert"') == 1
    assert "# Kept" in html
    assert tempfile.gettempdir() not in html
    assert not Project.objects.exists()


def test_a_file_that_is_too_large_is_not_even_received_and_names_the_command(maker):
    answer = make(maker, b"x" * (MAX_BYTES + 2 * 1024 * 1024))
    assert answer.status_code == 413
    assert "larger than 20 MB" in answer.content.decode()
    assert "manage.py import_data" in answer.content.decode()


GOOD, BAD = json.dumps(PAIRS[0]), json.dumps({"prompt": 7})
LONG = {"prompt": "Q?", "responses": ["yes" * 2_000_000, "no"]}


def table(rows: list[Any], **how: Any) -> bytes:
    content = io.BytesIO()
    parquet.write_table(pyarrow.Table.from_pylist(rows), content, **how)
    return content.getvalue()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("good.jsonl", lines([{"prompt": f"{n}?", "responses": ["a", "b"]} for n in range(101)])),
        ("rejected.jsonl.gz", gzip.compress(lines([GOOD, *[BAD] * 100]))),
        ("blank.jsonl.gz", gzip.compress(GOOD.encode() + b"\n" * 20_001)),
        ("blank.csv.gz", gzip.compress(b'prompt,responses\nQ?,"[""a"", ""b""]"\n' + b"\r" * 20_001)),
        ("white.json.gz", gzip.compress(b"[" + b" " * 5_000_001 + GOOD.encode() + b"]")),
        ("one line.jsonl.gz", gzip.compress(lines([GOOD, {**LONG, "extra": 1}]))),
        ("packed.parquet", table([LONG])),
        ("repeated.parquet", table([{**LONG, "responses": ["y" * 100_000, "n"]}] * 99)),
        ("packed.parquet.gz", gzip.compress(table([LONG], compression="none", use_dictionary=False))),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_small_file_that_holds_too_much_ends_with_a_sentence_and_keeps_nothing(maker, monkeypatch, name, content):
    monkeypatch.setattr(uploads, "LIMITS", Limits(size=5_000_000, lines=20_000, records=100))
    answer = make(maker, content, file=name)
    assert answer.status_code == 400
    assert f"{name} holds more than 10,000 rows, or more than 100 MB when it is unpacked" in answer.content.decode()
    assert not Project.objects.exists()


def test_what_just_fits_the_limits_is_taken(maker, monkeypatch):
    content = lines([*PAIRS, BAD, ""])
    monkeypatch.setattr(uploads, "LIMITS", Limits(size=len(content), lines=4, records=4))
    assert make(maker, gzip.compress(content), file="data.jsonl.gz").status_code == 302
    assert Task.objects.count() == 3


def test_of_many_rejected_rows_the_first_are_kept(maker, monkeypatch):
    monkeypatch.setattr(uploads, "LISTED_REJECTS", 2)
    make(maker, lines([*PAIRS, *[BAD] * 3]))
    detail = AuditEvent.objects.get(verb="file uploaded").detail
    assert detail["rejected"] == 3
    assert [row["line"] for row in detail["rejects"]] == [4, 5]


@pytest.mark.parametrize(
    ("name", "status"),
    [("rejected", 400), ("upload", 400), ("Ж" * 200 + ".jsonl", 302), ("a" * 250 + ".jsonl", 302), (".jsonl", 302)],
    ids=["rejected", "upload", "cyrillic", "long", "suffix"],
)
def test_no_name_of_a_file_is_too_much_for_the_disk(maker, name, status):
    answer = make(maker, lines(PAIRS), file=name)
    assert answer.status_code == status
    if status == 400:
        assert f"{name}: cannot tell what it holds; its name should end in" in answer.content.decode()


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"name": ""}, "This field is required."),
        ({"slug": "with space"}, "Enter a valid"),
        ({"slug": "new"}, "is an address of the site itself"),
        ({"slug": "taken"}, "There is a project “taken” already"),
        ({"name": "日本"}, "No short name can be made from this name"),
    ],
)
def test_a_name_that_cannot_be_is_refused_beside_its_field(maker, said, sentence):
    ProjectFactory(slug="taken")
    answer = make(maker, lines(PAIRS), **said)
    assert answer.status_code == 400
    assert sentence in answer.content.decode().replace("&quot;", '"')
    assert Project.objects.count() == 1


@pytest.mark.parametrize(
    ("who", "may"),
    [("superuser", True), ("permitted", True), ("admin", True), ("engineer", False), ("annotator", False)],
)
def test_who_may_make_projects(who, may):
    user = UserFactory(is_superuser=who == "superuser")
    if who == "permitted":
        user.user_permissions.add(Permission.objects.get(codename="add_project"))
    elif who != "superuser":
        MembershipFactory(user=user, role=who)
    client = signed_in(user)
    assert client.get("/projects/new/").status_code == (200 if may else 403)
    assert ("/projects/new/" in client.get("/").content.decode()) is may
    assert make(client, lines(PAIRS)).status_code == (302 if may else 403)


def test_a_stranger_is_sent_to_sign_in(client):
    assert client.get("/projects/new/").url.startswith("/accounts/login/")


def test_more_data_is_added_and_queued_only_if_asked():
    membership = MembershipFactory(role="admin", project__responses_per_task=2)
    client = signed_in(membership.user)
    page = f"/projects/{membership.project.slug}/data/"
    assert client.post(page, {"file": file_of(lines(PAIRS[:1]))}).url == page
    assert not Task.objects.exists()
    client.post(page, {"file": file_of(lines(PAIRS)), "queue": "on"})
    assert Task.objects.count() == 3
    refused = client.post(page, {"file": file_of(b"hello")})
    assert refused.status_code == 400
    assert "is not what its name says" in refused.content.decode()


@pytest.mark.parametrize("role", ["annotator", "reviewer", "engineer"])
def test_only_admins_bring_data_in(role):
    membership = MembershipFactory(role=role)
    page = f"/projects/{membership.project.slug}/data/"
    assert signed_in(membership.user).get(page).status_code == 403
    assert signed_in(membership.user).post(page, {"file": file_of(lines(PAIRS))}).status_code == 403
    assert signed_in(UserFactory()).get(page).status_code == 404
    assert not membership.project.prompts.exists()
