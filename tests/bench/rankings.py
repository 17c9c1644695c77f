"""Rankings to measure training with: random tokens, so that no tokenizer and no data are needed."""

import math
import random
import zlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from tests.bench import arguments
from tests.bench.arguments import Pair
from training.ml import ranking
from training.ml.data.batches import Item
from training.ml.data.groups import Edge

VOCAB = 4096
SPECIAL = 3  # padding, beginning, end: never drawn
LONGEST = 4  # times the mean, at most
SIGMA = 0.5
TOURNAMENT = 595  # of 35 arguments every two
WORDS = 256
WORTH = [random.Random(word).gauss() for word in range(WORDS)]


@dataclass(frozen=True, kw_only=True)
class Model:
    name: str
    layers: int
    width: int


@dataclass(frozen=True, kw_only=True)
class Case:
    """`prompt` and `answer`: mean lengths in tokens. `together`: prompts to an optimiser step."""

    answers: int
    prompt: int
    answer: int
    sigma: float = 0.0  # of log-normal lengths; 0: all of one length
    prompts: int
    together: int

    @property
    def name(self) -> str:
        lengths = f"log-normal {self.sigma:g}" if self.sigma else "fixed"
        return f"K={self.answers} {self.prompt}/{self.answer} {lengths}"

    @property
    def pairs(self) -> int:
        """Comparisons of a prompt."""
        return math.comb(self.answers, 2)

    def items(self, *, seed: int) -> list[Item]:
        """A prompt's answers in a random order of merit, all pairs of them compared."""
        draw = random.Random(seed)
        return [self.item(draw) for _ in range(self.prompts)]

    def item(self, draw: random.Random) -> Item:
        order = draw.sample(range(self.answers), self.answers)
        prompt = self.tokens(draw, mean=self.prompt)
        return ranked(prompt, [self.tokens(draw, mean=self.answer) for _ in order], order)

    def tokens(self, draw: random.Random, *, mean: int) -> list[int]:
        """The mean of a log-normal is exp(μ + σ²/2)."""
        drawn = draw.lognormvariate(math.log(mean) - self.sigma**2 / 2, self.sigma) if self.sigma else mean
        length = min(max(round(drawn), 1), LONGEST * mean)
        return [draw.randrange(SPECIAL, VOCAB) for _ in range(length)]

    def pairs_a_pass(self, *, budget: int) -> int:
        """The most pairs of mean length within the budget of tokens that divide an optimiser step evenly."""
        step = self.together * self.pairs
        fitting = max(1, min(step, budget // (2 * (self.prompt + self.answer))))
        return next(n for n in range(fitting, 0, -1) if step % n == 0)


@dataclass(frozen=True, kw_only=True)
class Merit(Case):
    """Rankings with something to learn: an answer is as good as its words together, and people err.

    Merits have mean 0 and deviation `spread`; a ranking is drawn by Plackett-Luce, so that of two answers the better
    one is preferred with probability σ(difference).
    """

    spread: float = 3.0

    @property
    def name(self) -> str:
        return f"simulated, {super().name}"

    def item(self, draw: random.Random) -> Item:
        answers = [self.tokens(draw, mean=self.answer) for _ in range(self.answers)]
        said = [self.merit(answer) - math.log(draw.expovariate(1.0)) for answer in answers]  # with Gumbel noise
        order = sorted(range(self.answers), key=said.__getitem__, reverse=True)
        return ranked(self.tokens(draw, mean=self.prompt), answers, order)

    def tokens(self, draw: random.Random, *, mean: int) -> list[int]:
        """Of few words, so that each is met often."""
        return [SPECIAL + token % WORDS for token in super().tokens(draw, mean=mean)]

    def merit(self, answer: Sequence[int]) -> float:
        return self.spread * sum(WORTH[token - SPECIAL] for token in answer) / math.sqrt(len(answer))


@dataclass(frozen=True, kw_only=True)
class Tournament(Case):
    """Sides of UKPConvArg1 with the usual number of pairs, a word for a token: who was compared with whom is real."""

    @property
    def name(self) -> str:
        return "UKPConvArg1 tournament"

    @property
    def pairs(self) -> int:
        return TOURNAMENT

    def items(self, *, seed: int) -> list[Item]:
        sides: dict[str, list[Pair]] = defaultdict(list)
        for pair in arguments.read(arguments.SHARED / arguments.FILE):
            sides[pair.prompt].append(pair)
        usual = [found for found in sides.values() if len(found) == self.pairs]
        return [tournament(found) for found in random.Random(seed).sample(usual, self.prompts)]


def ranked(prompt: list[int], answers: list[list[int]], order: Sequence[int]) -> Item:
    """All pairs compared; `order`: best first."""
    return Item(
        prompt=prompt,
        answers=answers,
        edges=[Edge(better=b, worse=w, tie=False, margin=0.0, weight=1.0) for b, w in combinations(order, 2)],
        rankings=[(tuple((i,) for i in order), 1.0)],
    )


def tournament(pairs: Sequence[Pair]) -> Item:
    """The side that more people preferred has won; an even vote counts for the first, so that no pair is lost."""
    texts = list(dict.fromkeys(text for pair in pairs for text in pair.texts))
    place = {text: number for number, text in enumerate(texts)}
    return Item(
        prompt=words(pairs[0].prompt),
        answers=[words(text) for text in texts],
        edges=[
            Edge(better=place[better], worse=place[worse], tie=False, margin=0.0, weight=1.0)
            for better, worse in (pair.texts if pair.lead >= 0 else pair.texts[::-1] for pair in pairs)
        ],
        rankings=[],
    )


def words(text: str) -> list[int]:
    return [SPECIAL + zlib.crc32(word.encode()) % (VOCAB - SPECIAL) for word in text.split()]


MODELS = (Model(name="tiny", layers=4, width=256), Model(name="mid", layers=8, width=512))
CASES = tuple(
    Case(answers=k, prompt=p, answer=a, sigma=sigma, prompts=prompts, together=together)
    for sigma in (0.0, SIGMA)
    for k, p, a, prompts, together in (
        (2, 128, 128, 96, 8),
        (4, 128, 128, 40, 4),
        (4, 256, 64, 40, 4),
        (9, 128, 64, 16, 4),
    )
)
if (arguments.SHARED / arguments.FILE).is_file():
    CASES += (Tournament(answers=35, prompt=24, answer=48, prompts=3, together=1),)


def ceiling(items: Sequence[Item]) -> float:
    """Tokens of the expanded pairs over tokens of the packed rows."""
    return sum(map(ranking.expanded, items)) / sum(item.tokens for item in items)
