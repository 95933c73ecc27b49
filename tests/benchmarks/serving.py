"""Fixdex as its users meet it: `fixdex ask`, and `fixdex serve --watch` over HTTP."""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.changing import middling_post, unknown_word
from benchmarks.processes import proportional, resident, run, wait_until_idle
from benchmarks.questions import Asked

# How often it is looked whether a change is found, and when it will never be.
_EVERY, _NEVER = 0.02, 120
# How often it is looked meanwhile what is resident.
_LOOKED = 0.2


def ask(python: str, folder: Path, place: Path, question: str) -> float:
    """Seconds that the command takes to answer a question in the terminal."""
    options = ["--json", "--kb", str(folder), "--index", str(place)]
    # It ends with 1 where no post answers.
    return run([python, "-m", "indexer.cli", "ask", *options, "--", question], (0, 1)).seconds


def serve(python: str, folder: Path, place: Path, asked: list[Asked], times: int) -> dict[str, Any]:
    """Seconds from start to the first answer and from saved to found; memory after all questions.

    The server takes the index that is there, and follows the posts.
    """
    starts = []
    for _ in range(times - 1):
        with _serving(python, folder, place) as server:
            starts.append(_first_answer(server, asked[0]))
    path, text = middling_post(folder)
    with _serving(python, folder, place) as server:
        starts.append(_first_answer(server, asked[0]))
        site, session = server.site, server.session
        figures: dict[str, Any] = {
            "serve_start_s": statistics.median(starts),
            "serve_starts_s": starts,
        }
        # It looks for posts that changed before it began to follow them.
        wait_until_idle(session)
        took = []
        for one in asked:
            before = time.perf_counter()
            _fetch(f"{site}/api/ask", {"question": one.text})
            took.append((time.perf_counter() - before) * 1000)
        figures["serve_answer_ms"] = took
        figures["serve_memory_mb"] = resident(session)
        figures["serve_memory_pss_mb"] = proportional(session)
        found, peaks = [], []
        for number in range(times):
            seconds, peak = _saved_to_found(server, folder, path, text, number)
            found.append(seconds)
            peaks.append(peak)
            wait_until_idle(session)
        figures["serve_peak_mb"] = max(peaks)
        figures["saved_to_found_s"] = statistics.median(found)
        figures["saved_to_found_each_s"] = found
        figures["serve_memory_changed_mb"] = resident(session)
        figures["serve_memory_changed_pss_mb"] = proportional(session)
    (folder / path).write_text(text, "utf-8")
    return figures


@dataclass(frozen=True, slots=True)
class _Server:
    """A server that listens: its address, the number of its session, and when it was started."""

    site: str
    session: int
    started: float


def _first_answer(server: _Server, one: Asked) -> float:
    """Seconds from the start of a server to an answer."""
    _fetch(f"{server.site}/api/ask", {"question": one.text})
    return time.perf_counter() - server.started


@contextmanager
def _serving(python: str, folder: Path, place: Path) -> Iterator[_Server]:
    """A server, as soon as it listens."""
    started = time.perf_counter()
    command = [python, "-m", "indexer.cli", "serve", str(folder), "--index", str(place)]
    server = subprocess.Popen(
        [*command, "--port", "0", "--watch"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "FIXDEX_RATE_LIMIT": "off"},
        start_new_session=True,
    )
    try:
        assert server.stdout is not None
        says = server.stdout.readline().split()
        address = next((word for word in says if word.startswith("http://")), None)
        if address is None:
            raise SystemExit(f"{' '.join(command)} does not serve; run it to see why")
        yield _Server(address.rstrip("/"), server.pid, started)
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)
        if server.stdout is not None:
            server.stdout.close()


def _saved_to_found(
    server: _Server, folder: Path, path: str, text: str, number: int
) -> tuple[float, float]:
    """Seconds from the moment that a post is saved until the search page has it.

    And the megabytes that were resident at most meanwhile.
    """
    word = unknown_word(number)
    query = urllib.parse.urlencode({"q": word})
    (folder / path).write_text(f"{text}\n\n{word}\n", "utf-8")
    saved = time.perf_counter()
    peak, looked = resident(server.session), saved
    while True:
        hits = _fetch(f"{server.site}/api/search?{query}")["hits"]
        seconds = time.perf_counter() - saved
        if hits and hits[0]["post"]["path"] == path:
            return seconds, peak
        if seconds > _NEVER:
            raise SystemExit(f"{path} was saved and is not found after {_NEVER} s")
        if time.perf_counter() - looked > _LOOKED:
            peak, looked = max(peak, resident(server.session)), time.perf_counter()
        time.sleep(_EVERY)


def _fetch(address: str, body: dict[str, str] | None = None) -> dict[str, Any]:
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(address, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        told: dict[str, Any] = json.load(answer)
    return told
