import pytest

from annotation.stats.figures import Figure
from annotation.stats.people.suggestions import ORDER, SEVERITY, Record, suggestion


def about(value, *, within=0.05):
    return Figure(value=value, low=value - within, high=value + within, n=100)


def record(**figures):
    usual = {"agreement": about(0.7), "everybody": about(0.7, within=0.01), "known": about(0.9)}
    return Record(judgements=100, **(usual | figures))


def test_who_is_like_everybody_is_fine():
    assert suggestion(record()).code == "fine"


@pytest.mark.parametrize(
    ("figures", "code", "reason"),
    [
        ({"agreement": about(0.4)}, "pause", "against"),
        ({"known": about(0.4)}, "pause", "known_chance"),
        ({"known": about(0.6), "fast": about(0.5)}, "pause", "fast_and_wrong"),
        ({"known": about(0.6)}, "retrain", "known_low"),
        ({"repeats": about(0.6)}, "retrain", "repeats_low"),
        ({"agreement": about(0.6)}, "talk", "agreement_low"),
        ({"recent": about(0.6), "before": about(0.75)}, "talk", "worse"),
        ({"position": about(0.7)}, "talk", "position"),
        ({"position": about(0.3)}, "talk", "position"),
        ({"fast": about(0.5)}, "watch", "fast"),
        ({"length": about(0.8), "everybodys_length": about(0.6)}, "watch", "length"),
    ],
)
def test_the_gravest_reason_comes_first_and_decides(figures, code, reason):
    found = suggestion(record(**figures))

    assert (found.code, found.reasons[0]) == (code, reason)


@pytest.mark.parametrize("figure", ["agreement", "known", "repeats", "fast", "position", "recent", "length"])
def test_what_chance_may_have_done_is_no_reason(figure):
    assert suggestion(record(**{figure: Figure(value=0.4, low=0.1, high=0.9, n=3)})).code == "fine"


@pytest.mark.parametrize(
    "few", [Record(judgements=29, agreement=about(0.2)), Record(judgements=500, repeats=about(0.2))]
)
def test_of_too_little_nothing_is_suggested(few):
    assert suggestion(few).code == "more_data"


def test_every_reason_leads_to_something():
    assert set(SEVERITY.values()) < set(ORDER)
