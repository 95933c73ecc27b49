"""The figures of a run as a picture: a panel for each cost, by number of posts."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape

from benchmarks.figures import MEDIAN, P95, Row, shown, with_all
from benchmarks.systems import SYSTEMS

PANELS = (
    Row("Build from scratch", "s", "build_s"),
    Row("One changed post", "s", "change_s"),
    Row("New process to first hits", "s", "start_s"),
    Row("Short question, median", "ms", "short_first_ms", MEDIAN),
    Row("Pasted question, 95th percentile", "ms", "pasted_first_ms", P95),
    Row("Whole answer, median", "ms", "answer_all_first_ms", MEDIAN),
    Row("Memory after all questions", "MB", "memory_mb"),
    Row("Index on disk", "MB", "index_mb"),
)
COLOURS = ("#0b6bcb", "#7cb7f0", "#c0392b", "#8e6c3a", "#2e8b57", "#8e44ad")
_ACROSS, _WIDE, _HIGH, _TOP = 4, 260, 200, 50
_LEFT, _RIGHT, _ABOVE, _BELOW = 48, 18, 26, 30

Point = tuple[float, float]


def plot(result: Mapping[str, Any]) -> str:
    """The picture, as SVG."""
    sizes = [
        (size["posts"], {name: with_all(told) for name, told in size["systems"].items()})
        for size in result["sizes"]
    ]
    names = [name for name in SYSTEMS if any(name in systems for _, systems in sizes)]
    down = math.ceil(len(PANELS) / _ACROSS)
    width, height = _ACROSS * _WIDE, _TOP + down * _HIGH
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
        ' font-family="sans-serif" font-size="11">',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        *_legend(names),
    ]
    for number, row in enumerate(PANELS):
        lines: dict[str, list[Point]] = {}
        for posts, systems in sizes:
            for name, figures in systems.items():
                if value := row.value(figures):
                    lines.setdefault(name, []).append((posts, value))
        left, top = number % _ACROSS * _WIDE, _TOP + number // _ACROSS * _HIGH
        parts.append(f'<g transform="translate({left} {top})">')
        parts += _panel(row, lines)
        parts.append("</g>")
    return "\n".join([*parts, "</svg>", ""])


def _legend(names: Sequence[str]) -> Iterator[str]:
    for number, name in enumerate(names):
        left = _LEFT + number * 120
        yield f'<circle cx="{left}" cy="20" r="4" fill="{_colour(name)}"/>'
        yield f'<text x="{left + 9}" y="24">{escape(name)}</text>'


def _panel(row: Row, lines: Mapping[str, Sequence[Point]]) -> Iterator[str]:
    yield f'<text x="{_LEFT}" y="14" font-weight="bold">{escape(row.name)}</text>'
    points = [point for line in lines.values() for point in line]
    if not points:
        yield f'<text x="{_LEFT}" y="60" fill="#666">not measured</text>'
        return
    sizes = sorted({posts for posts, _ in points})
    across = _Scale(sizes[0], sizes[-1], _LEFT, _WIDE - _RIGHT)
    low, high = (min(value for _, value in points), max(value for _, value in points))
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high * 1.001)) + 1)
    upward = _Scale(10.0 ** decades[0], 10.0 ** decades[-1], _HIGH - _BELOW, _ABOVE)
    for power in decades:
        y = upward(10.0**power)
        yield f'<path d="M{_LEFT} {y:.1f}H{_WIDE - _RIGHT}" stroke="#ddd"/>'
        text = f"{shown(10.0**power) if power < 0 else f'{10**power:,}'} {row.unit}"
        yield f'<text x="{_LEFT - 4}" y="{y + 4:.1f}" text-anchor="end" font-size="9">{text}</text>'
    for posts in sizes:
        yield (
            f'<text x="{across(posts):.1f}" y="{_HIGH - _BELOW + 16}" text-anchor="middle"'
            f' font-size="9">{posts:,}</text>'
        )
    for name, line in lines.items():
        drawn = [(across(posts), upward(value)) for posts, value in line]
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in drawn)
        yield f'<path d="M{path}" fill="none" stroke="{_colour(name)}" stroke-width="1.5"/>'
        for (x, y), (posts, value) in zip(drawn, line, strict=True):
            told = f"{name}, {posts:,} posts: {shown(value)} {row.unit}"
            yield (
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{_colour(name)}">'
                f"<title>{escape(told)}</title></circle>"
            )


class _Scale:
    """From a number to its place between two, by powers of ten; one alone stands in the middle."""

    def __init__(self, low: float, high: float, start: float, end: float) -> None:
        self._low, self._wide = math.log10(low), math.log10(high / low)
        self._start, self._end = start, end

    def __call__(self, value: float) -> float:
        share = (math.log10(value) - self._low) / self._wide if self._wide else 0.5
        return self._start + share * (self._end - self._start)


def _colour(name: str) -> str:
    return COLOURS[list(SYSTEMS).index(name)]
