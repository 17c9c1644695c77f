"""From messages to tokens: one way for every kind of run, so that training, scoring and sampling see the same text.

A conversation is `prompt` (ends where the answer begins) and `answer` (ends with the end-of-sequence token). What is
over the context loses the beginning of its prompt; an answer that leaves no room for any prompt is given up.
Text is hostile: a special token spelled out in a message must not become that token.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from training.exceptions import InvalidBase
from training.ml.data.releases import Message

Tokenizer = Any  # transformers ships no types
ZERO_WIDTH_SPACE = "\u200b"
LEAST_PROMPT = 8  # tokens of a prompt below which nothing can be understood of it
GENERATION = "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] "
    "+ END + '\\n' }}{% endfor %}" + GENERATION
)
ENCODER_TEMPLATE = (
    "{{ cls_token }}{% for message in messages %}{{ message['role'] + ': ' + message['content'] + ' ' + sep_token }}"
    "{% endfor %}{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}"
)


@dataclass(frozen=True, kw_only=True)
class Tokens:
    prompt: list[int]
    answer: list[int]

    @property
    def ids(self) -> list[int]:
        return self.prompt + self.answer


@dataclass
class Lengths:
    """What did not fit, for the report."""

    max_length: int
    truncated: int = 0
    dropped: int = 0

    def as_dict(self) -> dict[str, int]:
        return {"max_length": self.max_length, "truncated": self.truncated, "dropped": self.dropped}


@dataclass
class Encoder:
    """Encodes conversations for one tokenizer, and counts what did not fit."""

    tokenizer: Tokenizer
    max_length: int
    overlong: str = "truncate"
    lengths: Lengths = field(init=False)

    def __post_init__(self) -> None:
        self.lengths = Lengths(max_length=self.max_length)

    def encode(self, prompt: Sequence[Message], answer: str) -> Tokens | None:
        """None: it was dropped, and counted so."""
        tokens = tokens_of(self.tokenizer, prompt, answer)
        if len(tokens.ids) <= self.max_length:
            return tokens
        room = self.max_length - len(tokens.answer)
        if self.overlong == "drop" or room < LEAST_PROMPT:
            self.lengths.dropped += 1
            return None
        self.lengths.truncated += 1
        return Tokens(prompt=last_tokens(self.tokenizer, tokens.prompt, room), answer=tokens.answer)

    def encode_prompt(self, prompt: Sequence[Message], *, room: int) -> list[int] | None:
        """The tokens after which an answer of up to `max_length - room` tokens begins."""
        ids = prompt_ids(self.tokenizer, prompt)
        if len(ids) <= room:
            return ids
        if self.overlong == "drop" or room < LEAST_PROMPT:
            self.lengths.dropped += 1
            return None
        self.lengths.truncated += 1
        return last_tokens(self.tokenizer, ids, room)


def last_tokens(tokenizer: Tokenizer, ids: list[int], room: int) -> list[int]:
    """The end of `ids`, with the mark of the beginning kept where the tokenizer sets one."""
    if ids[0] in (tokenizer.bos_token_id, tokenizer.cls_token_id):
        return ids[:1] + ids[len(ids) - room + 1 :]
    return ids[len(ids) - room :]


def tokens_of(tokenizer: Tokenizer, prompt: Sequence[Message], answer: str) -> Tokens:
    messages = [*prompt, {"role": "assistant", "content": answer}]
    before = render(tokenizer, prompt, generate=True)
    whole = render(tokenizer, messages, generate=False)
    # A template that writes the last turn otherwise than it opens one: open it, and let the answer follow.
    after = whole[len(before) :] if whole.startswith(before) else defused(tokenizer, answer)
    return Tokens(prompt=ids_of(tokenizer, before), answer=ended(tokenizer, ids_of(tokenizer, after)))


def prompt_ids(tokenizer: Tokenizer, prompt: Sequence[Message]) -> list[int]:
    return ids_of(tokenizer, render(tokenizer, prompt, generate=True))


def render(tokenizer: Tokenizer, messages: Sequence[Message], *, generate: bool) -> str:
    """
    Raises:
        InvalidBase: the template refuses these roles or their order.
    """
    safe = [{"role": message["role"], "content": defused(tokenizer, message["content"])} for message in messages]
    try:
        return str(tokenizer.apply_chat_template(safe, tokenize=False, add_generation_prompt=generate))
    except Exception as error:
        raise InvalidBase(
            f"the base's chat template refuses a conversation of {', '.join(m['role'] for m in safe)}: {error}; "
            "give it another one with --set chat_template=chatml"
        ) from None


def defused(tokenizer: Tokenizer, text: str) -> str:
    """`text` in which no special token stands: a zero-width space goes into each one spelled out."""
    for token in tokenizer.all_special_tokens:
        if len(token) > 1 and token in text:
            text = text.replace(token, token[:1] + ZERO_WIDTH_SPACE + token[1:])
    return text


def ids_of(tokenizer: Tokenizer, text: str) -> list[int]:
    """The template has set every special token already."""
    return list(tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])


def ended(tokenizer: Tokenizer, answer: list[int]) -> list[int]:
    """The answer up to its end token, which is set where the template sets none."""
    end = end_of(tokenizer)
    return answer[: answer.index(end) + 1] if end in answer else [*answer, end]


def end_of(tokenizer: Tokenizer) -> int:
    """The token that ends an answer: an encoder's separator stands in for it."""
    return int(tokenizer.eos_token_id if tokenizer.eos_token_id is not None else tokenizer.sep_token_id)


def chatml(tokenizer: Tokenizer) -> str:
    """ChatML; where <|im_end|> is no token of the base, its own end token closes a turn: nothing new to learn."""
    end = "<|im_end|>" if "<|im_end|>" in tokenizer.get_vocab() else tokenizer.eos_token
    return CHATML.replace("END", repr(end))
