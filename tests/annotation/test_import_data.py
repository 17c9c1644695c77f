"""The command: real files come in with the published numbers, and a user's mistake gets one sentence."""

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import call_command

from annotation.exceptions import InvalidRow, NotFound, UnreadableFile, UnwritableFile
from annotation.models import Annotator, AuditEvent, Judgement, Policy, Project, Prompt, Response
from tests.factories import ProjectFactory

ROOT = Path(__file__).resolve().parent.parent.parent
GOOD = {"prompt": "?", "responses": ["a", "b"], "judgements": [{"annotator": "w", "ranking": [[0], [1]]}]}


@pytest.fixture
def project(db) -> Project:
    return ProjectFactory(slug="p")


@pytest.fixture
def bring(project, capsys):
    """Runs the command; gives its table as {kind: (added, already there)} and all that it printed."""

    def bring(path: Path, *options: str) -> tuple[dict[str, tuple[int, int]], str]:
        call_command("import_data", str(path), "--project", "p", *options)
        printed = capsys.readouterr().out
        table = {}
        for line in printed.splitlines()[2:8]:
            *kind, added, known = line.replace(",", "").split()
            table[kind[0]] = (int(added), int(known))
        return table, printed

    return bring


def lines(path: Path, *records: object) -> Path:
    path.write_text("".join((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in records))
    return path


REAL = {
    "hh-rlhf-harmless/test.jsonl.gz": (2305, 4614, 2307, 2307, 2307, 0, 5),
    "native/qa-feedback.jsonl.gz": (500, 2000, 500, 500, 2670, 330, 0),
    "native/pandalm.jsonl.gz": (170, 800, 999, 2997, 2671, 326, 0),
    "pandalm/testset-v1.json.gz": (170, 800, 999, 2997, 2671, 326, 0),
    "llamafactory/alpaca_en_demo.json": (985, 985, 0, 0, 0, 0, 0),
    "llamafactory/glaive_toolcall_en_demo.json": (264, 265, 0, 0, 0, 0, 0),
    "llamafactory/kto_en_demo.json": (297, 300, 300, 300, 0, 0, 0),
    "gpteacher/roleplay-simple-deduped-roleplay-instruct.json.gz": (1923, 1923, 0, 0, 0, 0, 0),
    "alpaca-eval/gpt4.model_outputs.json.gz": (805, 805, 0, 0, 0, 0, 0),
    "self-instruct/text-davinci-003_predictions.jsonl": (252, 252, 0, 0, 0, 0, 0),
    "self-instruct/seed_tasks.jsonl": (175, 175, 0, 0, 0, 0, 0),
    "llmbar/LLMBar__Natural.json": (100, 200, 100, 100, 100, 0, 0),
    "xstest/xstest_prompts.csv": (450, 0, 0, 0, 0, 0, 0),
    "xstest/xstest_v2_completions_gpt4.csv": (450, 450, 0, 0, 0, 0, 0),
}
MAPPINGS = {"pandalm/": "pandalm.toml", "self-instruct/seed": "self-instruct.toml", "llmbar/": "llmbar.toml"}
KINDS = ("prompts", "responses", "tasks", "judgements", "strict", "ties")


@pytest.mark.parametrize("name", REAL)
def test_real_file_gives_its_numbers_and_a_second_time_nothing(name, bring, shared_data, tmp_path):
    mapping = next((file for start, file in MAPPINGS.items() if name.startswith(start)), None)
    options = ["--mapping", str(ROOT / "docs" / "mappings" / mapping)] if mapping else []
    *numbers, rejected = REAL[name]
    rejects = tmp_path / "rejects.jsonl"
    table, printed = bring(shared_data / name, "--rejects", str(rejects), *options)
    assert {kind: table[kind][0] for kind in KINDS} == dict(zip(KINDS, numbers, strict=True))
    assert f"{rejected} rejected" in printed
    assert (len(rejects.read_text().splitlines()) if rejects.exists() else 0) == rejected
    again, _ = bring(shared_data / name, "--rejects", str(rejects), *options)
    assert {kind: again[kind][0] for kind in KINDS} == dict.fromkeys(KINDS, 0)
    assert [again[kind][1] for kind in ("prompts", "responses")] == numbers[:2]


def test_hh_keeps_its_four_empty_answers(bring, shared_data, tmp_path):
    bring(shared_data / "hh-rlhf-harmless/test.jsonl.gz", "--rejects", str(tmp_path / "r"))
    assert Response.objects.filter(text="").count() == 4


def test_memory_does_not_grow_with_the_file(tmp_path):
    """120 MB of text: what the import needs on top stays far below that."""
    path = tmp_path / "big.json.gz"
    with gzip.open(path, "wt") as file:
        file.write("[")
        for n in range(300):
            file.write("," * (n > 0) + json.dumps({"prompt": f"{n}", "responses": ["x" * 400_000, f"y{n}"]}))
        file.write("]")
    environment = os.environ | {
        "DATABASE_URL": f"sqlite:///{tmp_path / 'db.sqlite3'}",
        "DJANGO_SETTINGS_MODULE": "flywheel.settings",
    }
    program = f"""
import sys, django, resource
from django.core.management import call_command
django.setup()
call_command("migrate", verbosity=0)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
call_command("import_data", {str(path)!r}, "--project", "p", "--create")
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    kilobytes = int(done.stdout.splitlines()[-1])
    assert "300 rows, 0 rejected" in done.stdout
    assert kilobytes < 70_000


def test_rejects_lie_beside_the_file_with_line_reason_and_row(bring, tmp_path):
    path = lines(tmp_path / "a.jsonl", GOOD, "{oops", {"prompt": "?", "responses": ["a", "a"]}, {"prompt": "\ud800"})
    _, printed = bring(path)
    rejects = tmp_path / "a.jsonl.rejects.jsonl"
    found = [json.loads(line) for line in rejects.read_text().splitlines()]
    assert [item["line"] for item in found] == [2, 3, 4]
    assert found[0]["row"] == "{oops"
    assert "the same text" in found[1]["reason"]
    assert str(rejects) in printed
    assert Judgement.objects.count() == 1


def test_rejects_of_an_earlier_import_are_replaced_and_removed(bring, tmp_path):
    path = lines(tmp_path / "a.jsonl", GOOD, "{oops")
    rejects = tmp_path / "a.jsonl.rejects.jsonl"
    lines(rejects, {"line": 1, "reason": "old", "row": "old"}, {"line": 3, "reason": "old", "row": "old"})
    bring(path)
    assert json.loads(rejects.read_text())["line"] == 2
    lines(path, GOOD)
    bring(path)
    assert sorted(item.name for item in tmp_path.iterdir() if item.is_file()) == ["a.jsonl"]


def test_rejects_go_to_the_current_directory_where_the_folder_takes_none(bring, tmp_path, monkeypatch):
    folder = tmp_path / "folder"
    folder.mkdir()
    path = lines(folder / "a.jsonl", GOOD, "{oops")
    (folder / "a.jsonl.rejects.jsonl").mkdir()  # nobody can write there, not even root
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    _, printed = bring(path)
    assert str(here / "a.jsonl.rejects.jsonl") in printed
    assert (here / "a.jsonl.rejects.jsonl").is_file()


@pytest.mark.parametrize("bad", [[], ["{oops"]])
def test_a_file_that_no_import_wrote_is_neither_replaced_nor_removed(bring, tmp_path, monkeypatch, bad):
    monkeypatch.chdir(tmp_path)
    path = lines(tmp_path / "a.jsonl", GOOD, *bad)
    notes = tmp_path / "notes.txt"
    beside = tmp_path / "a.jsonl.rejects.jsonl"
    notes.write_text("mine")
    beside.write_text("mine")

    with pytest.raises(UnwritableFile, match="no import wrote it"):
        bring(path, "--rejects", str(notes))
    if bad:
        with pytest.raises(UnwritableFile, match="no import wrote it"):
            bring(path)
    else:
        bring(path)

    assert (notes.read_text(), beside.read_text()) == ("mine", "mine")


def test_a_named_rejects_file_of_another_import_stays_when_nothing_is_rejected(bring, tmp_path):
    rejects = tmp_path / "bad.jsonl"
    bring(lines(tmp_path / "a.jsonl", "{oops", GOOD), "--rejects", str(rejects))

    bring(lines(tmp_path / "b.jsonl", GOOD), "--rejects", str(rejects))

    assert json.loads(rejects.read_text())["line"] == 1


def test_rejects_may_not_be_the_imported_file(bring, tmp_path):
    path = lines(tmp_path / "a.jsonl", GOOD)
    link = tmp_path / "link.jsonl"
    link.symlink_to(path)
    before = path.read_bytes()

    for place in (path, link):
        with pytest.raises(UnwritableFile, match="is the imported file itself"):
            bring(path, "--rejects", str(place))

    assert path.read_bytes() == before


@pytest.mark.parametrize(("place", "said"), [(".", "is a folder"), ("nowhere/r.jsonl", "there is no folder")])
def test_rejects_that_cannot_be_written_are_refused_in_a_sentence(bring, tmp_path, monkeypatch, place, said):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnwritableFile, match=said):
        bring(lines(tmp_path / "a.jsonl", GOOD), "--rejects", place)


def broken_off(path: Path) -> Path:
    path.write_text(json.dumps([{**GOOD, "id": n} for n in range(1000)])[:-20])
    return path


@pytest.mark.django_db(transaction=True)
def test_a_project_made_for_a_file_that_breaks_off_goes_with_it(tmp_path):
    with pytest.raises(UnreadableFile, match="not whole JSON"):
        call_command("import_data", str(broken_off(tmp_path / "a.json")), "--project", "new", "--create")
    assert (Project.objects.count(), AuditEvent.objects.count()) == (0, 0)


@pytest.mark.django_db(transaction=True)
def test_a_project_made_in_batches_stays_with_what_was_kept(tmp_path):
    path = broken_off(tmp_path / "a.json")
    with pytest.raises(UnreadableFile, match=r"not whole JSON.* 500 rows before that are in project new;"):
        call_command("import_data", str(path), "--project", "new", "--create", "--in-batches")
    assert Judgement.objects.filter(task__project__slug="new").count() == 500


def test_a_project_that_is_not_there_is_told_of_with_those_that_are(bring, tmp_path):
    with pytest.raises(NotFound, match=r"^There is no project 'q'\. There are: p\. Add --create to make it\.$"):
        bring(lines(tmp_path / "a.jsonl", GOOD), "--project", "q")


def test_strict_stops_at_the_first_bad_row_and_keeps_nothing(bring, tmp_path):
    path = lines(tmp_path / "a.jsonl", GOOD, "{oops")
    with pytest.raises(InvalidRow, match="Line 2: not JSON"):
        bring(path, "--strict")
    assert not Prompt.objects.exists()
    assert list(tmp_path.glob("*rejects*")) == []


def test_file_that_breaks_off_keeps_nothing(bring, tmp_path):
    path = tmp_path / "a.json"
    path.write_text(json.dumps([{**GOOD, "id": n} for n in range(1000)])[:-20])
    with pytest.raises(UnreadableFile, match="not whole JSON"):
        bring(path)
    assert not Prompt.objects.exists()


def test_ids_can_be_kept_and_the_policy_named(bring, tmp_path):
    bring(lines(tmp_path / "a.jsonl", GOOD), "--keep-annotator-ids", "--policy", "mine", "--policy-kind", "model")
    assert Annotator.objects.get().name == "w"
    assert Policy.objects.get().kind == "model"


def test_unknown_format_is_refused_and_a_project_made_for_it_goes(db, tmp_path):
    path = lines(tmp_path / "a.jsonl", {"mood": 1})
    with pytest.raises(UnreadableFile, match="Cannot tell the format"):
        call_command("import_data", str(path), "--project", "new", "--create")
    assert not Project.objects.exists()


@pytest.mark.parametrize(
    ("record", "step"),
    [
        (GOOD, "export_release --project p"),
        ({"prompt": "?", "responses": ["a", "b"]}, "create_tasks --project p --responses 2"),
        ({"instruction": "?", "output": "a"}, "export_release --project p --contents demonstrations"),
        ({"prompt": "?"}, "sample --project p"),
    ],
)
def test_the_next_step_is_named(bring, tmp_path, record, step):
    _, printed = bring(lines(tmp_path / "a.jsonl", record))
    assert f"Next: manage.py {step}" in printed


def test_answers_in_columns_come_in_and_the_report_names_what_tasks_do_not_keep(bring, tmp_path):
    table = tmp_path / "answers.csv"
    table.write_text("prompt,response_a,response_b,source,date\nWhy?,So.,[1],web,\nHow?,a,b,web,May\n")
    counts, printed = bring(table)
    assert (counts["prompts"], counts["responses"]) == ((2, 0), (4, 0))
    assert "Not kept, for rows that come without judgements have no metadata: source, date" in printed
    assert sorted(Response.objects.values_list("text", flat=True)) == ["So.", "[1]", "a", "b"]


def test_gold_that_nobody_meets_is_told_of(bring, project, tmp_path):
    gold = {"prompt": "2 + 2?", "responses": ["4", "5"], "purpose": "gold", "known": {"ranking": [[0], [1]]}}
    file = lines(tmp_path / "gold.jsonl", gold)
    assert "1 gold task is shown to nobody while the gold rate is 0" in bring(file)[1]
    Project.objects.update(gold_rate=0.1)
    project.refresh_from_db()
    assert "shown to nobody" not in bring(file)[1]


def test_the_report_names_what_tasks_keep_as_metadata(bring, tmp_path):
    many = {f"field {n}": n for n in range(30)}
    _, printed = bring(lines(tmp_path / "a.jsonl", GOOD | {"metadata": {"source": "web"}}))
    assert "Kept as metadata of the tasks: source\n" in printed
    _, printed = bring(lines(tmp_path / "b.jsonl", GOOD | {"prompt": "!", "metadata": {"x" * 90: 1} | many}))
    assert f"Kept as metadata of the tasks: {'x' * 60}…, field 0, " in printed
    assert "field 18" in printed
    assert "field 19" not in printed


@pytest.mark.django_db
def test_a_file_of_which_nothing_can_be_kept_is_an_error(tmp_path):
    file = tmp_path / "numbers.jsonl"
    file.write_text('{"prompt": 1}\n{"prompt": NaN}\n')
    with pytest.raises(UnreadableFile, match="None of the 2 rows"):
        call_command("import_data", str(file), "--project", "new", "--create", "--format", "native")
    assert not Project.objects.filter(slug="new").exists()
    rejected = (tmp_path / "numbers.jsonl.rejects.jsonl").read_text().splitlines()
    assert [json.loads(line, parse_constant=pytest.fail)["line"] for line in rejected] == [1, 2]
