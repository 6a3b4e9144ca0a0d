"""Small pictures of a scoreboard, as SVG: scores with their error bars, and scores against what they cost.

Dagster's UI shows Markdown images whose source is the picture itself; so does whoever reads the report.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from ot_assets.strategies.scoreboard.verdict import LOSES, TIE, WINNER

_WIDE, _ROW, _EDGE = 640, 24, 34
_LABEL, _VALUE = 190, 96
_INK, _FAINT, _THEIRS = "#1d2433", "#d5dae3", "#b3541e"
# By verdict: what may be built on, what ties with it, what does not.
_TONES = {WINNER: "#1a7f4b", TIE: "#3465a4", LOSES: "#8a93a6"}
_STANDARD_ERRORS = 2


@dataclass(frozen=True)
class Mark:
    """One variant in a picture. `x` is its cost, where it has one; `published` stands beside its own score."""

    label: str
    score: float
    error: float
    verdict: str | None = None
    published: float | None = None
    x: float | None = None


def bars(marks: Sequence[Mark], title: str) -> str:
    """A row a variant: its score, two standard errors to either side, and a published score as a diamond."""
    across = _Axis.of([*_ends(marks), *(m.published for m in marks if m.published is not None)], _LABEL, _WIDE - _VALUE)
    tall = _EDGE + _ROW * len(marks) + 26
    parts = [_text(8, 18, title, weight="600"), *_grid(across, _EDGE - 6, tall - 22)]
    for place, mark in enumerate(marks):
        y, tone = _EDGE + _ROW * place + 12, _tone(mark)
        low, high = (across.at(mark.score + side * _STANDARD_ERRORS * mark.error) for side in (-1, 1))
        parts += [
            _text(_LABEL - 10, y + 4, _cut(mark.label), anchor="end"),
            _line(low, y, high, y, tone, 2),
            *(_line(end, y - 4, end, y + 4, tone, 2) for end in (low, high)),
            _dot(across.at(mark.score), y, tone),
            _text(_WIDE - _VALUE + 12, y + 4, f"{mark.score:.1f} ± {mark.error:.1f}"),
        ]
        if mark.published is not None:
            parts.append(_diamond(across.at(mark.published), y))
    return _svg(tall, title, parts)


def scatter(marks: Sequence[Mark], title: str, x_label: str, log: bool = False) -> str:
    """A dot a variant that has an `x`, with two standard errors; `log` for what grows by factors."""
    placed = [mark for mark in marks if mark.x is not None and (mark.x > 0 or not log)]
    tall = 300
    along = _Axis.of([mark.x for mark in placed if mark.x is not None], 60, _WIDE - 110, log)
    up = _Axis.of(_ends(placed), tall - 50, _EDGE)
    parts = [_text(8, 18, title, weight="600"), _text(_WIDE / 2, tall - 8, x_label, anchor="middle")]
    for tick in up.ticks():
        parts += [_line(60, up.at(tick), _WIDE - 20, up.at(tick), _FAINT, 1)]
        parts += [_text(52, up.at(tick) + 4, f"{tick:g}", anchor="end")]
    parts += [_text(along.at(tick), tall - 30, short(tick), anchor="middle") for tick in along.ticks()]
    for mark in placed:
        x, y, tone = along.at(mark.x or 0), up.at(mark.score), _tone(mark)
        low, high = (up.at(mark.score + side * _STANDARD_ERRORS * mark.error) for side in (-1, 1))
        parts += [_line(x, low, x, high, tone, 2), _dot(x, y, tone), _text(x + 8, y - 6, _cut(mark.label, 18))]
    return _svg(tall, title, parts)


def image(svg: str, alt: str) -> str:
    """The picture as Markdown."""
    return f"![{alt}](data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()})"


def short(value: float) -> str:
    """A count in few characters: 31.6k, 1.2M."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.3g}"


@dataclass(frozen=True)
class _Axis:
    """Values from `low` to `high` on the stretch from `start` to `end`."""

    low: float
    high: float
    start: float
    end: float
    log: bool

    @classmethod
    def of(cls, values: Iterable[float], start: float, end: float, log: bool = False) -> _Axis:
        found = [math.log10(value) if log else value for value in values] or [0.0, 1.0]
        low, high = min(found), max(found)
        room = (high - low) * 0.05 or 0.5
        return cls(low - room, high + room, start, end, log)

    def at(self, value: float) -> float:
        place = math.log10(value) if self.log else value
        return round(self.start + (self.end - self.start) * (place - self.low) / (self.high - self.low), 1)

    def ticks(self) -> list[float]:
        if self.log:
            found = [n * 10.0**power for power in range(math.floor(self.low), math.ceil(self.high)) for n in (1, 3)]
            return [tick for tick in found if self.low <= math.log10(tick) <= self.high] or [
                10**self.low,
                10**self.high,
            ]
        rough = (self.high - self.low) / 4
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(power * n for n in (1, 2, 5, 10) if power * n >= rough)
        return [round(step * n, 10) for n in range(math.ceil(self.low / step), math.floor(self.high / step) + 1)]


def _ends(marks: Sequence[Mark]) -> list[float]:
    return [mark.score + side * _STANDARD_ERRORS * mark.error for mark in marks for side in (-1, 1)]


def _grid(across: _Axis, top: float, bottom: float) -> list[str]:
    parts = []
    for tick in across.ticks():
        x = across.at(tick)
        parts += [_line(x, top, x, bottom, _FAINT, 1), _text(x, bottom + 14, f"{tick:g}", anchor="middle")]
    return parts


def _tone(mark: Mark) -> str:
    return _TONES.get(mark.verdict or TIE, _TONES[LOSES])


def _cut(label: str, longest: int = 27) -> str:
    return label if len(label) <= longest else label[: longest - 1] + "…"


def _text(x: float, y: float, said: str, anchor: str = "start", weight: str = "400") -> str:
    bold = f' font-weight="{weight}"' if weight != "400" else ""
    side = f' text-anchor="{anchor}"' if anchor != "start" else ""
    return f'<text x="{x}" y="{y}"{side}{bold}>{escape(said)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, tone: str, wide: int) -> str:
    return f'<path d="M{x1} {y1}L{x2} {y2}" stroke="{tone}" stroke-width="{wide}"/>'


def _dot(x: float, y: float, tone: str) -> str:
    return f'<circle cx="{x}" cy="{y}" r="4" fill="{tone}"/>'


def _diamond(x: float, y: float) -> str:
    return f'<path d="M{x} {y - 6}l5 6l-5 6l-5-6z" fill="none" stroke="{_THEIRS}" stroke-width="2"/>'


def _svg(tall: float, title: str, parts: Iterable[str]) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{_WIDE}" height="{tall}"'
        f' viewBox="0 0 {_WIDE} {tall}" font-family="sans-serif" font-size="12" fill="{_INK}">'
    )
    ground = f'<title>{escape(title)}</title><rect width="{_WIDE}" height="{tall}" fill="#fff"/>'
    return head + ground + "".join(parts) + "</svg>"
