"""Rewards as a user writes them."""


def brevity(prompts: list[list[dict[str, str]]], completions: list[str]) -> list[float]:
    return [-len(text) / 10 for text in completions]


def loudness(prompts: list[list[dict[str, str]]], completions: list[str]) -> list[float]:
    return [sum(letter.isupper() for letter in text) / (1 + len(text)) for text in completions]
