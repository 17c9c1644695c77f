"""What is judged in the benchmark: one seeded set of prompts and answers for every server."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

SEED = 7
# Ordinary words, so that texts look, wrap and compress like texts.
TEXT = """
the of and to in that is for it as was with be by on not he his but at are this have from or had an they which one you
were all her she there would their we him been has when who will no more if out so up said what its about than into
them can only other time new some could these two may first then do any like my now over such our man me even model
answer reason because therefore example compute value function return number result question please write
"""
WORDS = TEXT.split()


@dataclass(frozen=True)
class Item:
    prompt: str
    responses: list[str]


def items(count: int, *, responses: int = 2) -> Iterator[Item]:
    """A prompt of 60 words; answers of 120 to 240, about a kilobyte, every third with a list and some code."""
    chance = random.Random(SEED)
    for number in range(count):
        texts = [answer(chance, with_code=(number + place) % 3 == 0) for place in range(responses)]
        yield Item(prompt=f"{number}. {words(chance, 60)}", responses=texts)


def words(chance: random.Random, count: int) -> str:
    return " ".join(chance.choices(WORDS, k=count)).capitalize() + "."


def answer(chance: random.Random, *, with_code: bool) -> str:
    text = words(chance, chance.randint(120, 240))
    if not with_code:
        return text
    points = "\n".join(f"- **{words(chance, 2)}** {words(chance, 8)}" for _ in range(3))
    return f"{text}\n\n{points}\n\n```python\nfor value in range({chance.randint(2, 99)}):\n    print(value)\n```"
