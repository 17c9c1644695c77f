from flywheel.demo import corpus
from flywheel.demo.topics import TOPICS


def test_the_corpus_is_the_same_every_time():
    assert list(corpus.rows()) == list(corpus.rows())


def test_questions_are_distinct_and_as_many_as_a_demo_needs():
    texts = [question.text for question in corpus.questions()]
    assert len(set(texts)) == len(texts) == len(TOPICS) * corpus.QUESTIONS_PER_TOPIC
    assert 250 <= len(texts) <= 400


def test_the_text_is_as_long_as_half_a_minute_of_training_can_read():
    characters = sum(len(row["prompt"]) + len(row["responses"][0]["text"]) for row in corpus.rows())
    assert 450_000 <= characters <= 600_000


def test_every_question_has_a_demonstration_of_every_quality_and_no_placeholder_is_left():
    rows = list(corpus.rows())
    assert len(rows) == len(corpus.questions()) * len(corpus.WRITERS)
    assert {row["metadata"]["quality"] for row in rows} == set(corpus.WRITERS)
    assert not any("{" in row["responses"][0]["text"] or "{" in row["prompt"] for row in rows)
    assert len({row["id"] for row in rows}) == len(rows)


def test_topics_do_not_share_a_part():
    assert len({topic.part for topic in TOPICS}) == len({topic.key for topic in TOPICS}) == len(TOPICS)
