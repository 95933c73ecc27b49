"""Alternatives: expressions of many choices that `re` finds its way through."""

from __future__ import annotations

from collections.abc import Iterable


def by_first_letter(patterns: Iterable[str], *, after: str = "") -> str:
    """The choices grouped by the letter that each begins with, for one expression to choose from.

    `after` is what must not stand before a choice. Where every choice begins with a letter, `re`
    skips all other letters: of three hundred phrases that takes a third of the time.
    """
    rests: dict[str, list[str]] = {}
    for pattern in patterns:
        rests.setdefault(pattern[0], []).append(pattern[1:])
    return "|".join(
        f"{first}{f'(?<!{after}{first})' if after else ''}(?:{'|'.join(rest)})"
        for first, rest in rests.items()
    )
