"""Between languages: what else, in Chinese or English, says a span of a question."""

from __future__ import annotations

import functools
import importlib.resources
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from indexer.analyzer import Term, fold, words
from indexer.chinese import HAN

_HAN = re.compile(f"[{HAN}]")
# A form of more words is a sentence.
_LONGEST = 6
_MOST = 24


@dataclass(frozen=True, slots=True)
class Other:
    """Another way to say something: words that stand side by side.

    `share` is 1 where the thing said has one sense, and less where it has several.
    """

    words: tuple[str, ...]
    share: float


@dataclass(frozen=True, slots=True)
class Span:
    """A range of a text that can be said otherwise, in the other language and in its own."""

    start: int
    end: int
    translations: tuple[Other, ...]
    synonyms: tuple[Other, ...]


@dataclass(frozen=True, slots=True)
class _Group:
    """Forms that mean the same, each as its words: Chinese ones and English ones."""

    sides: tuple[tuple[tuple[str, ...], ...], tuple[tuple[str, ...], ...]]


class Glossary:
    """Groups of forms that translate each other."""

    def __init__(self, lines: Iterable[str]) -> None:
        """Reads lines `form, form = form, form`: Chinese on the left, English on the right."""
        self._groups: list[_Group] = []
        # A form that holds Chinese is found by its characters, any other by its words.
        self._by_text: dict[str, list[tuple[int, int]]] = {}
        self._by_words: dict[tuple[str, ...], list[tuple[int, int]]] = {}
        self._longest = 1
        for line in lines:
            left, sign, right = line.partition(" = ")
            if sign and not line.startswith("#"):
                self._add(_forms(left), _forms(right))

    def __len__(self) -> int:
        return len(self._groups)

    def spans(self, text: str, found: Sequence[Term] | None = None) -> tuple[Span, ...]:
        """The spans of a text that can be said otherwise; none crosses another, some hold others.

        `found` are the words of the text, where they are known already.
        """
        found = words(text) if found is None else found
        matches = sorted(
            {*self._chinese(text, found), *self._latin(found)},
            key=lambda m: (m[0] - m[1], m[0]),
        )
        kept: list[Span] = []
        for start, end, key in matches:
            crosses = any(
                (s.start < start < s.end < end) or (start < s.start < end < s.end)
                or (s.start, s.end) == (start, end)
                for s in kept
            )  # fmt: skip
            if not crosses:
                kept.append(Span(start, end, *self._others(key)))
        return tuple(kept)

    def _add(self, chinese: Sequence[str], english: Sequence[str]) -> None:
        number = len(self._groups)
        sides = []
        for side, forms in enumerate((chinese, english)):
            kept: dict[tuple[str, ...], None] = {}
            for form in forms:
                cut = tuple(term.text for term in words(form))
                if not 0 < len(cut) <= _LONGEST:
                    continue
                kept.setdefault(cut)
                if _HAN.search(form):
                    key = fold(form).replace(" ", "")
                    self._longest = max(self._longest, len(key))
                    self._by_text.setdefault(key, []).append((number, side))
                else:
                    self._by_words.setdefault(cut, []).append((number, side))
            sides.append(tuple(kept))
        self._groups.append(_Group((sides[0], sides[1])))

    def _chinese(self, text: str, found: Sequence[Term]) -> Iterable[tuple[int, int, str]]:
        folded = fold(text)
        if len(folded) != len(text) or not _HAN.search(folded):
            return
        starts = {term.start for term in found}
        ends = {term.end for term in found}
        for start in range(len(folded)):
            for end in range(min(len(folded), start + self._longest), start, -1):
                form = folded[start:end]
                # A short form must be words of the sentence: `行` in `进行` is no row.
                whole = start in starts and end in ends
                if form in self._by_text and (whole or end - start > 2):
                    yield start, end, form

    def _latin(self, found: Sequence[Term]) -> Iterable[tuple[int, int, tuple[str, ...]]]:
        for first in range(len(found)):
            for last in range(first + 1, min(len(found), first + _LONGEST) + 1):
                key = tuple(term.text for term in found[first:last])
                if key in self._by_words:
                    yield found[first].start, found[last - 1].end, key

    @functools.lru_cache(maxsize=20_000)  # noqa: B019  # one glossary for the life of a process
    def _others(self, key: str | tuple[str, ...]) -> tuple[tuple[Other, ...], tuple[Other, ...]]:
        members = self._by_text[key] if isinstance(key, str) else self._by_words[key]
        own = tuple(t.text for t in words(key)) if isinstance(key, str) else key
        share = 1 / len(members)
        shares: tuple[dict[tuple[str, ...], float], ...] = ({}, {})
        for number, side in members:
            for other in (0, 1):
                into = shares[0 if other != side else 1]
                for form in self._groups[number].sides[other]:
                    if form != own:
                        into[form] = min(1.0, into.get(form, 0.0) + share)
        translations, synonyms = (
            tuple(Other(form, share) for form, share in list(found.items())[:_MOST])
            for found in shares
        )
        return translations, tuple(s for s in synonyms if s not in translations)


def _forms(side: str) -> list[str]:
    return [form for part in side.split(",") if (form := part.strip())]


@functools.cache
def glossary() -> Glossary:
    """The glossary that ships with Fixdex."""
    data = importlib.resources.files("indexer") / "data" / "glossary.txt"
    return Glossary(data.read_text("utf-8").splitlines())
