"""Simulated annotators: the rubric, seen through Gaussian noise. What they say is marked `simulated` everywhere."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from flywheel.demo import rubric


@dataclass(frozen=True, kw_only=True)
class SimulatedAnnotator:
    """`sigma`: standard deviation of the noise in rubric points. `margin`: answers closer than this are tied."""

    name: str
    sigma: float
    margin: float = 0.25

    def rank(self, question: str, answers: Sequence[str]) -> list[list[int]]:
        """Tie groups of positions, best first. The same question and answers always get the same ranking."""
        seen = [(self.impression(question, answer), position) for position, answer in enumerate(answers)]
        return tie_groups(seen, margin=self.margin)

    def impression(self, question: str, answer: str) -> float:
        """The rubric score as this annotator sees it: the noise depends on who, what was asked, and what was said."""
        rng = random.Random(f"{self.name}\n{question}\n{answer}")  # noqa: S311
        return rubric.score(question, answer).total + rng.gauss(0, self.sigma)


def tie_groups(scored: Sequence[tuple[float, int]], *, margin: float) -> list[list[int]]:
    """Best first; an answer joins the group above it when it is closer than `margin` to that group's best."""
    groups: list[list[int]] = []
    top = 0.0
    for value, position in sorted(scored, key=lambda item: (-item[0], item[1])):
        if groups and top - value < margin:
            groups[-1].append(position)
        else:
            groups.append([position])
            top = value
    return [sorted(group) for group in groups]


ANNOTATORS = (
    SimulatedAnnotator(name="simulated-calm", sigma=0.25),
    SimulatedAnnotator(name="simulated-quick", sigma=0.5),
    SimulatedAnnotator(name="simulated-tired", sigma=0.75),
)
