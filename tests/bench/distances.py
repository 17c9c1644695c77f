"""Rewards over the distance from the base, as an SVG that needs nothing but itself."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 860, 460
LEFT, RIGHT, TOP, BOTTOM = 60, 250, 20, 50
TICKS = 6


@dataclass(frozen=True, kw_only=True)
class Line:
    """`points`: (√KL, reward). `begins`: the √KL at which over-optimisation begins, if it does."""

    name: str
    colour: str
    points: Sequence[tuple[float, float]]
    dashed: bool = False
    begins: float | None = None


@dataclass(frozen=True, kw_only=True)
class Frame:
    """What of both axes is seen."""

    right: float
    low: float
    high: float

    def x(self, value: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * value / self.right

    def y(self, value: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (self.high - value) / (self.high - self.low)


def drawing(lines: Sequence[Line], *, across: str, up: str) -> str:
    frame = frame_of(lines)
    font = 'font-family="sans-serif" font-size="12" fill="#222"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" {font}>',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        *axes(frame, across=across, up=up),
    ]
    for number, line in enumerate(lines):
        parts += [*drawn(line, frame), *legend(line, y=TOP + 10 + 20 * number)]
    return "\n".join([*parts, "</svg>"]) + "\n"


def frame_of(lines: Sequence[Line]) -> Frame:
    seen = [point for line in lines for point in line.points]
    low, high = min(y for _, y in seen), max(y for _, y in seen)
    room = 0.05 * (high - low or 1.0)
    return Frame(right=1.05 * max(x for x, _ in seen) or 1.0, low=low - room, high=high + room)


def axes(frame: Frame, *, across: str, up: str) -> list[str]:
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    middle = (TOP + bottom) / 2
    turned = f'text-anchor="middle" transform="rotate(-90 16 {middle})"'
    rows = [(value, frame.y(value)) for value in ticks(frame.low, frame.high)]
    return [
        f'<path d="M{LEFT} {TOP}V{bottom}H{right}" fill="none" stroke="#222"/>',
        text((LEFT + right) / 2, HEIGHT - 12, across, anchor="middle"),
        f'<text x="16" y="{middle}" {turned}>{escape(up)}</text>',
        *(text(frame.x(value), bottom + 18, f"{value:g}", anchor="middle") for value in ticks(0.0, frame.right)),
        *(f'<path d="M{LEFT} {y:.1f}H{right}" stroke="#ddd"/>' for _, y in rows),
        *(text(LEFT - 6, y + 4, f"{value:g}", anchor="end") for value, y in rows),
    ]


def ticks(low: float, high: float) -> list[float]:
    """Round numbers between both."""
    rough = (high - low) / TICKS
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(size * factor for factor in (1, 2, 5, 10) if size * factor >= rough)
    return [round(number * step, 10) for number in range(math.ceil(low / step), math.floor(high / step) + 1)]


def drawn(line: Line, frame: Frame) -> list[str]:
    places = [(frame.x(x), frame.y(y)) for x, y in line.points]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    parts = [f'<polyline points="{path}" fill="none" stroke="{line.colour}" stroke-width="2"{dashes(line)}/>']
    parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{line.colour}"/>' for x, y in places]
    if line.begins is not None:
        x = frame.x(line.begins)
        parts.append(
            f'<path d="M{x:.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="{line.colour}" stroke-width="1" '
            'stroke-dasharray="2 3"/>'
        )
    return parts


def legend(line: Line, *, y: float) -> list[str]:
    x = WIDTH - RIGHT + 16
    return [
        f'<path d="M{x} {y}h24" stroke="{line.colour}" stroke-width="2"{dashes(line)}/>',
        text(x + 30, y + 4, line.name),
    ]


def dashes(line: Line) -> str:
    return ' stroke-dasharray="6 4"' if line.dashed else ""


def text(x: float, y: float, words: str, *, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'
