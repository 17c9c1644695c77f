import random

import pytest

from flywheel.demo import corpus, rubric

QUESTION = next(question for question in corpus.questions() if question.topic.key == "rain").text
STEPS = "First lift the rain cup off the mast. Then rinse the mesh. At last set it back until it clicks."
CLOSE = "We are glad to help further. Kind regards, your Ostrel team."


@pytest.mark.parametrize(
    ("answer", "total"),
    [
        ("", 0.0),
        (f"Hello, thanks for asking. {STEPS} {CLOSE}", 4.0),
        (f"Hello, thanks for asking. {STEPS}", 3.5),
        (STEPS, 3.0),
        ("Then rinse the mesh. First lift the rain cup off the mast.", 2.0),  # both steps, the wrong way round
        ("Lift the rain cup off the mast and rinse the mesh.", 2.5),  # two of three
        ("Lift the rain cup off the mast and rinse the", 1.0),  # one step, broken off
        ("This is your own fault.", 0.0),  # a whole sentence, but blame
        (f"You must have broken the rain cup yourself. {STEPS}", 2.0),
        ("Check the rain cup.", 1.0),  # too short to count as a sentence
        ("Hello, thanks for asking. Clean the wind wheel with care.", 1.5),  # another part
    ],
)
def test_hand_worked_cases(answer, total):
    assert rubric.score(QUESTION, answer).total == total


def test_a_score_names_each_criterion():
    found = rubric.score(QUESTION, f"Hello. {STEPS}")
    assert (found.part, found.steps, found.courtesy, found.finish, found.blame) == (1.0, 1.0, 0.5, 1.0, 0.0)


def test_the_good_demonstration_gets_everything_and_the_rude_one_little():
    question = corpus.questions()[0]
    rng = random.Random(1)
    good = corpus.good(question.topic, rng).format(part=question.topic.part)
    rude = corpus.rude(question.topic, rng).format(part=question.topic.part)
    assert rubric.score(question.text, good).total == rubric.MAXIMUM
    assert rubric.score(question.text, rude).total <= 1.0


def test_a_question_of_another_domain_has_no_score():
    with pytest.raises(KeyError):
        rubric.score("What is the capital of France?", "Paris.")
