"""Measures Fixdex and what one would take instead on the same posts and questions, in one run.

usage: python -m benchmarks [--posts FOLDER] [--questions FILE] [--sizes 1000,all,40000] …
Each measurement runs in a process of its own, one after the other. The tables are printed; they,
all figures and a picture are left in the folder of the run. The posts given are never written to.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.figures import tables
from benchmarks.folder import posts
from benchmarks.more_posts import more_posts, write_posts
from benchmarks.plot import plot
from benchmarks.processes import run
from benchmarks.questions import Asked, read_questions
from benchmarks.serving import ask, serve
from benchmarks.systems import ALONE, FAST, SYSTEMS

ROOT = Path(__file__).resolve().parent.parent.parent


class Run:
    """One system on the posts of one size."""

    def __init__(
        self, name: str, python: str, folder: Path, place: Path, questions: Path, times: int
    ) -> None:
        self._name, self._python, self._folder = name, python, folder
        self._place, self._questions, self._times = place, questions, times

    def build(self) -> dict[str, Any]:
        """What building the index takes."""
        built = run(self._command("build"))
        figures: dict[str, Any] = json.loads(built.printed)
        # What it ran at its very end is not seen from outside, what it started not from inside.
        return figures | {"build_peak_mb": max(figures["build_peak_mb"], built.peak_mb)}

    def ask(self) -> dict[str, Any]:
        """What every question takes, to hits and to an answer, in new processes."""
        figures: dict[str, Any] = json.loads(run(self._command("ask")).printed)
        if self._name in (ALONE, FAST):
            answered = json.loads(run(self._command("answer")).printed)
            figures |= {f"answer_{key}": value for key, value in answered.items()}
        return figures

    def use(self, asked: list[Asked]) -> dict[str, Any]:
        """What starts, a server and changes take; it writes to the posts, and to the index."""
        figures: dict[str, Any] = {}
        figures["starts_s"] = [run(self._command("start")).seconds for _ in range(self._times)]
        figures["start_s"] = statistics.median(figures["starts_s"])
        if self._name in (ALONE, FAST):
            where = self._python, self._folder, self._place
            figures["ask_starts_s"] = [ask(*where, asked[0].text) for _ in range(self._times)]
            figures["ask_start_s"] = statistics.median(figures["ask_starts_s"])
            figures |= serve(*where, asked, self._times)
        return figures | json.loads(run(self._command("change")).printed)

    def _command(self, does: str) -> list[str]:
        rest = map(str, (self._folder, self._place, self._questions, self._times))
        return [self._python, "-m", "benchmarks.one_system", does, self._name, *rest]


def middle(rounds: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Of each figure of several rounds the median; of those of questions, question by question."""
    return {
        key: [statistics.median(values) for values in zip(*told, strict=True)]
        if isinstance(told[0], list)
        else statistics.median(told)
        for key in rounds[0]
        if (told := [one[key] for one in rounds])
    }


def machine() -> str:
    """What the figures were measured on, in a line."""
    told = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    names = [line.partition(":")[2].strip() for line in told if line.startswith("model name")]
    cores = len(os.sched_getaffinity(0))
    return (
        f"{cores} cores of {names[0] if names else platform.machine()}, "
        f"Python {platform.python_version()}, Linux {platform.release()}"
    )


