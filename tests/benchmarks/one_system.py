"""One thing of one system, measured in a process of its own and printed as JSON.

usage: python -m benchmarks.one_system DOES SYSTEM POSTS PLACE QUESTIONS TIMES
DOES is build, start, ask, answer or change; all but build open the index that build left.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.changing import middling_post, unknown_word
from benchmarks.processes import own_peak, proportional, resident
from benchmarks.questions import Asked, read_questions
from benchmarks.systems import Fixdex, System, make_system

Figures = dict[str, Any]


def build(system: System, place: Path) -> Figures:
    """Seconds from the first file to an index that can be opened, those of all cores, and its size.

    What the system loads to cut words is loaded within.
    """
    before, started = _processor_seconds(), time.perf_counter()
    system.build()
    seconds = time.perf_counter() - started
    size = sum(file.stat().st_size for file in place.rglob("*") if file.is_file())
    return {
        "build_s": seconds,
        "build_cpu_s": _processor_seconds() - before,
        "build_peak_mb": own_peak(),
        "index_mb": size / 1e6,
    }


def _processor_seconds() -> float:
    used = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


def ask(search: Callable[[str], object], asked: list[Asked]) -> Figures:
    """Milliseconds of every question, each asked once and then once more, and the memory used."""
    figures: Figures = {}
    for which in ("first", "again"):
        for kind in ("short", "pasted"):
            figures[f"{kind}_{which}_ms"] = []
        found = 0
        for one in asked:
            started = time.perf_counter()
            found += bool(search(one.text))
            took = (time.perf_counter() - started) * 1000
            figures[f"{'pasted' if one.pasted else 'short'}_{which}_ms"].append(took)
        if not found:
            raise SystemExit("none of the questions found a post: ask what the posts tell")
        figures["found"] = found
    figures["memory_mb"], figures["memory_pss_mb"] = _memory()
    return figures


def _memory() -> tuple[float, float]:
    session = os.getsid(0)
    return resident(session), proportional(session)


def change(system: System, folder: Path, times: int) -> Figures:
    """Seconds from writing one post until a question finds it, several times."""
    path, text = middling_post(folder)
    took = []
    for number in range(times):
        # Not the words of changes to a post that is served.
        word = unknown_word(times + number)
        started = time.perf_counter()
        (folder / path).write_text(f"{text}\n\n{word}\n", "utf-8")
        system.update(path)
        found = system.search(word)
        took.append(time.perf_counter() - started)
        if found[:1] != [path]:
            raise SystemExit(f"{path} was changed and is not found by {word}: {found}")
    (folder / path).write_text(text, "utf-8")
    return {"change_s": statistics.median(took), "changes_s": took}


def main(does: str, name: str, folder: Path, place: Path, questions: Path, times: int) -> Figures:
    """Does one thing with one system."""
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    system = make_system(name, folder, place)
    asked = read_questions(questions)
    if does == "build":
        return build(system, place)
    system.open()
    if does == "start":
        return {"hits": len(system.search(asked[0].text))}
    if isinstance(system, Fixdex):
        system.warm_up()
    # Loads what the first question, or the first post, would wait for.
    system.search("error 错误")
    if does == "ask":
        return ask(system.search, asked)
    if does == "answer" and isinstance(system, Fixdex):
        return ask(system.answer, asked)
    if does == "change":
        return change(system, folder, times)
    raise SystemExit(f"{name} cannot do this: {does}")


if __name__ == "__main__":
    does, name, folder, place, questions, times = sys.argv[1:]
    figures = main(does, name, Path(folder), Path(place), Path(questions), int(times))
    sys.stdout.write(json.dumps(figures))
