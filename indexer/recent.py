"""Recent: what was made a short while ago, kept by whom it was made for.

Not `functools.lru_cache` around a method: that keeps its object, and the files it has open, until
Python looks for rubbish.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TypeVar

_Key = TypeVar("_Key", bound=Hashable)
_Value = TypeVar("_Value")


class Made(dict[_Key, _Value]):
    """What was made of the keys that it keeps: of the last ones once; of at most twice `most`.

    To look up is to look into a dict: of a million words and more that takes a fifth of the time of
    `functools.lru_cache`, which notes who was asked for last.
    """

    def __init__(
        self,
        make: Callable[[_Key], _Value],
        most: int,
        keeps: Callable[[_Key], bool] = lambda key: True,
    ) -> None:
        super().__init__()
        self._make, self._most, self._keeps = make, most, keeps
        self._before: dict[_Key, _Value] = {}

    def __missing__(self, key: _Key) -> _Value:
        if not self._keeps(key):
            return self._make(key)
        if len(self) >= self._most:
            self._before = dict(self)
            self.clear()
        made = self._before.get(key)
        self[key] = value = self._make(key) if made is None else made
        return value


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
