"""What is kept of a project's figures: its content, and a row for each annotator and each task worth asking about."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from django.utils import timezone

from annotation.actions.quality.measuring import measure
from annotation.actions.quality.progress import forecast
from annotation.models import Guideline, Judgement, Seat, Skip, Task
from tests.annotation.released import judge, judged
from tests.factories import ProjectFactory

pytestmark = pytest.mark.django_db
FIRST, SECOND = [[0], [1]], [[1], [0]]
MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.fixture
def project():  # type: ignore[no-untyped-def]
    return ProjectFactory(slug="qa")


def pairs(project, rankings: dict[str, list], *, start: int = 0, **judgement) -> None:  # type: ignore[no-untyped-def, type-arg]
    """A task for each place of the lists: what each person said of it, None for nothing."""
    for number, said in enumerate(zip(*rankings.values(), strict=True), start=start):
        task = judged(project, key=f"t{number:03}", ranking=[], annotators=(), texts=("one", "longer"))
        for name, ranking in zip(rankings, said, strict=True):
            if ranking is not None:
                judge(task, by=name, ranking=ranking, **judgement)


def content(project, **options) -> dict:  # type: ignore[no-untyped-def, type-arg]
    return dict(measure(project, **options).content)


def person(project, name: str) -> dict:  # type: ignore[no-untyped-def, type-arg]
    return dict(measure(project).annotators.get(annotator__name=name).content)


def test_progress_counts_tasks_judgements_people_and_places(project):
    pairs(project, {"ann": [FIRST] * 3, "ben": [FIRST] * 3})
    judged(project, key="waits", ranking=FIRST, annotators=(), task={"overlap": 2})
    judged(project, key="gone", ranking=FIRST, annotators=(), task={"state": "withdrawn"})

    progress = content(project)["progress"]
    assert progress["tasks"] == {"open": 4, "done": 0, "withdrawn": 1}
    assert (progress["judgements"], progress["annotators"], progress["left"]) == (6, 2, 3 + 2)


def test_open_questions_are_the_done_tasks_that_are_not_sure(project):
    pairs(project, {"ann": [FIRST] * 3, "ben": [SECOND] * 3})
    assert content(project)["open_questions"] == {"tasks": 0, "sureness": 0.95}
    Task.objects.filter(key__in=("t000", "t001")).update(state="done")
    assert content(project)["open_questions"]["tasks"] == 2


def test_days_are_counted(project):
    pairs(project, {"ann": [FIRST] * 2}, at=MONDAY)
    pairs(project, {"ann": [FIRST]}, start=2, at=MONDAY + timedelta(days=1))

    assert content(project)["progress"]["per_day"] == [{"day": "2026-03-02", "n": 2}, {"day": "2026-03-03", "n": 1}]


def test_a_project_at_an_even_pace_has_a_day_on_which_it_ends(project):
    """Ten a day for two weeks, and 50 to go: five days."""
    now = datetime(2026, 3, 20, 12, tzinfo=UTC)
    at = np.array([(now - timedelta(days=day, hours=1)).timestamp() for day in range(14) for _ in range(10)])

    found = forecast(at, left=50, state="active", now=now)
    assert (found["ends"], found["earliest"], found["latest"]) == ("2026-03-25", "2026-03-25", "2026-03-25")
    assert found["per_day"] == 10


@pytest.mark.parametrize(
    ("left", "state", "why"),
    [
        (0, "active", "nothing is left"),
        (5, "paused", "the project rests"),
        (5, "active", "nobody judged anything in the last 14 days"),
    ],
)
def test_without_a_pace_there_is_no_day(left, state, why):
    found = forecast(np.array([0.0]), left=left, state=state, now=timezone.now())
    assert found["ends"] is None
    assert why in found["missing"]


def test_a_young_project_goes_on_at_the_pace_of_its_own_days():
    now = datetime(2026, 3, 20, 12, tzinfo=UTC)
    at = np.array([(now - timedelta(days=day, hours=1)).timestamp() for day in range(2) for _ in range(10)])

    assert forecast(at, left=50, state="active", now=now)["per_day"] == 10


def test_a_pace_of_one_day_has_an_interval():
    now = datetime(2026, 3, 20, 12, tzinfo=UTC)

    found = forecast(np.full(16, now.timestamp() - 60), left=160, state="active", now=now)

    assert found["earliest"] < found["ends"] < found["latest"]


def test_hours_of_known_answers_are_work_as_well(project):
    pairs(project, {"ann": [FIRST]}, seconds=60)
    task = judged(project, key="g", ranking=[], annotators=(), task={"purpose": "gold"}, texts=("one", "two"))
    judge(task, by="ann", ranking=FIRST, seconds=30)

    assert content(project)["hours"]["hours"] == pytest.approx(90 / 3600)


def test_hours_of_work_count_a_tab_left_open_no_longer_than_its_lease(project):
    for number, seconds in enumerate((60, 60, 36_000, None)):
        pairs(project, {"ann": [FIRST]}, start=number, seconds=seconds)

    hours = content(project)["hours"]
    assert hours["timed"] == 3
    assert hours["hours"] == pytest.approx((60 + 60 + 30 * 60) / 3600)
    assert hours["estimated"] == pytest.approx((60 + 60 + 30 * 60) * 4 / 3 / 3600)


def test_agreement_over_time_goes_by_weeks(project):
    pairs(project, {"ann": [FIRST] * 10, "ben": [FIRST] * 10}, at=MONDAY)
    pairs(project, {"ann": [FIRST] * 10, "ben": [SECOND] * 10}, start=10, at=MONDAY + timedelta(days=7))

    weeks = content(project)["agreement"]["over_time"]
    assert [(week["from"], week["to"], week["value"]) for week in weeks] == [
        ("2026-03-02", "2026-03-09", 1),
        ("2026-03-09", "2026-03-16", 0),
    ]


def test_a_long_project_goes_by_months(project):
    for number, month in enumerate((1, 12)):
        pairs(project, {"ann": [FIRST]}, start=number, at=datetime(2026, month, 5, tzinfo=UTC))

    months = [period["from"] for period in content(project)["agreement"]["over_time"]]
    assert months == ["2026-01-01", "2026-12-01"]


def test_versions_of_the_guidelines_stand_beside_each_other(project):
    for number in (1, 2):
        Guideline.objects.create(project=project, number=number, text="…")
    pairs(project, {"ann": [FIRST] * 10, "ben": [SECOND] * 10}, guideline_version=1, seconds=10)
    pairs(project, {"ann": [FIRST] * 10, "ben": [FIRST] * 10}, start=10, guideline_version=2, seconds=20)

    versions = content(project)["guidelines"]
    assert [
        (one["version"], one["judgements"], one["pairs"]["value"], one["seconds"]["median"]) for one in versions
    ] == [
        (1, 20, 0, 10),
        (2, 20, 1, 20),
    ]


def test_tags_are_slices(project):
    for number in range(10):
        task = judged(
            project, key=f"t{number}", ranking=FIRST, texts=("a", "b"), annotators=("ann",), task={"tags": ["lamp"]}
        )
        judge(task, by="ben", ranking=FIRST if number else SECOND)

    (tag,) = content(project)["slices"]
    assert (tag["tag"], tag["judgements"], tag["tasks"], tag["pairs"]["value"]) == ("lamp", 20, 10, 0.9)


def test_policies_are_ranked_with_the_best_first(project):
    for number in range(20):
        judged(
            project, key=f"t{number}", ranking=FIRST if number < 15 else SECOND, texts=("a", "b"), policies=("p", "q")
        )

    policies = content(project)["policies"]
    assert [(one["name"], one["win_rate"]["value"]) for one in policies["ranked"]] == [("p", 0.75), ("q", 0.25)]
    (beaten,) = policies["beats"]
    assert (beaten["a"], beaten["b"], beaten["value"], beaten["n"]) == ("p", "q", 0.75, 20)


def test_one_policy_has_no_rank(project):
    judged(project, key="t", ranking=FIRST, texts=("a", "b"), policies=("p", "p"))

    assert content(project)["policies"]["missing"] == "no answers of two policies were compared"


def test_policies_that_never_met_have_win_rates_and_no_strength(project):
    for number, names in enumerate([("p", "q")] * 10 + [("r", "s")] * 10):
        judged(project, key=f"t{number}", ranking=FIRST, texts=("a", "b"), policies=names)

    policies = content(project)["policies"]
    assert "never compared with the others" in policies["missing"]
    assert {one["name"]: one["win_rate"]["value"] for one in policies["ranked"]} == {"p": 1, "q": 0, "r": 1, "s": 0}


def test_ratings_that_go_with_the_ranking_say_so(project):
    for number in range(12):
        ratings = {"care": [5, 1] if number < 9 else [1, 5]}
        judged(project, key=f"t{number}", ranking=FIRST, texts=("a", "b"), ratings=ratings)

    assert content(project)["rubric"]["care"]["value"] == 0.75


def test_the_first_place_wins_more_often_than_it_should(project):
    for number in range(20):
        shown = [0, 1] if number < 15 else [1, 0]
        judged(project, key=f"t{number}", ranking=FIRST, texts=("a", "b"), shown=shown)

    bias = content(project)["bias"]
    assert bias["position"]["value"] == 0.75
    assert [(one["place"], one["value"]) for one in bias["by_place"]] == [(1, 0.75), (2, 0.25)]


def test_circles_are_counted(project):
    """a over b, b over c, c over a; ten times, and ten times none."""
    messages = [{"role": "user", "content": "Which?"}]
    for name in [f"p{i:02}" for i in range(20)]:
        for texts, won in ((("a", "b"), FIRST), (("b", "c"), FIRST), (("a", "c"), SECOND if name < "p10" else FIRST)):
            names = tuple(f"policy {text}" for text in texts)
            judged(
                project,
                key=f"{name} {texts}",
                ranking=won,
                texts=texts,
                policies=names,
                messages=messages,
                annotators=(name,),
            )

    circles = content(project)["transitivity"]
    assert (circles["value"], circles["n"]) == (0.5, 20)


def test_the_verdict_stands_on_agreement(project):
    pairs(project, {"ann": [FIRST, SECOND] * 40, "ben": [FIRST, SECOND] * 40})

    assert content(project)["verdict"] == {"code": "good", "reasons": [], "criteria": {}}


def test_each_annotator_has_a_row(project):
    pairs(project, {"ann": [FIRST] * 12, "ben": [FIRST] * 9 + [SECOND] * 3}, at=MONDAY, seconds=10)
    Skip.objects.create(task=judged(project, key="x", ranking=[], annotators=()), annotator=annotator("ann"))

    found = person(project, "ann")
    assert (found["judgements"], found["skips"]) == (12, 1)
    assert found["first"] == found["last"] == "2026-03-02T09:00:00+00:00"
    pace = found["pace"]
    assert (pace["median"], pace["low"], pace["high"], pace["n"]) == (10, 10, 10, 12)
    assert found["agreement"]["value"] == 0.75


def annotator(name: str):  # type: ignore[no-untyped-def]
    return Judgement.objects.filter(annotator__name=name).first().annotator


def test_who_has_said_little_gets_no_suggestion(project):
    pairs(project, {"ann": [FIRST] * 12, "ben": [FIRST] * 12})

    assert person(project, "ann")["suggestion"] == {"code": "more_data", "reasons": []}


def test_who_says_the_opposite_of_all_is_to_be_paused(project):
    others = {name: [FIRST, SECOND] * 20 for name in ("ann", "ben", "cay")}
    pairs(project, {**others, "eve": [SECOND, FIRST] * 20})

    found = measure(project).annotators.get(annotator__name="eve")
    assert found.suggestion == "pause"
    assert "against" in found.content["suggestion"]["reasons"]
    assert found.reliability < 0.5


def test_what_somebody_does_now_stands_beside_what_they_did(project):
    pairs(project, {"ann": [FIRST] * 60, "ben": [FIRST] * 60}, seconds=30)
    pairs(project, {"ann": [FIRST] * 50, "ben": [SECOND] * 50}, start=60, seconds=5)

    found = person(project, "ben")
    assert (found["recent"]["agreement"]["value"], found["recent"]["pace"]["median"]) == (0, 5)
    assert (found["before"]["agreement"]["value"], found["before"]["pace"]["median"]) == (1, 30)


def test_a_seat_without_a_judgement_has_no_row(project):
    pairs(project, {"ann": [FIRST]})
    Seat.objects.create(
        project=project, annotator=judge(Judgement.objects.first().task, by="new", ranking=[]).annotator
    )
    Judgement.objects.filter(annotator__name="new").delete()

    assert [row.annotator.name for row in measure(project).annotators.all()] == ["ann"]


def test_tasks_stand_by_what_one_more_vote_would_tell(project):
    said = {"ann": [FIRST] * 10 + [FIRST], "ben": [FIRST] * 10 + [SECOND], "cay": [FIRST] * 10 + [None]}
    pairs(project, said)

    tasks = measure(project).tasks.select_related("task").order_by("-information")
    first, last = tasks[0], tasks[10]
    assert (first.task.key, first.votes, first.disagreement) == ("t010", 2, 1)
    assert (last.votes, last.disagreement) == (3, 0)
    assert first.information > last.information
    assert first.sureness < last.sureness


def test_a_task_says_its_consensus_its_prompt_and_its_tags(project):
    for number in range(12):
        messages = [{"role": "user", "content": f"{number} " + "x" * 200}]
        tags = {"tags": ["lamp", "de"]}
        judged(
            project,
            key=f"t{number}",
            ranking=[[1], [0], [2]],
            messages=messages,
            annotators=("ann", "ben"),
            task=tags,
        )

    found = measure(project).tasks.order_by("task")[0]
    assert found.content["ranking"] == [[1], [0], [2]]
    assert found.content["prompt"] == ("0 " + "x" * 200)[:160]
    assert found.tags == "\nlamp\nde\n"
    assert [(pair["a"], pair["b"]) for pair in found.content["pairs"]] == [(0, 1), (0, 2), (1, 2)]
    for pair in found.content["pairs"]:
        assert pair["first"] + pair["tie"] + pair["second"] == pytest.approx(1, abs=2e-4)


def test_nobody_is_asked_more_about_a_withdrawn_task(project):
    pairs(project, {"ann": [FIRST] * 3, "ben": [FIRST] * 3})
    project.tasks.filter(key="t001").update(state="withdrawn")

    keys = [found.task.key for found in measure(project).tasks.select_related("task").order_by("task")]
    assert keys == ["t000", "t002"]


def test_measuring_twice_gives_the_same(project):
    pairs(project, {"ann": [FIRST, SECOND] * 10, "ben": [FIRST] * 20})

    assert content(project) == content(project)


def test_the_number_of_questions_does_not_grow_with_the_project(project, django_assert_max_num_queries):
    pairs(project, {"ann": [FIRST] * 30, "ben": [FIRST] * 30})

    with django_assert_max_num_queries(45):
        measure(project)


def test_the_last_judgements_are_those_given_last(project):
    """Whatever the order in which an import brought them."""
    pairs(project, {"ann": [SECOND] * 50, "ben": [FIRST] * 50}, at=MONDAY + timedelta(days=9))
    pairs(project, {"ann": [FIRST] * 50, "ben": [FIRST] * 50}, start=50, at=MONDAY)

    found = person(project, "ann")
    assert (found["recent"]["agreement"]["value"], found["before"]["agreement"]["value"]) == (0, 1)


def test_known_answers_are_of_the_time_that_the_last_judgements_are_of(project):
    pairs(project, {"ann": [FIRST] * 50}, at=MONDAY + timedelta(days=9))
    known = {"purpose": "gold", "known": {"ranking": FIRST, "explanation": ""}}
    for number in range(10):
        task = judged(project, key=f"g{number}", ranking=[], annotators=(), task=known, texts=("one", "two"))
        judge(task, by="ann", ranking=FIRST, at=MONDAY)

    found = person(project, "ann")
    assert (found["recent"]["known"]["value"], found["before"]["known"]["value"]) == (None, 1)


def test_policies_that_hardly_met_have_no_place(project):
    pairs(project, {"ann": [FIRST], "ben": [FIRST], "cay": [FIRST]})

    assert {one["places"] for one in content(project)["policies"]["ranked"]} == {None}


@pytest.mark.parametrize(
    ("disagree", "verdict"),
    [
        (6, {"code": "good", "reasons": [], "criteria": {"clarity": "good", "tone": "good"}}),
        (2, {"code": "fair", "reasons": ["ratings_low"], "criteria": {"clarity": "good", "tone": "poor"}}),
    ],
)
def test_ratings_alone_have_a_verdict_by_criterion(project, disagree, verdict):
    """Every sixth or every other task is rated the other way round by tone."""
    for number in range(60):
        task = judged(project, key=f"r{number}", ranking=[], annotators=(), texts=("one", "two"))
        said = [5, 1] if number % 3 else [2, 4]
        turned = said[::-1] if number % disagree == 0 else said
        judge(task, by="ann", ranking=[], ratings={"clarity": said, "tone": said})
        judge(task, by="ben", ranking=[], ratings={"clarity": said, "tone": turned})

    assert content(project)["verdict"] == verdict


def test_few_ratings_have_no_verdict(project):
    task = judged(project, key="r", ranking=[], annotators=(), texts=("one", "two"))
    judge(task, by="ann", ranking=[], ratings={"clarity": [4, 2]})

    assert content(project)["verdict"] == {
        "code": "unknown",
        "reasons": ["few_tasks"],
        "criteria": {"clarity": "unknown"},
    }
