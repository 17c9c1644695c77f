"""The desk's form: letters in, positions out, and back again from drafts and from what was submitted."""

import json
import re

import pytest
from django.forms.renderers import DjangoTemplates

from annotation.actions import judgements, leases
from annotation.formats.rubric import Criterion
from annotation.forms.desk_fields import rating_name
from annotation.forms.judgements import JudgementForm
from annotation.models import Project
from tests.annotation.test_leases import member_of
from tests.factories import ProjectFactory, TaskFactory

pytestmark = pytest.mark.django_db

ASKED = {"acceptability_asked": True, "highlights_asked": True, "edit_asked": True}
RUBRIC = [{"name": "correctness", "scale": 5}, {"name": "tone", "scale": 20, "required": False}]
CORRECTNESS, TONE = Criterion(name="correctness", scale=5), Criterion(name="tone", scale=20)
ORDER = {1: [0], 2: [1, 0], 3: [2, 0, 1], 4: [2, 0, 3, 1]}


class Page:
    """A form for a task whose answers stand in the order `ORDER`."""

    def __init__(self, size: int, **project):
        self.project = ProjectFactory(acknowledgement_asked=False, **project)
        self.by = member_of(self.project)
        TaskFactory(project=self.project, size=size)
        self.slot = leases.claim(self.project, by=self.by)
        self.slot.order = ORDER.get(size, [])
        self.slot.save()
        self.texts = [item.response.text for item in self.slot.task.positions.order_by("position")]

    def form(self, data=None) -> JudgementForm:
        return JudgementForm(data, slot=self.slot, texts=self.texts, by=self.by)

    def sent(self, **said) -> JudgementForm:
        blank = self.form()
        form = self.form({name: blank[name].value() for name in ("submission_key", "shown")} | said)
        form.is_valid()
        return form


def rated(criterion: Criterion, **numbers) -> dict[str, int]:
    return {rating_name(criterion, letter): number for letter, number in numbers.items()}


def placed(page: Page, **said) -> JudgementForm:
    return page.sent(rank_A=1, rank_B=2, rank_C=3, **said)


class TestComplaints:
    def test_name_those_without_a_place(self):
        form = Page(4).sent(rank_A=1, rank_C=2)

        assert (form.sentences, list(form.errors)) == ("B and D still need a place.", ["rank_B"])

    def test_name_the_one_without_a_place(self):
        assert placed(Page(4)).sentences == "D still needs a place."

    def test_name_ties_where_none_are_wanted(self):
        form = Page(3, ties_allowed=False).sent(rank_A=1, rank_B=2, rank_C=2)

        assert (form.sentences, list(form.errors)) == (
            "B and C share a place; this project wants no ties.",
            ["rank_B"],
        )

    def test_ask_for_the_line(self):
        form = placed(Page(3, acceptability_asked=True))

        assert (form.sentences, list(form.errors)) == ("Say which answers are good enough to send.", ["line"])

    def test_name_what_is_not_rated(self):
        form = placed(Page(3, criteria=RUBRIC), **rated(CORRECTNESS, A=1, B=5), **rated(TONE, A=20))

        assert form.errors[rating_name(CORRECTNESS, "C")] == ["C has no rating for correctness."]
        assert form.errors[rating_name(TONE, "B")] == [
            "B and C have no rating for tone: rate all of them by it, or none."
        ]

    def test_ask_for_the_reason(self):
        form = placed(Page(3, reason_asked="required"), reason="  \r\n")

        assert (form.sentences, list(form.errors)) == ("Say why: this project asks for a reason.", ["reason"])

    def test_ask_which_answer_was_edited_and_for_its_text(self):
        page = Page(3, edit_asked=True)

        assert placed(page, edited="Better.").errors == {"edit_of": ["Say which answer you edited."]}
        assert "The edited text of B is empty" in placed(page, edit_of="B", edited=" ").sentences

    def test_ask_for_ones_own_answer_where_there_is_none(self):
        assert Page(0).sent(written=" ").errors == {"written": ["Write your answer: there is none here to judge."]}

    @pytest.mark.parametrize(
        ("spans", "sentence"),
        [
            ('[{"answer": "A", "start": 0, "end": 99, "text": "x"}]', "ends at 99"),
            ('[{"answer": "A", "start": 0, "end": 4, "text": "nope"}]', "not what stands there"),
            ('[{"answer": "A", "start": 2, "end": 2, "text": ""}]', "it is empty"),
            ('[{"answer": "D", "start": 0, "end": 1, "text": "A"}]', "cannot be read"),
            ("{", "cannot be read"),
            ("[" * 100_000, "cannot be read"),
            (json.dumps([{"answer": "A", "start": 0, "end": 1, "text": "A", "comment": "x" * 2001}]), "at most 2000"),
            (json.dumps([{"answer": "A", "start": 0, "end": 1, "text": "A"}] * 101), "at most 100"),
        ],
    )
    def test_name_a_highlight_that_fits_no_answer(self, spans, sentence):
        form = placed(Page(3, highlights_asked=True), spans=spans)

        assert sentence in form.sentences
        assert list(form.errors) == ["spans"]


