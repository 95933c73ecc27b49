"""The figures of a run as tables of Markdown: absolute ones, ratios, and Fixdex by itself."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.systems import ALONE, FAST

# What one run measured of a system, by name.
Figures = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a table: what is measured, in what unit, and how it follows from the figures."""

    name: str
    unit: str
    key: str
    of: Callable[[Any], float] = float

    def value(self, figures: Figures) -> float | None:
        """The figure of a system, or None where it was not measured, or no question is such."""
        told = figures.get(self.key)
        return None if told is None or told == [] else self.of(told)


def percentile(share: float) -> Callable[[Sequence[float]], float]:
    """The least of the values that a share of them does not exceed."""

    def of(values: Sequence[float]) -> float:
        ordered = sorted(values)
        return ordered[max(0, math.ceil(share * len(ordered)) - 1)]

    return of


MEDIAN, P95, P99 = statistics.median, percentile(0.95), percentile(0.99)
COMPARED = (
    Row("build from scratch", "s", "build_s"),
    Row("build, seconds of all cores", "s", "build_cpu_s"),
    Row("build, most memory", "MB", "build_peak_mb"),
    Row("index on disk", "MB", "index_mb"),
    Row("one changed post, saved to found, in process", "s", "change_s"),
    Row("new process to first hits", "s", "start_s"),
    Row("short question to hits, median", "ms", "short_first_ms", MEDIAN),
    Row("short question to hits, 95th percentile", "ms", "short_first_ms", P95),
    Row("short question to hits, 99th percentile", "ms", "short_first_ms", P99),
    Row("short question asked again, median", "ms", "short_again_ms", MEDIAN),
    Row("pasted question to hits, median", "ms", "pasted_first_ms", MEDIAN),
    Row("pasted question to hits, 95th percentile", "ms", "pasted_first_ms", P95),
    Row("pasted question to hits, 99th percentile", "ms", "pasted_first_ms", P99),
    Row("pasted question asked again, median", "ms", "pasted_again_ms", MEDIAN),
    Row("any question to hits, median", "ms", "all_first_ms", MEDIAN),
    Row("memory after all questions", "MB", "memory_mb"),
    Row("memory after all questions, proportional", "MB", "memory_pss_mb"),
)
ITS_OWN = (
    Row("whole answer in process, median", "ms", "answer_all_first_ms", MEDIAN),
    Row("whole answer in process, 95th percentile", "ms", "answer_all_first_ms", P95),
    Row("whole answer in process, 99th percentile", "ms", "answer_all_first_ms", P99),
    Row("whole answer, short question, median", "ms", "answer_short_first_ms", MEDIAN),
    Row("whole answer, pasted question, median", "ms", "answer_pasted_first_ms", MEDIAN),
    Row("whole answer asked again, median", "ms", "answer_all_again_ms", MEDIAN),
    Row("whole answer over HTTP, median", "ms", "serve_answer_ms", MEDIAN),
    Row("whole answer over HTTP, 99th percentile", "ms", "serve_answer_ms", P99),
    Row("`fixdex ask`, new process to its end", "s", "ask_start_s"),
    Row("`fixdex serve`, new process to first answer", "s", "serve_start_s"),
    Row("memory of the server after all questions", "MB", "serve_memory_mb"),
    Row("the same, proportional", "MB", "serve_memory_pss_mb"),
    Row("one changed post, saved to found, `serve --watch`", "s", "saved_to_found_s"),
    Row("most memory of the server and what rebuilds, meanwhile", "MB", "serve_peak_mb"),
    Row("memory of the server after these changes", "MB", "serve_memory_changed_mb"),
    Row("the same, proportional", "MB", "serve_memory_changed_pss_mb"),
)


def with_all(figures: Figures) -> dict[str, Any]:
    """Figures with those of short and pasted questions also together."""
    result = dict(figures)
    for prefix in ("", "answer_"):
        for which in ("first", "again"):
            short, pasted = (f"{prefix}{kind}_{which}_ms" for kind in ("short", "pasted"))
            if short in figures:
                result[f"{prefix}all_{which}_ms"] = [*figures[short], *figures[pasted]]
    return result


def tables(result: Mapping[str, Any]) -> str:
    """All tables of a run: its machine, then each size by itself."""
    return "\n".join(
        [
            f"{result['machine']}; {result['asked']}",
            "",
            *(_of_size(size) for size in result["sizes"]),
        ]
    )


def _of_size(size: Mapping[str, Any]) -> str:
    systems = {name: with_all(figures) for name, figures in size["systems"].items()}
    own = [name for name in (ALONE, FAST) if name in systems]
    peers = [name for name in systems if name not in own]
    lines = [
        f"### {size['posts']:,} posts, {shown(size['mb'])} MB, {size['words']}",
        "",
        *_table(list(systems), [(row, _absolute(row, systems)) for row in COMPARED]),
    ]
    if own and peers:
        lines += [
            f"Fixdex in so many times what another takes: {' · '.join(own)}",
            "",
            *_table(peers, [(row, _ratios(row, systems, own, peers)) for row in COMPARED]),
        ]
    if own:
        of_own = {name: systems[name] for name in own}
        lines += _table(own, [(row, _absolute(row, of_own)) for row in ITS_OWN])
    return "\n".join(lines)


def _table(columns: Sequence[str], rows: Sequence[tuple[Row, list[str]]]) -> list[str]:
    return [
        f"| | {' | '.join(columns)} |",
        f"| --- |{' ---: |' * len(columns)}",
        *(f"| {row.name} | {' | '.join(cells)} |" for row, cells in rows if any(cells)),
        "",
    ]


def _absolute(row: Row, systems: Mapping[str, Figures]) -> list[str]:
    values = (row.value(figures) for figures in systems.values())
    return ["" if value is None else f"{shown(value)} {row.unit}" for value in values]


def _ratios(
    row: Row, systems: Mapping[str, Figures], own: Sequence[str], peers: Sequence[str]
) -> list[str]:
    cells = []
    for peer in peers:
        theirs = row.value(systems[peer])
        ours = [row.value(systems[name]) for name in own]
        ratios = [shown(one / theirs) for one in ours if theirs and one is not None]
        cells.append(" · ".join(ratios))
    return cells


def shown(value: float) -> str:
    """A number with three digits that count, without powers of ten."""
    decimals = 0 if value >= 100 else 1 if value >= 10 else 2 if value >= 1 else 3
    return f"{value:,.{decimals}f}"
