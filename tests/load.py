"""Many clients ask a server whose posts change all the time: what failed, and how long it took.

python tests/load.py POSTS QUESTIONS.jsonl [--clients 200] [--seconds 120]
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode


@dataclass
class Load:
    """What became of all requests; milliseconds each took, and the builds that answered."""

    took: list[float] = field(default_factory=list)
    failed: Counter[str] = field(default_factory=Counter)
    builds: set[str] = field(default_factory=set)

    def at(self, share: float) -> float:
        """So many milliseconds, or less, were taken by that share of the requests."""
        return sorted(self.took)[min(int(share * len(self.took)), len(self.took) - 1)]


def put_load(posts: Path, questions: Sequence[str], clients: int, seconds: float) -> Load:
    """Asks a server of a copy of these posts, a post of which changes again and again."""
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work) / "posts"
        shutil.copytree(posts, folder, ignore=shutil.ignore_patterns(".fixdex"))
        with serving(folder, "--watch") as port:
            return _ask_all(folder, port, questions, clients, seconds)


@contextmanager
def serving(folder: Path, *options: str) -> Iterator[int]:
    """A server of posts in a process of its own; comes with its port."""
    command = [sys.executable, "-m", "indexer.cli", "serve", str(folder), "--port", "0", *options]
    environment = {**os.environ, "FIXDEX_RATE_LIMIT": "off", "FIXDEX_SITE_RATE_LIMIT": "off"}
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        assert server.stdout is not None
        yield int(server.stdout.readline().split("http://")[1].split("/")[0].split(":")[1])
    finally:
        server.send_signal(signal.SIGTERM)
        server.communicate(timeout=30)


def _ask_all(
    folder: Path, port: int, questions: Sequence[str], clients: int, seconds: float
) -> Load:
    load, turns = Load(), itertools.count()
    until = time.monotonic() + seconds

    def ask() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        while time.monotonic() < until:
            query = urlencode({"q": questions[next(turns) % len(questions)]})
            started = time.perf_counter()
            try:
                connection.request("GET", f"/api/ask?{query}")
                answer = connection.getresponse()
                data = json.loads(answer.read())
                if answer.status == 200:
                    load.builds.add(data["index"]["build"])
                else:
                    load.failed[f"status {answer.status}"] += 1
            except (OSError, http.client.HTTPException, ValueError) as error:
                load.failed[repr(error)] += 1
                connection.close()
            load.took.append((time.perf_counter() - started) * 1000)
        connection.close()

    threads = [threading.Thread(target=ask) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for number in itertools.count():
        if time.monotonic() >= until:
            break
        (folder / "changes.md").write_text(f"# changes\n\nfor the {number}th time\n", "utf-8")
        time.sleep(0.2)
    for thread in threads:
        thread.join()
    return load


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("posts", type=Path)
    parser.add_argument("questions", type=Path)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=120)
    options = parser.parse_args()
    lines = options.questions.read_text("utf-8").splitlines()
    asked = [json.loads(line) for line in lines]
    questions = [one.get("question") or one["query"] for one in asked]
    load = put_load(options.posts, questions, options.clients, options.seconds)
    print(
        f"{options.clients} clients, {len(load.took)} requests, "
        f"{len(load.took) / options.seconds:.0f} a second, {load.failed.total()} failed "
        f"{dict(load.failed.most_common(3))}, median {load.at(0.5):.0f} ms, "
        f"99th {load.at(0.99):.0f} ms, answered by {len(load.builds)} generations"
    )
    sys.exit(1 if load.failed else 0)


if __name__ == "__main__":
    main()