class TestJudgement:
    def test_letters_become_positions(self):
        page = Page(3, criteria=RUBRIC, **ASKED)
        text = page.texts[0]
        span = {"answer": "B", "start": 1, "end": 5, "text": text[1:5], "comment": "Sure?"}

        form = page.sent(
            rank_A=2, rank_B=1, rank_C=2, line=1, **rated(CORRECTNESS, A=1, B=5, C=2), flag_A=["harmful"],
            flag_prompt=["unclear"], reason=" Why\r\nnot. ", edit_of="C", edited="One\r\ntwo", seconds="12.5",
            spans=json.dumps([span]),
        )  # fmt: skip

        said = form.judgement()
        assert form.errors == {}
        assert said["ranking"] == [[0], [2, 1]]
        assert said["acceptable"] == [0]
        assert said["ratings"] == {"correctness": [5, 2, 1]}
        assert said["flags"] == [{"flag": "harmful", "response": 2}, {"flag": "unclear"}]
        assert (said["reason"], said["edited"], said["seconds"]) == ("Why\nnot.", {"1": "One\ntwo"}, 12.5)
        assert said["spans"] == [{"response": 0, "start": 1, "end": 5, "text": text[1:5], "comment": "Sure?"}]

    @pytest.mark.parametrize(("line", "acceptable"), [(0, []), (1, [2]), (2, [2]), (3, [2, 0]), (4, [2, 0, 3, 1])])
    def test_the_line_counts_rungs_also_empty_ones(self, line, acceptable):
        form = Page(4, acceptability_asked=True).sent(rank_A=1, rank_B=3, rank_C=4, rank_D=4, line=line)

        assert form.judgement()["acceptable"] == acceptable

    @pytest.mark.parametrize(
        ("preference", "ranking", "strength", "acceptable"),
        [(1, [[1], [0]], 3, [1]), (4, [[1, 0]], None, [1, 0]), (5, [[0], [1]], 1, [0])],
    )
    def test_one_choice_of_seven_says_order_and_strength(self, preference, ranking, strength, acceptable):
        form = Page(2, strength_asked=True, acceptability_asked=True).sent(preference=preference, line=1)

        said = form.judgement()
        assert (said["ranking"], said["strength"], said["acceptable"]) == (ranking, strength, acceptable)

    @pytest.mark.parametrize(("line", "acceptable"), [(0, []), (1, [0])])
    def test_a_single_answer_is_rated_not_ranked(self, line, acceptable):
        form = Page(1, acceptability_asked=True, criteria=RUBRIC[:1]).sent(line=line, **rated(CORRECTNESS, A=3))

        said = form.judgement()
        assert (form.asks_ranking, said["ranking"], said["acceptable"]) == (False, [[0]], acceptable)
        assert said["ratings"] == {"correctness": [3]}

    def test_an_edit_that_changed_nothing_is_none(self):
        page = Page(3, edit_asked=True)

        assert placed(page, edit_of="A", edited=page.texts[2]).judgement()["edited"] == {}

    def test_what_the_project_does_not_ask_for_has_no_field(self):
        form = placed(Page(3, flags_asked=False, reason_asked="off"), reason="x", flag_A=["harmful"], line=1)

        said = form.judgement()
        assert (said["reason"], said["flags"], said["acceptable"]) == ("", [], None)
        assert form.reason is form.line is form.edited is None


