"""Figures that others have published, out of the site's own import and its `agreement` command.

Each data set is imported once for this module, and taken back; what was measured of it stays.
"""

import csv
import gzip
import json
import re
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import transaction

pytestmark = pytest.mark.django_db
MAPPINGS = Path(__file__).resolve().parents[3] / "docs" / "mappings"
Json = dict[str, Any]


class Undone(Exception):
    """Takes an import back."""


@pytest.fixture(scope="module")
def figures():  # type: ignore[no-untyped-def]
    """The figures of an imported file."""
    known: dict[Path, Json] = {}

    def figures(path: Path, *, mapping: str = "", options: tuple[str, ...] = ()) -> Json:
        if path not in known:
            try:
                with transaction.atomic():
                    known[path] = measured(path, mapping=mapping, options=options)
                    raise Undone
            except Undone:
                pass
        return known[path]

    return figures


def measured(path: Path, *, mapping: str, options: tuple[str, ...]) -> Json:
    out = StringIO()
    report = StringIO()
    how = {"mapping": MAPPINGS / mapping} if mapping else {}
    call_command("import_data", path, project="set", create=True, stdout=report, **how)
    call_command("agreement", "--project", "set", "--json", *options, stdout=out)
    return dict(json.loads(out.getvalue())) | {"report": report.getvalue()}


def value(figure: Json, digits: int) -> float:
    """Within its interval, rounded as it was published."""
    assert figure["low"] <= figure["value"] <= figure["high"]
    return round(figure["value"], digits)


def test_pandalm_has_its_authors_kappas(figures, shared_data):
    found = figures(shared_data / "native" / "pandalm.jsonl.gz")

    kappas = [value(two, 3) for two in found["agreement"]["cohen"]]
    assert sorted(kappas) == [0.852, 0.862, 0.879]


def test_pandalm_has_its_fleiss_kappa_and_its_unanimous_pairs(figures, shared_data):
    found = figures(shared_data / "native" / "pandalm.jsonl.gz")["agreement"]

    assert (value(found["fleiss"], 3), value(found["unanimous"], 3)) == (0.864, 0.880)


def test_pandalm_comes_to_the_same_through_its_mapping(figures, shared_data):
    native = figures(shared_data / "native" / "pandalm.jsonl.gz")
    mapped = figures(shared_data / "pandalm" / "testset-v1.json.gz", mapping="pandalm.toml")

    for name in ("pairs", "strict", "unanimous", "fleiss", "alpha"):
        assert mapped["agreement"][name] == native["agreement"][name]


def test_dices_has_the_alpha_of_judge_bench(figures, shared_data):
    found = figures(shared_data / "judge-bench" / "dices_350_crowdsourced.json", mapping="dices.toml")

    assert found["progress"]["judgements"] == 43_050
    assert value(found["ratings"]["safety"]["nominal"], 5) == 0.16086


def test_people_whom_a_data_set_does_not_name_are_no_annotators(figures, shared_data):
    found = figures(shared_data / "judge-bench" / "dices_350_crowdsourced.json", mapping="dices.toml")

    assert found["annotators"] == found["matrix"]["annotators"] == []
    assert found["reliability"]["missing"] == "the imported judgements do not name their people"


def test_newsroom_has_the_alphas_of_judge_bench(figures, shared_data):
    """And is no ground for training by any criterion but the first, and that with care."""
    found = figures(shared_data / "judge-bench" / "newsroom.json.gz", mapping="newsroom.toml")

    assert {name: value(levels["ordinal"], 5) for name, levels in found["ratings"].items()} == {
        "Informativeness": 0.28487,
        "Relevance": 0.11512,
        "Fluency": -0.01581,
        "Coherence": 0.06497,
    }
    poor = dict.fromkeys(("Relevance", "Fluency", "Coherence"), "poor")
    assert found["verdict"]["criteria"] == {"Informativeness": "fair", **poor}
    assert (found["verdict"]["code"], found["verdict"]["reasons"]) == ("fair", ["ratings_low"])


def test_squality_has_the_alphas_of_its_ratings_and_ranks(figures, shared_data):
    found = figures(shared_data / "squality" / "all-responses.jsonl.gz", mapping="squality.toml")

    alphas = {name: value(levels["interval"], 3) for name, levels in found["ratings"].items()}
    assert alphas == {"overall": 0.798, "coverage": 0.781, "correctness": 0.459}
    assert value(found["ranks_alpha"], 3) == 0.797


def test_ruddit_has_the_scores_of_its_comments(figures, shared_data, tmp_path):
    """Of a hundred comments, by all that was said of them; tests/annotation/stats has all 6,000, not imported."""
    with (shared_data / "ruddit" / "Ruddit.csv").open() as file:
        published = {row["comment_id"]: float(row["offensiveness_score"]) for row in csv.DictReader(file)}
    chosen = dict(list(published.items())[:100])
    path = tmp_path / "ruddit.csv"
    with gzip.open(shared_data / "ruddit" / "Ruddit_individual_annotations.csv.gz", "rt") as said:
        header, *rows = said
    about = [row for row in rows if not chosen.keys().isdisjoint(row.rstrip().split(","))]
    path.write_text(header + "".join(about))

    found = figures(path, mapping="ruddit.toml", options=("--responses",))

    scores = {response["text"]: response["best_worst"] for response in found["responses"]}
    apart = {name: scores[name] for name, score in chosen.items() if abs(scores[name] - score) > 0.0005001}
    assert apart == {}


def test_ukpconvarg_has_its_numbers_and_the_labels_of_its_authors(figures, shared_data, tmp_path):
    """Of the majority what its authors' gold labels allow; of the others what `bench_reliability` has measured."""
    path = tmp_path / "ukpconvarg.jsonl.gz"  # rejected rows are written beside it
    path.symlink_to(shared_data / "native" / "ukpconvarg.jsonl.gz")

    ukpconvarg = figures(path, options=("--known", "gold=a1,a2"))

    table = re.findall(r"^([a-z ]+?)\s+([\d,]+)\s+0$", ukpconvarg["report"], re.MULTILINE)
    assert {kind: int(added.replace(",", "")) for kind, added in table} == {
        "prompts": 28,
        "responses": 909,
        "tasks": 14_844,
        "judgements": 74_056,
        "strict comparisons": 57_221,
        "ties": 16_835,
    }
    assert "14 rejected" in ukpconvarg["report"]
    found = ukpconvarg["against_known"]
    assert {method: value(figure, 4) for method, figure in found.items()} == {
        "majority": 0.9531,
        "dawid-skene": 0.9698,
        "mace": 0.9760,
    }
