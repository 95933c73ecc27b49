"""Visitors: how often each may ask."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict

_MOST_KNOWN = 10_000


class Visitors:
    """Says when an address asks too often."""

    def __init__(self, per_minute: str, site_per_minute: str = "off") -> None:
        self._rate, self._site_rate = _rate(per_minute), _rate(site_per_minute)
        self._room: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

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


def _rate(per_minute: str) -> float | None:
    """Questions per second, or None where there is no limit."""
    return None if per_minute == "off" else max(1, int(per_minute)) / 60
