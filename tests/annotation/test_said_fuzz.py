"""Every field of the desk's form, sent as it should never come: a sentence and nothing half-saved, or a judgement."""

import json
import re
from typing import Any

import pytest
from django.test import Client, RequestFactory
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from annotation.actions import leases
from annotation.formats.rubric import Criterion
from annotation.forms.desk_fields import rating_name
from annotation.forms.judgements import JudgementForm
from annotation.models import Annotator, Comparison, Draft, Guideline, Judgement, Membership, Project, Slot, Task
from tests.annotation.test_leases import member_of, run_out
from tests.factories import ProjectFactory, TaskFactory

pytestmark = pytest.mark.django_db

EVERYTHING = {
    "acceptability_asked": True,
    "reason_asked": "required",
    "highlights_asked": True,
    "edit_asked": True,
    "acknowledgement_asked": False,
    "criteria": [{"name": "tone", "scale": 5}, {"name": "length", "scale": 20, "required": False}],
}
TONE, LENGTH = Criterion(name="tone", scale=5), Criterion(name="length", scale=20)
SIZES = (0, 1, 2, 3)
FIELDS = [
    *("submission_key", "shown", "seconds", "revises", "preference", "line", "reason", "spans", "edit_of", "edited"),
    *("written", "flag_prompt", "rank_A", "rank_B", "rank_C", "flag_A"),
    *(rating_name(TONE, "A"), rating_name(TONE, "C"), rating_name(LENGTH, "B")),
]

spans = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "answer": st.sampled_from(["A", "C", "Z", "", 1, None, "AB"]),
            "start": st.integers(-1, 12) | st.none() | st.floats() | st.just(10**400),
            "end": st.integers(-1, 12) | st.just("3") | st.just(10**9),
            "text": st.sampled_from(["Answ", "", "x"]) | st.none() | st.integers(),
            "comment": st.sampled_from(["Why?", "\ud800", "\x00", "y" * 3000]) | st.integers(),
            "response": st.integers(),
        },
    ),
    max_size=3,
).map(json.dumps)
garbage = (
    st.text(max_size=20)
    | st.integers(-3, 30).map(str)
    | st.sampled_from(
        [
            "",
            "NaN",
            "inf",
            "1e400",
            "-0",
            "null",
            "[]",
            "{}",
            "[" * 5000,
            "A",
            "Z",
            "harmful",
            "\x00",
            "١",
            "9" * 5000,
            "x" * 1_000_000,
            "[NaN]",
            "00000000-0000-0000-0000-000000000000",
        ]
    )
)
sent = st.dictionaries(
    st.sampled_from(FIELDS),
    st.none() | garbage | st.lists(garbage, max_size=3) | spans,
    max_size=5,
)


class Desk:
    """One annotator with a leased task of `size` answers, a draft, and a browser."""

    def __init__(self, size: int, **project: Any) -> None:
        self.project = ProjectFactory(strength_asked=size == 2, **{**EVERYTHING, **project})
        self.annotator: Annotator = member_of(self.project)
        self.client = Client(raise_request_exception=False)
        self.client.force_login(self.annotator.user)
        self.size = size
        self.lease()

    def lease(self) -> None:
        TaskFactory(project=self.project, size=self.size)
        self.slot = leases.claim(self.project, by=self.annotator)
        leases.save_draft(self.slot, by=self.annotator, content={"reason": "so far"})

    def form(self) -> JudgementForm:
        texts = [item.response.text for item in self.slot.task.positions.order_by("position")]
        return JudgementForm(slot=self.slot, texts=texts, by=self.annotator)

    def whole(self) -> dict[str, Any]:
        """What a browser sends when everything is filled in as it should be."""
        form = self.form()
        data = {name: form[name].value() for name in ("submission_key", "shown")}
        for place, letter in enumerate(form.letters, 1):
            data |= {f"rank_{letter}": place, rating_name(TONE, letter): 4, f"flag_{letter}": ["broken"]}
        extra = {"preference": 2, "line": 1, "flag_prompt": ["unclear"], "reason": "Kind.", "written": "Mine."}
        return data | {name: value for name, value in extra.items() if name in form.fields}

    def post(self, data: dict[str, Any], verb: str = "submit", **headers: str) -> Any:
        return self.client.post(
            f"/projects/{self.project.slug}/slots/{self.slot.token}/{verb}/", data, headers=headers
        )


