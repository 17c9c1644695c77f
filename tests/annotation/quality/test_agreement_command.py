"""Figures that can be worked out by hand, through the site's own import and its `agreement` command."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from annotation.exceptions import NotFound
from annotation.models import Measurement, Project
from tests.factories import ProjectFactory

pytestmark = pytest.mark.django_db
FIRST, SECOND = [[0], [1]], [[1], [0]]
# Of 20 pairs ann calls the first better 11 times, ben 10 times; on 15 they agree.
SAID = [(FIRST, FIRST)] * 8 + [(SECOND, SECOND)] * 7 + [(FIRST, SECOND)] * 3 + [(SECOND, FIRST)] * 2


def row(number: int, judgements: dict[str, Any], **fields: Any) -> dict[str, Any]:
    said = [{"annotator": name, **what} for name, what in judgements.items()]
    texts = [{"text": f"one {number}", "policy": "p"}, {"text": f"the other {number}", "policy": "q"}]
    return {"id": str(number), "prompt": f"Question {number}?", "responses": texts, "judgements": said, **fields}


@pytest.fixture
def imported(tmp_path: Path):  # type: ignore[no-untyped-def]
    def imported(rows: list[dict[str, Any]]) -> None:
        path = tmp_path / "rows.jsonl"
        path.write_text("".join(json.dumps(item) + "\n" for item in rows))
        options = {"project": "qa", "create": True, "keep_annotator_ids": True}
        call_command("import_data", path, stdout=StringIO(), **options)

    return imported


def figures(*options: str) -> dict[str, Any]:
    out = StringIO()
    call_command("agreement", "--project", "qa", "--json", *options, stdout=out)
    return dict(json.loads(out.getvalue()))


def text(*options: str) -> str:
    out = StringIO()
    call_command("agreement", "--project", "qa", *options, stdout=out, stderr=StringIO())
    return out.getvalue()


@pytest.fixture
def two_people(imported):  # type: ignore[no-untyped-def]
    imported([row(i, {"ann": {"ranking": a}, "ben": {"ranking": b}}) for i, (a, b) in enumerate(SAID)])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("pairs", 15 / 20),
        ("unanimous", 15 / 20),
        ("top_1", 15 / 20),
        ("tau_b", (15 - 5) / 20),
        ("fleiss", (0.75 - (21**2 + 19**2) / 40**2) / (1 - (21**2 + 19**2) / 40**2)),
        ("alpha", 1 - 10 / (40 * 20 / 39)),
    ],
)
def test_agreement_of_two_people(two_people, name, expected):
    figure = figures()["agreement"][name]

    assert figure["value"] == pytest.approx(expected)
    assert figure["low"] < expected < figure["high"]


def test_kappa_of_two_people(two_people):
    """(0.75 - 0.5) / (1 - 0.5), for by their habits they would agree on half."""
    (kappa,) = figures()["agreement"]["cohen"]

    assert (kappa["a"], kappa["b"], kappa["n"]) == ("ann", "ben", 20)
    assert kappa["value"] == pytest.approx(0.5)


def test_a_tie_is_half_an_agreement_or_none(imported):
    imported([row(i, {"ann": {"ranking": FIRST}, "ben": {"ranking": [[0, 1]]}}) for i in range(20)])

    agreement = figures()["agreement"]
    assert (agreement["pairs"]["value"], agreement["exact"]["value"]) == (0.5, 0)
    assert agreement["strict"]["value"] is None


def test_alpha_of_ratings(imported):
    """Half of the 40 answers got 1 and 1, half 1 and 3. Nominal: of 80 values 60 are 1; 40 coincidences differ, of
    60 · 20 · 2 / 79 by chance."""
    said = {name: {"ranking": [], "ratings": {"care": care}} for name, care in (("ann", [1, 1]), ("ben", [1, 3]))}
    imported([row(i, said) for i in range(20)])

    alphas = figures()["ratings"]["care"]
    expected = 1 - 40 / (2 * 60 * 20 / 79)
    assert [alphas[level]["value"] for level in ("nominal", "ordinal", "interval")] == pytest.approx([expected] * 3)


def test_known_answers_and_repeats(imported):
    """Of 10 known pairs ann gets 8; of 6 asked again she says 5 the same."""
    known = {"purpose": "gold", "known": {"ranking": FIRST}}
    gold = [row(i, {"ann": {"ranking": SECOND if i < 2 else FIRST}}, **known) for i in range(10)]
    asked = [row(20 + i, {"ann": {"ranking": FIRST}}) for i in range(6)]
    imported([*gold, *asked])
    project = Project.objects.get(slug="qa")
    for i, first in enumerate(project.tasks.filter(key__in=[str(20 + i) for i in range(6)]).order_by("key")):
        again = project.tasks.create(prompt=first.prompt, key=f"again {i}", purpose="repeat", repeats=first)
        again.judgements.create(
            annotator=first.judgements.get().annotator, uid=f"a{i}", ranking=SECOND if i == 0 else FIRST
        )

    found = figures()
    assert (found["known"]["value"], found["known"]["n"]) == (0.8, 10)
    assert (found["repeats"]["value"], found["repeats"]["n"]) == (pytest.approx(5 / 6), 6)


def test_best_and_worst_of_each_response(imported):
    rankings = [[[0], [2], [1]], [[0], [1, 2]], [[1], [0], [2]], [[0, 1, 2]]]
    responses = [{"text": name} for name in "xyz"]
    said = [{"annotator": f"a{i}", "ranking": ranking} for i, ranking in enumerate(rankings)]
    imported([{"prompt": "Which?", "responses": responses, "judgements": said}])

    scores = {response["text"]: response["best_worst"] for response in figures("--responses")["responses"]}
    assert scores == {"x": 2 / 4, "y": (1 - 1) / 4, "z": -1 / 4}


def test_labels_against_a_field_that_names_the_best(imported):
    """Of 12 the majority is right on 9 and even on 2."""
    won = [(FIRST, FIRST, FIRST)] * 9 + [(SECOND, SECOND, FIRST)]
    rows = [
        row(i, {name: {"ranking": said} for name, said in zip("abc", rankings, strict=True)})
        for i, rankings in enumerate(won)
    ]
    rows += [row(20 + i, {"a": {"ranking": FIRST}, "b": {"ranking": SECOND}}) for i in range(2)]
    imported([item | {"metadata": {"gold": "left"}} for item in rows])

    majority = figures("--known", "gold=left,right")["against_known"]["majority"]
    assert (majority["value"], majority["n"]) == (pytest.approx((9 + 2 / 2) / 12), 12)


def test_the_terminal_says_what_matters_and_what_comes_next(two_people):
    said = text()

    assert said.startswith("40 judgements of 20 tasks by 2 annotators, 0 places")
    assert "agreement on pairs                 75.0% (" in said
    assert said.splitlines()[-1] == "Next: manage.py export_release --project qa --labels consensus"


def test_a_small_sample_says_not_enough(imported):
    imported([row(0, {"ann": {"ranking": FIRST}, "ben": {"ranking": FIRST}})])

    assert "agreement on pairs                 not enough: 1 of the 10 tasks that a number needs" in text()


def test_the_figures_are_kept_for_the_pages(two_people):
    found = figures()

    assert Measurement.objects.get().content["agreement"] == found["agreement"]


def test_only_the_voices_that_were_asked_for_are_measured(imported):
    imported([row(i, {"sim": {"ranking": FIRST, "source": "simulated"}}) for i in range(3)])

    assert figures()["progress"]["judgements"] == 0
    assert figures("--voices", "simulated")["progress"]["judgements"] == 3


def test_an_unknown_project_is_one_sentence():
    ProjectFactory(slug="other")
    with pytest.raises(NotFound, match=r"There is no project 'qa'\. There are: other\."):
        figures()


def test_a_field_that_no_task_has_is_one_sentence(two_people):
    with pytest.raises(NotFound, match="No judged task has left, right in 'gold' of its metadata"):
        figures("--known", "gold=left,right")


def test_a_field_without_values_is_refused(two_people):
    with pytest.raises(CommandError, match="gold: expected a field and what it says for each position"):
        figures("--known", "gold")
