"""Recent: what was made a short while ago, kept by whom it was made for.

Not `functools.lru_cache` around a method: that keeps its object, and the files it has open, until
Python looks for rubbish.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TypeVar

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
    while len(kept) > most:
        kept.pop(next(iter(kept)), None)
    return value
