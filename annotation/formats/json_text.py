"""JSON Lines and JSON arrays, record by record."""

import json
import re
from collections.abc import Iterator
from typing import IO

from annotation.exceptions import UnreadableFile
from annotation.formats.record import Binary, Record, as_text

LONGEST_RECORD = 64 * 2**20
CHUNK = 2**16
WHITE = re.compile(r"[ \t\n\r]*")
BOM = b"\xef\xbb\xbf"


def line_records(content: Binary, name: str) -> Iterator[Record]:
    """One JSON object a line; empty lines are passed over."""
    number = 0
    while line := content.readline(LONGEST_RECORD + 1):
        number += 1
        if number == 1:
            line = line.removeprefix(BOM)
            if line.lstrip().startswith(b"["):
                raise UnreadableFile(f"{name} holds a JSON array, not one object a line; rename it to end in .json.")
        if len(line) > LONGEST_RECORD:
            skip_line(content)
            yield Record(number=number, value=None, problem=f"longer than {LONGEST_RECORD // 2**20} MiB")
        elif line.strip():
            yield line_record(line, number)


def skip_line(content: Binary) -> None:
    while (rest := content.readline(CHUNK)) and not rest.endswith(b"\n"):
        pass


def line_record(line: bytes, number: int) -> Record:
    try:
        text = line.decode().strip()
    except UnicodeDecodeError:
        return Record(number=number, value=line.decode(errors="replace").strip(), problem="not UTF-8 text")
    try:
        return Record(number=number, value=json.loads(text))
    except json.JSONDecodeError as error:
        return Record(number=number, value=text, problem=f"not JSON: {error.msg} at column {error.colno}")
    except (ValueError, RecursionError):
        return Record(number=number, value=text, problem="nested too deep, or a huge number")


def array_records(content: Binary, name: str) -> Iterator[Record]:
    """The items of one JSON array, or the one object that the file is."""
    with as_text(content) as text:
        yield from scanned(Scanner(text, name=name), name)


def scanned(scanner: "Scanner", name: str) -> Iterator[Record]:
    if scanner.next_sign() == "{":
        yield scanner.record()
        if scanner.next_sign():
            raise UnreadableFile(f"{name} holds several JSON objects, one after another; rename it to end in .jsonl.")
        return
    if scanner.next_sign() != "[":
        raise UnreadableFile(f"{name} is not JSON: it begins with neither [ nor {{.")
    scanner.skip()
    if scanner.next_sign() == "]":
        return
    while True:
        yield scanner.record()
        sign = scanner.next_sign()
        if sign == "]":
            return
        if sign != ",":
            raise UnreadableFile(f"{name} is not whole JSON: line {scanner.line} lacks a comma or the closing ].")
        scanner.skip()


class Scanner:
    """Reads JSON values from a text, chunk by chunk; `line` is where it stands."""

    def __init__(self, text: IO[str], *, name: str) -> None:
        self.text, self.name = text, name
        self.decoder = json.JSONDecoder()
        self.buffer, self.at, self.line = "", 0, 1

    def fill(self, size: int = CHUNK) -> bool:
        """Read on, letting go of what was passed; False at the end of the file."""
        more = self.text.read(size)
        self.buffer, self.at = self.buffer[self.at :] + more, 0
        return bool(more)

    def next_sign(self) -> str:
        """The next character that is not white space, not passed yet; empty at the end."""
        while True:
            if white := WHITE.match(self.buffer, self.at):
                self.line += self.buffer.count("\n", self.at, white.end())
                self.at = white.end()
            if self.at < len(self.buffer):
                return self.buffer[self.at]
            if not self.fill():
                return ""

    def skip(self) -> None:
        """Pass the sign that was looked at."""
        self.at += 1

    def record(self) -> Record:
        """The value that begins here."""
        self.next_sign()
        line, size = self.line, CHUNK
        while True:
            try:
                value, end = self.decoder.raw_decode(self.buffer, self.at)
            except json.JSONDecodeError as error:
                problem = f"{error.msg} (line {line + error.lineno - 1 - self.buffer.count(chr(10), 0, self.at)})"
            except (ValueError, RecursionError):
                problem = f"nested too deep, or a huge number (the record on line {line})"
            else:
                if end < len(self.buffer) or not self.fill(size):  # else a number may go on in the next chunk
                    self.line += self.buffer.count("\n", self.at, end)
                    self.at = end
                    return Record(number=line, value=value)
                continue
            if len(self.buffer) > LONGEST_RECORD or not self.fill(size):
                raise UnreadableFile(f"{self.name} is not whole JSON: {problem}.")
            size = min(2 * size, LONGEST_RECORD)
