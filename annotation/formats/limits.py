"""How much of a file is read where somebody waits for it."""

import io
from dataclasses import dataclass

from annotation.exceptions import TooLong
from annotation.formats.record import Binary


@dataclass(frozen=True, kw_only=True)
class Limits:
    """`size`: bytes, unpacked. `lines`: line ends of any kind, blank lines among them. `records`: also bad ones."""

    size: int
    lines: int
    records: int


class Counted(io.RawIOBase):
    """Hands a stream on until more of it came than the limits allow: packed, it may be a thousand times smaller."""

    def __init__(self, content: Binary, *, name: str, limits: Limits) -> None:
        super().__init__()
        self.content, self.name, self.limits = content, name, limits
        self.size = self.lines = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # what BufferedReader hands over
        count = self.content.readinto1(buffer)
        piece = bytes(buffer[:count])
        self.size += count
        self.lines += piece.count(b"\n") + piece.count(b"\r")
        if self.size > self.limits.size or self.lines > self.limits.lines:
            raise too_long(self.name)
        return count


def too_long(name: str) -> TooLong:
    return TooLong(f"{name} is longer than what is read here.")
