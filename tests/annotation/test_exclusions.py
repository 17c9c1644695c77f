"""Judgements that are kept and count no more, until somebody says otherwise."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, date, datetime
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.db import connections, transaction

from annotation.actions import exclusions, imports, judgements, leases, releases
from annotation.exceptions import EmptyRelease, InvalidReason, NotFound
from annotation.formats import rows
from annotation.models import Annotator, AuditEvent, Exclusion, Judgement, Project, Release
from tests.annotation.released import judge, judged
from tests.annotation.review_rows import said
from tests.factories import ProjectFactory, TaskFactory, UserFactory, member_of

pytestmark = pytest.mark.django_db
WHY = "They ranked without reading."
RANKING = [[0], [1], [2]]


@pytest.fixture
def project() -> Project:
    return ProjectFactory(slug="lumo")


def everything(project: Project):  # type: ignore[no-untyped-def]
    return Judgement.objects.filter(task__project=project)


def exclude(project: Project, rows, **about: object) -> int:  # type: ignore[no-untyped-def]
    return exclusions.exclude(project, judgements=rows, reason=WHY, by=UserFactory(), **about)


def by_name(project: Project, name: str, **days: date):  # type: ignore[no-untyped-def]
    return exclusions.of_annotator(project, annotator=Annotator.objects.get(name=name), **days)


class TestExclude:
    def test_keeps_the_judgement_with_reason_and_person(self, project):
        judged(project, key="1", ranking=RANKING)
        by = UserFactory()
        assert exclusions.exclude(project, judgements=everything(project), reason=f" {WHY} ", by=by) == 1
        row = Exclusion.objects.get()
        assert (row.judgement, row.reason, row.by, row.lifted_at) == (Judgement.objects.get(), WHY, by, None)

    def test_stands_in_the_audit_trail_once_for_all(self, project):
        judged(project, key="1", ranking=RANKING, annotators=("a", "b"))
        exclude(project, everything(project), annotator="a")
        event = AuditEvent.objects.get(verb="judgements excluded")
        assert event.detail == {"judgements": 2, "reason": WHY, "annotator": "a"}

    def test_twice_is_once(self, project):
        judged(project, key="1", ranking=RANKING)
        assert [exclude(project, everything(project)) for _ in range(2)] == [1, 0]
        assert (Exclusion.objects.count(), AuditEvent.objects.count()) == (1, 1)

    @pytest.mark.parametrize("reason", ["", " ", "x" * 2001])
    def test_needs_a_reason(self, project, reason):
        judged(project, key="1", ranking=RANKING)
        with pytest.raises(InvalidReason):
            exclusions.exclude(project, judgements=everything(project), reason=reason, by=None)
        assert not Exclusion.objects.exists()

    def test_takes_earlier_versions_of_the_same_with_it(self, project):
        task = TaskFactory(project=project)
        new = said(task, RANKING, revision=1)
        old = said(task, RANKING, by=new.annotator, revised_by=new)
        assert exclude(project, everything(project).filter(pk=new.pk)) == 1
        assert not exclusions.counting(Judgement.objects.filter(pk__in=[old.pk, new.pk])).exists()

    def test_reaches_no_other_project(self, project):
        judged(project, key="1", ranking=RANKING)
        judged(ProjectFactory(), key="1", ranking=RANKING)
        assert exclude(project, Judgement.objects.all()) == 1

    def test_whoever_revises_does_not_put_it_back(self, project):
        someone = member_of(project)
        TaskFactory(project=project)
        slot = leases.claim(project, by=someone)
        first = {"submission_key": slot.submission_key, "ranking": RANKING}
        judgements.submit(slot.pk, by=someone, **first)
        exclude(project, everything(project))
        again = {"submission_key": "00000000-0000-4000-8000-000000000000", "ranking": [[2], [1], [0]]}
        judgements.revise(slot.pk, by=someone, revises=0, **again)
        assert not exclusions.counting(Judgement.objects.current()).exists()


class TestChosen:
    def test_of_one_person_between_days(self, project):
        for day in (1, 2, 3):
            at = datetime(2026, 3, day, 23, 59, tzinfo=UTC)
            judged(project, key=str(day), ranking=RANKING, annotators=("a", "b"), at=at)
        days = {"since": date(2026, 3, 2), "until": date(2026, 3, 2)}
        assert [one.task.key for one in by_name(project, "a", **days)] == ["2"]
        assert by_name(project, "a", since=date(2026, 3, 2)).count() == 2
        assert by_name(project, "a", until=date(2026, 3, 2)).count() == 2
        assert by_name(project, "a").count() == 3

    def test_an_import_without_a_time_goes_by_the_day_it_came(self, project):
        judged(project, key="1", ranking=RANKING, created_at=datetime(2026, 3, 2, tzinfo=UTC))
        assert by_name(project, "ann", since=date(2026, 3, 2), until=date(2026, 3, 2)).exists()

    def test_by_uid(self, project):
        judged(project, key="1", ranking=RANKING, annotators=("a", "b"))
        uid = Judgement.objects.get(annotator__name="a").uid
        assert exclude(project, exclusions.of_uids(project, [uid])) == 1

    def test_an_unknown_uid_is_named(self, project):
        with pytest.raises(NotFound, match="no judgement nonsense"):
            exclusions.of_uids(project, ["nonsense"])


class TestLift:
    def test_lets_them_count_again_and_keeps_the_row(self, project):
        judged(project, key="1", ranking=RANKING)
        exclude(project, everything(project))
        by = UserFactory()
        assert exclusions.lift(project, judgements=everything(project), by=by) == 1
        assert exclusions.counting(Judgement.objects.all()).count() == 1
        row = Exclusion.objects.get()
        assert (row.lifted_by, row.lifted_at is None) == (by, False)
        assert AuditEvent.objects.filter(verb="judgements count again").count() == 1

    def test_and_excluded_anew_leaves_both_rows(self, project):
        judged(project, key="1", ranking=RANKING)
        exclude(project, everything(project))
        exclusions.lift(project, judgements=everything(project), by=None)
        exclude(project, everything(project))
        assert (Exclusion.objects.count(), Exclusion.objects.current().count()) == (2, 1)

    def test_of_nothing_changes_nothing(self, project):
        judged(project, key="1", ranking=RANKING)
        assert exclusions.lift(project, judgements=everything(project), by=None) == 0
        assert not AuditEvent.objects.exists()

    def test_leaves_out_what_a_person_has_withdrawn(self, project):
        judged(project, key="1", ranking=RANKING)
        exclude(project, everything(project))
        exclusions.withdraw(project, annotator=Annotator.objects.get(), by=None)
        assert exclusions.lift(project, judgements=everything(project), by=None) == 0
        assert Exclusion.objects.current().get().withdrawn

    def test_goes_by_no_words(self, project):
        """A reason that sounds like it is one of many."""
        judged(project, key="1", ranking=RANKING)
        reason = "withdrawn: the person asked to be forgotten"
        exclusions.exclude(project, judgements=everything(project), reason=reason, by=None)
        assert exclusions.withdrawn_annotators() == set()
        assert exclusions.lift(project, judgements=everything(project), by=None) == 1


@pytest.mark.django_db(transaction=True)
def test_two_at_the_same_moment_exclude_each_judgement_once(project):
    for key in range(20):
        judged(project, key=str(key), ranking=RANKING)

    def out(_: int) -> int:
        try:
            return exclude(project, everything(project))
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(out, range(4))) == 20
    assert Exclusion.objects.count() == 20


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("first", ["exclusion", "revision"])
def test_what_is_revised_while_it_is_excluded_stays_out_whoever_comes_first(project, first):
    someone = member_of(project)
    TaskFactory(project=project)
    slot = leases.claim(project, by=someone)
    judgements.submit(slot.pk, by=someone, submission_key=slot.submission_key, ranking=RANKING)
    key = uuid4()

    def revise() -> None:
        judgements.revise(slot.pk, by=someone, revises=0, submission_key=key, ranking=[[2], [1], [0]])

    def out() -> None:
        exclude(project, everything(project))

    doing, other = (out, revise) if first == "exclusion" else (revise, out)
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            doing()
            later = pool.submit(apart, other)
            # Where rows are locked the other one waits for us, so we do not wait for them to the end.
            wait([later], timeout=0.5)
        later.result()
    assert Judgement.objects.current().get().revision == 1
    assert not exclusions.counting(Judgement.objects.all()).exists()


def apart(act: Callable[[], None]) -> None:
    try:
        act()
    finally:
        connections.close_all()


def test_an_import_is_no_way_back_for_what_was_withdrawn(project):
    """The same person elsewhere, and more of what they said here."""
    judged(project, key="1", ranking=RANKING, annotators=("anon-0123456789abcdef",))
    exclusions.withdraw(project, annotator=Annotator.objects.get(), by=None)
    said_by = [{"annotator": name, "ranking": [[0], [1]]} for name in ("anon-0123456789abcdef", "somebody else")]
    row = rows.parse({"prompt": "?", "responses": [{"text": "a"}, {"text": "b"}], "judgements": said_by})
    elsewhere = ProjectFactory()
    imports.import_rows([row], project=elsewhere, by=None, on_reject=print)
    brought = Judgement.objects.filter(task__project=elsewhere)
    assert (brought.count(), exclusions.counting(brought).count()) == (2, 1)
    assert exclusions.excluded(brought).get().annotator.name == "anon-0123456789abcdef"


class TestReleases:
    def test_leave_them_out_and_say_how_many(self, project, capsys):
        judged(project, key="1", ranking=RANKING, annotators=("a", "b"))
        judged(project, key="2", ranking=RANKING, annotators=("a",))
        exclude(project, by_name(project, "a"))
        call_command("export_release", project="lumo")
        release = Release.objects.get()
        assert release.manifest["counts"]["annotators"] == {"b": 1}
        assert release.manifest["excluded"] == 2
        assert "\n2 excluded judgements left out\n" in capsys.readouterr().out

    def test_that_are_there_already_say_how_many_are_left_out_now(self, project, capsys):
        judged(project, key="1", ranking=RANKING)
        call_command("export_release", project="lumo")
        judged(project, key="2", ranking=RANKING, annotators=("b",))
        exclude(project, by_name(project, "b"))
        call_command("export_release", project="lumo")
        assert Release.objects.get().manifest["excluded"] == 0
        assert "\n1 excluded judgement left out\n" in capsys.readouterr().out

    def test_that_were_made_before_stay_as_they_are(self, project):
        judged(project, key="1", ranking=RANKING, annotators=("a", "b"))
        before = releases.export(project)
        exclude(project, by_name(project, "a"))
        after = releases.export(project)
        assert (before.judgements.count(), after.judgements.count()) == (2, 1)
        assert before.hash != after.hash

    def test_are_the_same_again_once_it_is_lifted(self, project):
        judged(project, key="1", ranking=RANKING, annotators=("a", "b"))
        before = releases.export(project)
        exclude(project, by_name(project, "a"))
        exclusions.lift(project, judgements=everything(project), by=None)
        assert releases.export(project) == before

    def test_that_would_be_empty_say_that_all_is_excluded(self, project):
        judged(project, key="1", ranking=RANKING)
        exclude(project, everything(project))
        with pytest.raises(EmptyRelease, match="of which 1 are excluded"):
            releases.export(project)

    def test_count_only_what_their_filters_would_have_let_in(self, project):
        judged(project, key="1", ranking=RANKING, task={"tags": ["a"]})
        judged(project, key="2", ranking=RANKING, task={"tags": ["b"]})
        exclude(project, everything(project).filter(task__key="2"))
        judge(everything(project).get(task__key="2").task, by="other", ranking=RANKING)
        assert releases.export(project, tags=["a"]).manifest["excluded"] == 0