def options() -> argparse.Namespace:
    """What was asked for on the command line."""
    said = (__doc__ or "").splitlines()[0]
    parser = argparse.ArgumentParser("benchmarks", description=said)
    parser.add_argument("--posts", type=Path, default=ROOT / "kb", help="folder of posts")
    parser.add_argument(
        "--questions",
        type=Path,
        default=ROOT / "tests" / "kb_questions.jsonl",
        help="a line of JSON for each: query, and kind (`paste` for what was pasted)",
    )
    parser.add_argument(
        "--sizes",
        default="all",
        help="numbers of posts, parted by commas; `all`: the posts as they are",
    )
    parser.add_argument("--systems", default=",".join(SYSTEMS), help="which, parted by commas")
    parser.add_argument("--alone", default=sys.executable, help="a Python without rjieba")
    parser.add_argument(
        "--times", type=int, default=5, help="how often a start or a change is measured"
    )
    parser.add_argument(
        "--rounds", type=int, default=3, help="how often each system in turn is asked everything"
    )
    parser.add_argument(
        "--to", type=Path, default=ROOT / "build" / "benchmarks", help="folder of the run"
    )
    chosen = parser.parse_args()
    if unknown := set(chosen.systems.split(",")) - set(SYSTEMS):
        parser.error(f"there is no system {', '.join(unknown)}; known are {', '.join(SYSTEMS)}")
    if chosen.times < 1 or chosen.rounds < 1:
        parser.error("--times and --rounds are 1 or more")
    if not all(size == "all" or (size.isdigit() and int(size)) for size in chosen.sizes.split(",")):
        parser.error("sizes are numbers above 0, or `all`")
    return chosen


def keep(result: dict[str, Any], folder: Path) -> None:
    """Leaves what is measured already, should the rest fail."""
    told = json.dumps(result, indent=1, ensure_ascii=False)
    (folder / "figures.json").write_text(told, "utf-8")
    (folder / "figures.md").write_text(tables(result), "utf-8")
    (folder / "figures.svg").write_text(plot(result), "utf-8")


def main() -> None:
    """Measures what was asked for, and leaves what came of it."""
    if not Path("/proc/self/smaps_rollup").exists():
        raise SystemExit("memory is read from /proc: run the benchmarks on Linux")
    chosen = options()
    # The processes find what this one found, and no setting of whoever runs them.
    own = [str(Path(__file__).resolve().parent.parent), os.environ.get("PYTHONPATH", "")]
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, own))
    for name in [name for name in os.environ if name.startswith("FIXDEX_")]:
        del os.environ[name]
    asked = read_questions(chosen.questions)
    real = list(posts(chosen.posts))
    if not asked or not real:
        raise SystemExit(f"{chosen.posts} or {chosen.questions} is empty: name posts and questions")
    result: dict[str, Any] = {
        "machine": machine(),
        "asked": f"{len(asked)} questions, {sum(one.pasted for one in asked)} of them pasted",
        "load_before": os.getloadavg()[0],
        "sizes": [],
    }
    chosen.to.mkdir(parents=True, exist_ok=True)
    for size in chosen.sizes.split(","):
        count = len(real) if size == "all" else int(size)
        with tempfile.TemporaryDirectory(prefix="work-", dir=chosen.to) as work:
            folder = Path(work, "posts")
            words = str(write_posts(folder, more_posts(real, count)))
            written = [file.stat().st_size for file in folder.rglob("*") if file.is_file()]
            systems: dict[str, Any] = {}
            result["sizes"].append(
                {
                    "posts": len(written),
                    "mb": sum(written) / 1e6,
                    "words": words,
                    "systems": systems,
                }
            )
            runs = {}
            for name in dict.fromkeys(chosen.systems.split(",")):
                sys.stderr.write(f"{len(written)} posts: {name} builds\n")
                python = chosen.alone if name == ALONE else sys.executable
                place = Path(work, name)
                runs[name] = Run(name, python, folder, place, chosen.questions, chosen.times)
                systems[name] = runs[name].build()
                keep(result, chosen.to)
            # In turn: a machine that is slower for minutes is so for all of them.
            sys.stderr.write(f"{len(written)} posts: all are asked\n")
            rounds = [{name: runs[name].ask() for name in runs} for _ in range(chosen.rounds)]
            for name, one in runs.items():
                sys.stderr.write(f"{len(written)} posts: {name} is used\n")
                systems[name] |= middle([told[name] for told in rounds]) | one.use(asked)
                shutil.rmtree(Path(work, name))
                keep(result, chosen.to)
    print(tables(result))


if __name__ == "__main__":
    main()
