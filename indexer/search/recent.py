"""Recent: what was made a short while ago, kept by whom it was made for.

Not `functools.lru_cache` around a method: that keeps its object, and the files it has open, until
Python looks for rubbish.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import Any, Generic, TypeVar

_Value = TypeVar("_Value")


def recent(
    kept: dict[Hashable, _Value], key: Hashable, make: Callable[[], _Value], most: int
) -> _Value:
    """A value made a short while ago, or made now."""
    value = kept.get(key)
    return keep(kept, key, make(), most) if value is None else value


def keep(kept: dict[Hashable, _Value], key: Hashable, value: _Value, most: int) -> _Value:
    """Keeps a value, and lets the oldest of too many go."""
    kept[key] = value
    if len(kept) > most:
        # Listed first: another thread may keep something between two steps of a loop over it.
        for old in list(kept)[: len(kept) - most]:
            kept.pop(old, None)
    return value


class Ready(Generic[_Value]):
    """Values kept ready within a budget of bytes, those longest that are asked for again.

    They stand in two halves. What is asked for comes into the young one; once that is full, it is
    the old one, and what nobody asked for since is let go of. Nothing is ever taken out of a half,
    so threads need no lock: the worst that can happen is that one makes what another made.
    """

    def __init__(self, budget: int, size: Callable[[_Value], int]) -> None:
        self._half = budget // 2
        self._size = size
        self._young: dict[Hashable, _Value] = {}
        self._old: dict[Hashable, _Value] = {}
        self._bytes = 0

    @property
    def full(self) -> bool:
        """Whether what comes next may cost what came first its place."""
        return bool(self._old)

    def get(self, key: Hashable, make: Callable[[], _Value]) -> _Value:
        """The value of a key, kept or made now."""
        young, old = self._young, self._old
        if key in young:
            return young[key]
        return self._keep(key, old[key] if key in old else make())

    def make_ready(
        self, keys: Iterable[Hashable], make: Callable[[list[Any]], Iterable[_Value]]
    ) -> None:
        """Makes all at once that are not kept."""
        young, old = self._young, self._old
        new = [key for key in dict.fromkeys(keys) if key not in young and key not in old]
        for key, value in zip(new, make(new) if new else (), strict=True):
            self._keep(key, value)

    def _keep(self, key: Hashable, value: _Value) -> _Value:
        young = self._young
        young[key] = value
        self._bytes += self._size(value)
        if self._bytes > self._half:
            self._young, self._old, self._bytes = {}, young, 0
        return value