@pytest.fixture
def desk(db: None, request: pytest.FixtureRequest) -> Desk:
    return Desk(request.param)


def comparisons(size: int) -> int:
    return size * (size - 1) // 2


def sentence_of(answer: Any) -> str:
    """What the page says in words where it refuses."""
    html = answer.content.decode()
    alert = re.search(r'role="alert"[^>]*>(.*?)</', html, re.DOTALL)
    found = alert or re.search(r"<main.*?<p[^>]*>(.*?)</p>", html, re.S)
    return re.sub(r"<[^>]+>|\s+", " ", found.group(1)).strip() if found else ""


@pytest.mark.parametrize("size", SIZES)
def test_the_whole_form_is_one_judgement(size):
    desk = Desk(size)

    answer = desk.post(desk.whole())

    assert (answer.status_code, sentence_of(answer)) == (302, "")
    assert (Judgement.objects.count(), Comparison.objects.count()) == (1, comparisons(size))


@pytest.mark.parametrize("desk", SIZES, indirect=True)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changed=sent)
def test_whatever_comes_is_refused_whole_or_taken_whole(desk, changed):
    data = {name: value for name, value in {**desk.whole(), **changed}.items() if value is not None}

    answer = desk.post(data)

    slot, made = Slot.objects.get(pk=desk.slot.pk), Judgement.objects.filter(task=desk.slot.task)
    counted = Comparison.objects.filter(judgement__in=made).count()
    if answer.status_code == 302:
        assert (slot.state, made.count(), counted) == (Slot.State.FILLED, 1, comparisons(desk.size))
        assert Task.objects.get(pk=slot.task_id).filled == 1
        desk.lease()
        return
    assert answer.status_code in (400, 404, 409), answer.status_code
    assert sentence_of(answer)
    assert (slot.state, made.count(), counted) == (Slot.State.LEASED, 0, 0)
    assert Draft.objects.filter(task=slot.task, annotator=desk.annotator).exists()


@pytest.mark.parametrize("desk", [3], indirect=True)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changed=sent)
def test_whatever_is_drafted_is_kept_or_refused_with_a_sentence_and_can_be_shown_again(desk, changed):
    data = {name: value for name, value in {**desk.whole(), **changed}.items() if value is not None}

    before = {"reason": "so far"}
    Draft.objects.update(content=before)

    saved = desk.post(data, "draft", **{"HX-Request": "true"})
    shown = desk.client.get(f"/projects/{desk.project.slug}/slots/{desk.slot.token}/")

    kept = Draft.objects.get(task=desk.slot.task, annotator=desk.annotator).content
    assert shown.status_code == 200
    if saved.status_code == 204:
        assert kept == drafted_of(desk, data)
        return
    assert saved.status_code in (400, 404, 409), saved.status_code
    assert sentence_of(saved)
    assert kept == before


def drafted_of(desk: Desk, data: dict[str, Any]) -> dict[str, Any]:
    """What the form makes of it, as the database gives it back."""
    request = RequestFactory().post("/", data)
    form = JudgementForm(request.POST, slot=desk.slot, texts=desk.form().texts, by=desk.annotator)
    assert form.is_readable
    return json.loads(json.dumps(form.draft()))


@pytest.mark.parametrize("broken", [{"shown": ""}, {"shown": "x,y,z"}, {"submission_key": "none"}, {"revises": "x"}])
def test_a_form_that_cannot_be_read_changes_no_draft(broken):
    desk = Desk(3)

    saved = desk.post({**desk.whole(), **broken}, "draft", **{"HX-Request": "true"})

    assert saved.status_code == 400
    assert sentence_of(saved) == "This form does not belong to this task. Load the page again."
    assert Draft.objects.get().content == {"reason": "so far"}


def test_after_the_secret_key_was_changed_the_page_of_before_changes_no_draft(settings):
    desk = Desk(3)
    data = desk.whole()
    settings.SECRET_KEY = "another"  # not a secret
    desk.client.force_login(desk.annotator.user)

    saved = desk.post(data, "draft", **{"HX-Request": "true"})

    assert (saved.status_code, Draft.objects.get().content) == (400, {"reason": "so far"})


