"""A model that tells no answers apart is found out, wherever its zero was put."""

from training.ml.reporting import collapse

NEARLY_ONE_NUMBER = [(1000.0, 1000.05), (1000.1, 999.95)]
CENTRED = [(chosen - 1000, rejected - 1000) for chosen, rejected in NEARLY_ONE_NUMBER]


def test_scores_that_are_one_large_number_have_collapsed_though_they_were_centred() -> None:
    assert collapse.collapsed(NEARLY_ONE_NUMBER)
    assert collapse.collapsed(CENTRED, zero=1000.0)
    assert not collapse.collapsed(CENTRED)