class TestRestoring:
    SAID = {
        "rank_A": 2,
        "rank_B": 1,
        "line": 1,
        **rated(CORRECTNESS, C=4),
        "edit_of": "A",
        "edited": "Better so far",
        "flag_B": ["broken", "other"],
        "flag_prompt": ["needs_expert"],
        "reason": "Half of a",
    }

    def test_a_draft_gives_back_every_field_even_in_another_order(self):
        page = Page(3, criteria=RUBRIC, **ASKED)
        span = {"answer": "A", "start": 0, "end": 3, "text": page.texts[2][:3], "comment": ""}
        draft = page.sent(**self.SAID, spans=json.dumps([span])).draft()
        leases.save_draft(page.slot, by=page.by, content=draft)

        page.slot.order = [1, 2, 0]  # C, A and B of before
        form = page.form()
        form.restore(leases.draft_of(page.slot, by=page.by))

        shown = {name: form[name].value() for name in form.fields if name not in ("submission_key", "shown")}
        assert {name: value for name, value in shown.items() if value} == {
            "rank_B": 2, "rank_C": 1, "line": 1, **rated(CORRECTNESS, A=4), "flag_C": ["broken", "other"],
            "flag_prompt": ["needs_expert"], "reason": "Half of a", "edit_of": "B", "edited": "Better so far",
            "spans": json.dumps([{**span, "answer": "B"}]),
        }  # fmt: skip

    def test_a_reason_that_is_too_long_is_not_lost(self):
        assert placed(Page(3), reason="x" * 20_000).draft()["reason"] == "x" * 20_000

    @pytest.mark.parametrize("size", [0, 1, 2, 3])
    def test_a_submitted_judgement_opens_as_it_was_sent(self, size):
        page = Page(size, strength_asked=size == 2, criteria=RUBRIC[:1], **ASKED)
        said = {f"rank_{letter}": 3 - place for place, letter in enumerate("ABC"[:size])}
        said |= rated(CORRECTNESS, **dict.fromkeys("ABC"[:size], 3)) | {"preference": 6, "line": 1}
        sent = page.sent(**said, reason="Because.", written="Mine.")
        made = judgements.submit(page.slot.pk, by=page.by, **sent.judgement())
        Project.objects.update(flags_asked=False)

        form = JudgementForm.from_judgement(made, slot=page.slot, texts=page.texts, by=page.by)

        own = ("submission_key", "shown", "seconds", "revises")
        assert form["submission_key"].value() != sent.judgement()["submission_key"]
        assert form["revises"].value() == form.revision == 0
        values = {name: form[name].value() for name in form.fields if name not in own}
        again = page.form(
            {name: form[name].value() for name in own} | {k: v for k, v in values.items() if v is not None}
        )
        assert again.is_valid(), again.errors
        kept = {"submission_key": None, "seconds": None}
        assert {**again.judgement(), **kept} == {**sent.judgement(), **kept}
        assert judgements.revise(page.slot.pk, by=page.by, revises=again.revision, **again.judgement()).revision == 1

    def test_garbage_starts_an_empty_form(self):
        form = Page(3, criteria=RUBRIC, **ASKED).form()
        form.restore(
            {
                "ranking": [[7], "x", [True]], "places": {"0": 9, "1": "1"}, "line": True, "acceptable": "all",
                "ratings": {"correctness": [9, "x", None], "charm": [1]}, "flags": [1, {"flag": "x"}],
                "spans": [{"response": 9}, 4], "edited": {"0": 1, "x": "y"}, "reason": 5, "written": [],
            }
        )  # fmt: skip

        filled = {name: form[name].value() for name in form.fields if form[name].value()}
        assert filled.keys() == {"submission_key", "shown"}


class TestRatings:
    """A page may be older than the project's list of criteria."""

    HELPFUL, HARMLESS = Criterion(name="helpful", scale=5), Criterion(name="harmless", scale=5)
    BOTH = [{"name": "helpful", "scale": 5}, {"name": "harmless", "scale": 5}]

    def sent_after(self, criteria) -> JudgementForm:
        page = Page(2, criteria=self.BOTH)
        chosen = {**rated(self.HELPFUL, A=5, B=5), **rated(self.HARMLESS, A=1, B=2)}
        page.slot.task.project.criteria = criteria
        return page.sent(rank_A=1, rank_B=2, **chosen)

    def test_of_a_criterion_that_was_removed_go_under_no_other(self):
        form = self.sent_after(self.BOTH[1:])

        assert form.errors == {}
        assert form.judgement()["ratings"] == {"harmless": [2, 1]}

    def test_stay_with_their_criterion_when_the_order_changes(self):
        assert self.sent_after(self.BOTH[::-1]).judgement()["ratings"] == {"helpful": [5, 5], "harmless": [2, 1]}

    def test_of_another_scale_are_asked_for_anew(self):
        form = self.sent_after([{"name": "helpful", "scale": 7}, self.BOTH[1]])

        assert form.sentences == "A and B have no rating for helpful."
        assert form.draft()["ratings"] == {"harmless": [2, 1]}

    def test_never_carry_the_name_of_their_criterion_into_the_page_as_a_name(self):
        field = rating_name(Criterion(name='"><script>', scale=5), "A")

        assert re.fullmatch(r"rating_[0-9a-f]{12}_A", field)


def test_in_sentence_says_the_ranking():
    form = Page(4).sent(rank_A=2, rank_B=3, rank_C=1, rank_D=2)

    assert form.in_sentence == "C, then A and D, then B"


def test_inputs_are_written_as_django_writes_them():
    page = Page(2, criteria=RUBRIC, **ASKED)
    form = page.form()
    form.restore({"places": {"0": 1}, "spans": [{"response": 0, "start": 0, "end": 1, "text": page.texts[0][:1]}]})
    form.fields["rank_B"].disabled = True
    form.fields["flag_A"].initial = ["harmful"]
    ours = inputs_of(form)
    form.renderer = DjangoTemplates()
    assert ours == inputs_of(form)
    assert sum("checked" in one for one in ours) == 2


def inputs_of(form: JudgementForm) -> list[str]:
    fields = [form[name] for name in form.fields]
    several = ("rank", rating_name(CORRECTNESS, ""), "flag")
    choices = [choice.tag() for field in fields if field.name.startswith(several) for choice in field]
    single = [field for field in fields if field.is_hidden or field.name.startswith(rating_name(TONE, ""))]
    return [str(one).strip() for one in (*choices, *single)]