class TestTokens:
    def refused(self, desk, **changed):
        answer = desk.post({**desk.whole(), **changed})

        assert answer.status_code == 400
        assert "does not belong to this task" in answer.content.decode()
        assert not Judgement.objects.exists()
        assert Draft.objects.get(annotator=desk.annotator).content == {"reason": "so far"}

    def test_repeated_ones(self):
        desk = Desk(3)
        first = desk.whole()["shown"].split(",")[0]
        self.refused(desk, shown=",".join([first] * 3))

    @pytest.mark.parametrize("kept", [0, 2])
    def test_fewer_than_there_are_answers(self, kept):
        desk = Desk(3)
        self.refused(desk, shown=",".join(desk.whole()["shown"].split(",")[:kept]))

    def test_one_more_than_there_are_answers(self):
        desk = Desk(3)
        tokens = desk.whole()["shown"]
        self.refused(desk, shown=f"{tokens},{tokens.split(',')[0]}")

    def test_those_of_another_persons_page(self):
        self.refused(Desk(3), shown=Desk(3).whole()["shown"])

    def test_those_of_an_earlier_lease(self):
        desk = Desk(3)
        shown = desk.whole()["shown"]
        run_out(desk.slot)
        leases.claim(desk.project, by=member_of(desk.project))
        answer = desk.post({**desk.whole(), "shown": shown})

        assert answer.status_code == 409
        assert not Judgement.objects.exists()


class TestTheWrongMoment:
    @pytest.mark.parametrize(("state", "sentence"), [("paused", "is paused"), ("ended", "has ended")])
    def test_a_closed_project_takes_nothing_and_keeps_the_work(self, state, sentence):
        desk = Desk(3)
        Project.objects.update(state=state)

        answer = desk.post(desk.whole())

        assert (answer.status_code, sentence in answer.content.decode()) == (409, True)
        kept = Draft.objects.get().content
        assert (kept["reason"], kept["ratings"]["tone"], len(kept["ranking"])) == ("Kind.", [4, 4, 4], 3)
        assert not Judgement.objects.exists()

    def test_a_removed_member_sees_no_project_and_the_draft_stays(self):
        desk = Desk(3)
        Membership.objects.all().delete()

        answer = desk.post(desk.whole())

        assert answer.status_code == 404
        assert Draft.objects.get().content == {"reason": "so far"}
        assert (Judgement.objects.count(), Slot.objects.get().state) == (0, Slot.State.LEASED)

    def test_another_persons_slot_looks_as_if_it_were_not_there(self):
        desk, other = Desk(3), Desk(3)
        Membership.objects.create(project=desk.project, user=other.annotator.user)
        other.project = desk.project
        data, other.slot = desk.whole(), desk.slot

        answer = other.post(data)

        assert (answer.status_code, Judgement.objects.count()) == (404, 0)

    def test_under_an_older_guideline_it_counts_as_made_under_that_one(self):
        desk = Desk(3)
        Guideline.objects.create(project=desk.project, number=1, text="Old.")
        Slot.objects.update(guideline_version=1)
        Guideline.objects.create(project=desk.project, number=2, text="New.")

        assert desk.post(desk.whole()).status_code == 302
        assert Judgement.objects.get().guideline_version == 1

    def test_what_the_project_asks_for_since_is_asked_for_and_nothing_is_lost(self):
        desk = Desk(3, reason_asked="off")
        data = desk.whole()
        Project.objects.update(reason_asked="required")

        answer = desk.post(data)

        assert (answer.status_code, "Say why" in answer.content.decode()) == (400, True)
        assert 'name="rank_A" value="1"' in answer.content.decode()
        assert not Judgement.objects.exists()


def test_a_reason_of_a_megabyte_is_told_how_much_is_kept():
    desk = Desk(3)

    answer = desk.post({**desk.whole(), "reason": "x" * 1_000_000})

    assert answer.status_code == 400
    assert "at most 10000 characters (it has 1000000)" in answer.content.decode()
    assert not Judgement.objects.exists()
