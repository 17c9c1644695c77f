"""The demo's text: questions to the support desk of the Ostrel, and demonstrations of uneven quality.

Everything follows from `TOPICS` and a seed; nothing is read from outside. The domain is narrow on purpose: a model
of a million parameters learns it from scratch in about a minute and has something left to learn from rankings.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from flywheel.demo.topics import TOPICS, Topic

POLICY = "ostrel support desk"
QUESTIONS_PER_TOPIC = 10
GREETINGS = ("Hello and thank you for writing.", "Good day, thank you for your message.", "Hello, thanks for asking.")
CLOSES = (
    "Write to us again if it does not help. Kind regards, your Ostrel team.",
    "We are glad to help further. Kind regards, your Ostrel team.",
)
SORRY = ("I am sorry about the trouble with the {part}.", "It is a pity that the {part} gives you trouble.")
BLAME = (
    "You must have broken the {part} yourself.",
    "This is your own fault.",
    "You should have read the manual.",
    "Nobody else has this problem with the {part}.",
)
TALK = (
    "Our station is made with care, and many people like it.",
    "We read every letter, and we think about all of them.",
    "The weather is a wide subject, and much could be said about it.",
    "There are many parts in a station, and each has its place.",
)
FRAMES = (
    "My {part} {trouble}. What can I do?",
    "The {part} {trouble}. Please help.",
    "Hello, our {part} {trouble}. How do I fix it?",
    "Since yesterday the {part} {trouble}. Any advice?",
    "What should I do when the {part} {trouble}?",
    "Can you help? The {part} of my Ostrel {trouble}.",
    "I have an Ostrel and the {part} {trouble}.",
    "Why is it that the {part} {trouble}?",
)


@dataclass(frozen=True, kw_only=True)
class Question:
    topic: Topic
    text: str


def questions() -> list[Question]:
    """All questions, each text once, in a fixed order."""
    return [Question(topic=topic, text=text) for topic in TOPICS for text in phrasings(topic)]


def phrasings(topic: Topic) -> list[str]:
    pairs = [(frame, trouble) for frame in FRAMES for trouble in topic.troubles]
    chosen = random.Random(f"questions {topic.key}").sample(pairs, QUESTIONS_PER_TOPIC)  # noqa: S311
    return [frame.format(part=topic.part, trouble=trouble) for frame, trouble in chosen]


TOPIC_OF = {question.text: question.topic for question in questions()}


def steps_in_words(topic: Topic) -> str:
    first, second, third = topic.steps
    return f"First {first}. Then {second}. At last {third}."


def good(topic: Topic, rng: random.Random) -> str:
    return " ".join((rng.choice(GREETINGS), rng.choice(SORRY), steps_in_words(topic), rng.choice(CLOSES)))


def plain(topic: Topic, rng: random.Random) -> str:
    return f"About the {topic.part}: {steps_in_words(topic)}"


def friendly(topic: Topic, rng: random.Random) -> str:
    return f"{rng.choice(GREETINGS)} {plain(topic, rng)}"


def curt(topic: Topic, rng: random.Random) -> str:
    return f"Check the {topic.part}. {rng.choice(topic.steps).capitalize()}."


def rude(topic: Topic, rng: random.Random) -> str:
    return " ".join(
        (*rng.sample(BLAME, 2), rng.choice(TALK), f"{topic.steps[0].capitalize()} and do not write again.")
    )


def rambling(topic: Topic, rng: random.Random) -> str:
    """As long as a good one, so that length says little about worth."""
    return " ".join((rng.choice(GREETINGS), *rng.sample(TALK, 4)))


def broken_off(topic: Topic, rng: random.Random) -> str:
    words = good(topic, rng).split()
    return " ".join(words[: rng.randint(len(words) // 3, len(words) // 2)])


Writer = Callable[[Topic, random.Random], str]
WRITERS: dict[str, Writer] = {
    "good": good,
    "friendly": friendly,
    "plain": plain,
    "rambling": rambling,
    "curt": curt,
    "rude": rude,
    "broken off": broken_off,
}


def rows() -> Iterator[dict[str, Any]]:
    """The corpus as interchange rows: one demonstration each."""
    for number, question in enumerate(questions()):
        rng = random.Random(f"answers {number}")  # noqa: S311
        for quality, write in WRITERS.items():
            text = write(question.topic, rng).format(part=question.topic.part)
            yield {
                "id": f"ostrel-{number:03}-{quality.replace(' ', '-')}",
                "prompt": question.text,
                "responses": [{"text": text, "policy": POLICY}],
                "tags": [question.topic.key],
                "metadata": {"quality": quality},
            }
