"""Spelling: the nearest known words of a word that no post has."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from indexer.text.analyzer import stem

# Words as people type them: a letter run; anything with digits or signs may be a code or a name.
_WORD = re.compile(r"(?<![\w.\-/\\:])[A-Za-z]{3,20}(?![\w.\-/\\:])")
# A shorter word is one letter away from too many others.
_SHORTEST = 5
# What makes another word of a word: `starter` is no slip of `start`.
_MAKES_ANOTHER = ("er", "ers", "or", "ors", "ly", "ness", "able", "ment", "ments")
# For each of several terms, how many problems hold it.
Holding = Callable[[Sequence[str]], Sequence[int]]
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def corrections(text: str, holding: Holding, most: int = 4) -> dict[str, str]:
    """For each unknown word of a text, as it was typed, the nearest word that posts have.

    `holding` says how many problems hold each of several terms. Codes and identifiers are never
    corrected: only words of letters, all lower case but for the first, are. Where more words are
    unknown than can be corrected, the question is about something else, and none is.
    """
    found: dict[str, str] = {}
    lost = set()
    words_typed = list(dict.fromkeys(word for word in _WORD.findall(text) if word[1:].islower()))
    known = holding([stem(word) for word in words_typed])
    for typed in (word for word, held in zip(words_typed, known, strict=True) if not held):
        tried = sorted(set(_one_edit(typed.lower()))) if len(typed) >= _SHORTEST else []
        held = zip(holding([stem(word) for word in tried]), tried, strict=True)
        near = max(
            (one for one in held if one[0] and not _made_of(typed.lower(), one[1])),
            key=lambda one: one[0],
            default=None,
        )
        if near is not None:
            found[typed] = near[1]
        else:
            lost.add(typed)
            if len(lost) > most:
                return {}
        if len(found) == most:
            break
    return found if len(found) >= len(lost) else {}


def is_near(typed: str, word: str) -> bool:
    """Whether a word is one letter away from what was typed."""
    return word in _one_edit(typed.lower())


def _made_of(typed: str, word: str) -> bool:
    return any(typed.endswith(end) and stem(word) == typed[: -len(end)] for end in _MAKES_ANOTHER)


def _one_edit(word: str) -> Iterator[str]:
    """The words one letter away: left out, swapped, changed, put in; the first letter stays."""
    for at in range(1, len(word) + 1):
        left, right = word[:at], word[at:]
        if right:
            yield left + right[1:]
            for letter in _LETTERS:
                yield left + letter + right[1:]
        if len(right) > 1:
            yield left + right[1] + right[0] + right[2:]
        for letter in _LETTERS:
            yield left + letter + right
