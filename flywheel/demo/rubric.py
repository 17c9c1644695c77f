"""The stated rubric by which simulated annotators judge an answer of the demo's support desk.

An answer earns up to four points, one for each of:

* part: it names the part that was asked about;
* steps: it gives the part's three steps in the right order (half a point for two of them in order);
* courtesy: it greets (half) and takes its leave (half);
* finish: it has at least five words and ends with a whole sentence.

A sentence that blames the customer costs a point. No answer scores below 0.
"""

import re
from dataclasses import dataclass

from flywheel.demo.corpus import BLAME, TOPIC_OF
from flywheel.demo.topics import Topic

MAXIMUM = 4.0
GREETING = re.compile(r"^(hello|good day)\b", re.IGNORECASE)
CLOSE = re.compile(r"kind regards, your ostrel team\.$", re.IGNORECASE)
BLAMING = ("do not write again", *(text.partition(" the {part}")[0].rstrip(".").lower() for text in BLAME))
LEAST_WORDS = 5


@dataclass(frozen=True, kw_only=True)
class Score:
    part: float
    steps: float
    courtesy: float
    finish: float
    blame: float

    @property
    def total(self) -> float:
        return max(0.0, self.part + self.steps + self.courtesy + self.finish - self.blame)


def score(question: str, answer: str) -> Score:
    """How well the answer serves the question.

    Raises:
        KeyError: the question is not one of the corpus, so nobody knows which part it is about.
    """
    topic = TOPIC_OF[question]
    text = " ".join(answer.lower().split())
    return Score(
        part=1.0 if re.search(rf"\b{re.escape(topic.part)}\b", text) else 0.0,
        steps=steps_score(topic, text),
        courtesy=0.5 * bool(GREETING.search(text)) + 0.5 * bool(CLOSE.search(text)),
        finish=1.0 if len(text.split()) >= LEAST_WORDS and text.endswith((".", "!", "?")) else 0.0,
        blame=1.0 if any(phrase in text for phrase in BLAMING) else 0.0,
    )


def steps_score(topic: Topic, text: str) -> float:
    """1 for all three steps in their order, 0.5 for two of them in their order, else 0."""
    places = [text.find(step) for step in topic.steps]
    found = [place for place in places if place >= 0]
    if found != sorted(found) or len(found) < 2:
        return 0.0
    return 1.0 if len(found) == 3 else 0.5
