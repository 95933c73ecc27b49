"""Visitors: how often each may ask, and what was asked of the site in numbers."""

from __future__ import annotations

import threading
import time
from collections import Counter, OrderedDict

_MOST_KNOWN = 10_000
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Visitors:
    """Counts requests by kind, and says when an address asks too often."""

    def __init__(self, per_minute: str, site_per_minute: str = "off") -> None:
        self._rate, self._site_rate = _rate(per_minute), _rate(site_per_minute)
        self._room: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()
        self._requests: Counter[tuple[str, str]] = Counter()
        self._times: Counter[float] = Counter()
        self._seconds = 0.0

    def wait(self, address: str) -> float:
        """The seconds until this address may ask again; 0 if it may now."""
        now = time.monotonic()
        with self._lock:
            # All visitors together are one more visitor, who has no address. Who is refused takes
            # nothing from the others.
            return self._wait(address, self._rate, now) or self._wait("", self._site_rate, now)

    def _wait(self, address: str, rate: float | None, now: float) -> float:
        if rate is None:
            return 0.0
        most = rate * 60
        room, then = self._room.pop(address, (most, now))
        room = min(most, room + (now - then) * rate)
        allowed = room >= 1
        self._room[address] = (room - 1 if allowed else room, now)
        if len(self._room) > _MOST_KNOWN:
            self._room.popitem(last=False)
        return 0.0 if allowed else (1 - room) / rate

    def count(self, kind: str, outcome: str, seconds: float | None = None) -> None:
        """Notes a request, what came of it, and how long it took."""
        with self._lock:
            self._requests[kind, outcome] += 1
            if seconds is not None:
                self._seconds += seconds
                self._times[next((b for b in _BUCKETS if seconds <= b), float("inf"))] += 1

    def metrics(self, posts: int) -> str:
        """The numbers in the text format of Prometheus."""
        with self._lock:
            requests, times = sorted(self._requests.items()), dict(self._times)
            seconds = self._seconds
        lines = ["# TYPE fixdex_posts gauge", f"fixdex_posts {posts}"]
        lines.append("# TYPE fixdex_requests_total counter")
        for (kind, outcome), number in requests:
            lines.append(f'fixdex_requests_total{{kind="{kind}",outcome="{outcome}"}} {number}')
        lines.append("# TYPE fixdex_answer_seconds histogram")
        total = 0
        for bound in (*_BUCKETS, float("inf")):
            total += times.get(bound, 0)
            name = "+Inf" if bound == float("inf") else f"{bound}"
            lines.append(f'fixdex_answer_seconds_bucket{{le="{name}"}} {total}')
        lines += [
            f"fixdex_answer_seconds_sum {seconds:.6f}",
            f"fixdex_answer_seconds_count {total}",
        ]
        return "\n".join(lines) + "\n"


def _rate(per_minute: str) -> float | None:
    """Questions per second, or None where there is no limit."""
    return None if per_minute == "off" else max(1, int(per_minute)) / 60
