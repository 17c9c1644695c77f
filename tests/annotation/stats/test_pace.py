from annotation.stats.pace import MINIMUM_TIMES, pace


def test_fast_is_below_a_fifth_of_the_median() -> None:
    usual = pace([50.0] * MINIMUM_TIMES)

    assert usual.threshold == 10
    assert usual.is_fast(9.9)
    assert not usual.is_fast(10)
    assert usual.fast_among([1, 9, 10, 60]) == 2


def test_a_tab_left_open_does_not_move_the_median() -> None:
    assert pace([10.0, 20.0, 30.0, 86_400.0, 20.0]).median == 20


def test_few_times_call_nobody_fast() -> None:
    usual = pace([50.0] * (MINIMUM_TIMES - 1))

    assert usual.median == 50
    assert not usual.enough
    assert not usual.is_fast(0.1)


def test_no_times_and_an_unknown_time_are_no_error() -> None:
    assert pace([]).median is None
    assert not pace([]).is_fast(1)
    assert not pace([50.0] * MINIMUM_TIMES).is_fast(None)
