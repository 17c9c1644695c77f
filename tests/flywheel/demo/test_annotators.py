from statistics import fmean, stdev

import pytest

from flywheel.demo import corpus, rubric
from flywheel.demo.annotators import SimulatedAnnotator, tie_groups
from flywheel.demo.measure import mean

QUESTION = corpus.questions()[0].text


def answers():
    return [row["responses"][0]["text"] for row in corpus.rows() if row["prompt"] == QUESTION]


def test_without_noise_the_ranking_is_the_rubrics():
    exact = SimulatedAnnotator(name="exact", sigma=0.0)
    texts = answers()
    ranked = [max(rubric.score(QUESTION, texts[i]).total for i in group) for group in exact.rank(QUESTION, texts)]
    assert ranked == sorted(ranked, reverse=True)


def test_the_same_annotator_says_the_same_again_and_another_one_differs():
    calm, tired = SimulatedAnnotator(name="calm", sigma=0.9), SimulatedAnnotator(name="tired", sigma=0.9)
    assert calm.impression(QUESTION, "Hello.") == calm.impression(QUESTION, "Hello.")
    assert calm.impression(QUESTION, "Hello.") != tired.impression(QUESTION, "Hello.")


def test_the_noise_has_the_stated_sigma():
    noisy = SimulatedAnnotator(name="noisy", sigma=0.6)
    noise = [
        noisy.impression(QUESTION, f"Answer {i}") - rubric.score(QUESTION, f"Answer {i}").total for i in range(2000)
    ]
    assert fmean(noise) == pytest.approx(0, abs=0.05)
    assert stdev(noise) == pytest.approx(0.6, abs=0.05)


def test_answers_closer_than_the_margin_to_the_best_of_a_group_are_tied():
    scored = [(1.0, 0), (3.0, 1), (2.9, 2), (2.74, 3)]
    assert tie_groups(scored, margin=0.25) == [[1, 2], [3], [0]]


def test_a_mean_comes_with_its_interval():
    found = mean([1.0, 2.0, 3.0])
    assert (found.value, found.n) == (2.0, 3)
    assert found.high - 2 == pytest.approx(1.96 / 3**0.5, abs=0.001)
    with pytest.raises(ValueError, match="at least two"):
        mean([1.0])
