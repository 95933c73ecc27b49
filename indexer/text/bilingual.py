"""Between languages: what else, in Chinese or English, says a span of a question."""

from __future__ import annotations

import functools
import importlib.resources
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from indexer.text.analyzer import Term, fold, words
from indexer.text.chinese import HAN

_HAN = re.compile(f"[{HAN}]")
# A form of more words is a sentence.
_LONGEST = 6
_MOST = 24
_MOST_SPANS = 200


class Other(NamedTuple):
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


_Words = tuple[str, ...]
_Lengths = tuple[int, ...]


class _Group:
    """Forms that mean the same, Chinese ones and English ones; Chinese is cut when asked for."""

    __slots__ = ("_cut", "_sides")

    def __init__(self, chinese: Sequence[str | _Words], english: Sequence[str | _Words]) -> None:
        self._sides = chinese, english
        self._cut: list[tuple[_Words, ...] | None] = [None, None]

    def side(self, number: int) -> tuple[_Words, ...]:
        """The forms of one side, each as its words."""
        if (cut := self._cut[number]) is None:
            forms = (_cut(f) if isinstance(f, str) else f for f in self._sides[number])
            cut = tuple(dict.fromkeys(form for form in forms if 0 < len(form) <= _LONGEST))
            self._cut[number] = cut
        return cut


# The groups that hold a form: twice their numbers, and one more on the English side.
_Members = tuple[int, ...]


class Glossary:
    """Groups of forms that translate each other."""

    def __init__(self, lines: Iterable[str], base: Glossary | None = None) -> None:
        """Reads lines `form, form = form, form`: Chinese on the left, English on the right.

        The groups of `base` come first.
        """
        self._groups: list[_Group] = list(base._groups) if base else []
        # A form that holds Chinese is found by its characters, any other by its words.
        self._by_text: dict[str, _Members] = dict(base._by_text) if base else {}
        self._by_words: dict[_Words, _Members] = dict(base._by_words) if base else {}
        self._begins: set[str] = set(base._begins) if base else set()
        # How long the Chinese forms are that begin with a character.
        self._lengths: dict[str, _Lengths] = dict(base._lengths) if base else {}
        self._others = functools.lru_cache(maxsize=20_000)(self._find_others)
        for line in lines:
            left, sign, right = line.partition(" = ")
            if sign and not line.startswith("#"):
                self._add(_forms(left), _forms(right))

    def __len__(self) -> int:
        return len(self._groups)

    def holds(self, form: str) -> bool:
        """Whether a form is one of the glossary's."""
        if _HAN.search(form):
            return fold(form).replace(" ", "") in self._by_text
        return _cut(form) in self._by_words

    def terms(self) -> set[str]:
        """The words of all forms."""
        return {
            word
            for group in self._groups
            for side in (0, 1)
            for form in group.side(side)
            for word in form
        }

    def spans(self, text: str, found: Sequence[Term] | None = None) -> tuple[Span, ...]:
        """The spans of a text that can be said otherwise; none crosses another, some hold others.

        `found` are the words of the text, where they are known already.
        """
        found = words(text) if found is None else found
        # What is said again says no more, and a long text is no longer a phrase of a few words.
        first: dict[str | _Words, tuple[int, int]] = {}
        for start, end, form in self._chinese(text, found):
            first.setdefault(form, (start, end))
        for start, end, forms in self._latin(found):
            first.setdefault(forms, (start, end))
        matches = sorted(first.items(), key=lambda m: (m[1][0] - m[1][1], m[1][0]))
        kept: list[Span] = []
        for key, (start, end) in matches[:_MOST_SPANS]:
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
        sides: tuple[list[str | _Words], list[str | _Words]] = ([], [])
        for side, forms in enumerate((chinese, english)):
            for form in forms:
                if _HAN.search(form):
                    key = fold(form).replace(" ", "")
                    lengths = {len(key), *self._lengths.get(key[0], ())}
                    self._lengths[key[0]] = tuple(sorted(lengths, reverse=True))
                    self._by_text[key] = (*self._by_text.get(key, ()), 2 * number + side)
                    sides[side].append(form)
                elif 0 < len(cut := _cut(form)) <= _LONGEST:
                    self._by_words[cut] = (*self._by_words.get(cut, ()), 2 * number + side)
                    self._begins.add(cut[0])
                    sides[side].append(cut)
        self._groups.append(_Group(*sides))

    def _chinese(self, text: str, found: Sequence[Term]) -> Iterable[tuple[int, int, str]]:
        folded = fold(text)
        if len(folded) != len(text) or not _HAN.search(folded):
            return
        starts = {term.start for term in found}
        ends = {term.end for term in found}
        for start, first in enumerate(folded):
            for length in self._lengths.get(first, ()):
                form, end = folded[start : start + length], start + length
                # A short form must be words of the sentence: `行` in `进行` is no row.
                whole = length > 2 or (start in starts and end in ends)
                if whole and end <= len(folded) and form in self._by_text:
                    yield start, end, form

    def _latin(self, found: Sequence[Term]) -> Iterable[tuple[int, int, _Words]]:
        said = tuple(term.text for term in found)
        for first in range(len(found)):
            if said[first] not in self._begins:
                continue
            for last in range(first + 1, min(len(found), first + _LONGEST) + 1):
                key = said[first:last]
                if key in self._by_words:
                    yield found[first].start, found[last - 1].end, key

    def _find_others(
        self, key: str | tuple[str, ...]
    ) -> tuple[tuple[Other, ...], tuple[Other, ...]]:
        members = self._by_text[key] if isinstance(key, str) else self._by_words[key]
        own = _cut(key) if isinstance(key, str) else key
        share = 1 / len(members)
        shares: tuple[dict[tuple[str, ...], float], ...] = ({}, {})
        for number, side in (divmod(member, 2) for member in members):
            for other in (0, 1):
                into = shares[0 if other != side else 1]
                for form in self._groups[number].side(other):
                    if form != own:
                        into[form] = min(1.0, into.get(form, 0.0) + share)
        translations, synonyms = (
            tuple(Other(form, share) for form, share in list(found.items())[:_MOST])
            for found in shares
        )
        return translations, tuple(s for s in synonyms if s not in translations)


def _cut(form: str) -> _Words:
    """The words of a form; many forms are made of the same."""
    return tuple(sys.intern(term.text) for term in words(form))


def _forms(side: str) -> list[str]:
    return [form for part in side.split(",") if (form := part.strip())]


@functools.cache
def glossary() -> Glossary:
    """The glossary that ships with Fixdex."""
    data = importlib.resources.files("indexer") / "data" / "glossary.txt"
    return Glossary(data.read_text("utf-8").splitlines())


# `显存（GPU memory）`, `GPU memory（显存）`
_ENGLISH = "[A-Za-z][A-Za-z-]{1,30}(?: [A-Za-z-]{1,30}){0,3}"
_MINED = re.compile(
    rf"([{HAN}]{{2,12}}) ?[（(]({_ENGLISH})[）)]"
    rf"|(?<![\w.#-])({_ENGLISH}) ?[（(]([{HAN}]{{2,8}})[）)]"
)
# What stands at a bracket of every such pair; most lines have none.
_AT_BRACKET = re.compile(rf"[(（](?:(?<=[{HAN} ].)[A-Za-z]|(?<=[A-Za-z -].)[{HAN}])")
_MOST_MINED = 50
# Words that no name of a thing begins with.
_BINDING = re.compile(
    "的|了|和|与|或|及|在|对|对于|把|将|用|是|叫|为|即|称|称为|这|那|这个|一个|被|从|到|给|让|有|使用|进行|通过|以及"
    "|就是|例如|比如|其中|所有|每个|该|此|也|都|再|会|能|可以|需要|然后|如果|以|由|于|等|我|你|请|点击|选择|查看|参考"
)
# So many words make a name that several posts use; one that only one uses has fewer and is longer.
_NAME_WORDS, _NAME_WORDS_ONCE = 3, 2
_SHORTEST, _SHORTEST_ONCE = 2, 3


# English as it was folded, and what it may be in Chinese: one word, two words …
Pair = tuple[str, tuple[str, ...]]


def find_pairs(text: str) -> tuple[Pair, ...]:
    """What a text says in both languages side by side.

    Of the Chinese before or in a bracket, the last words are taken that may be the name.
    """
    lines = (line for line in text.split("\n") if _AT_BRACKET.search(line))
    found = ((m[1] or m[4], m[2] or m[3]) for line in lines for m in _MINED.finditer(line))
    pairs = list(dict.fromkeys(found))[:_MOST_MINED]
    return tuple((fold(english), tuple(_last_words(fold(chinese)))) for chinese, english in pairs)


def choose_pairs(found: Iterable[Pair], known: Glossary) -> tuple[str, ...]:
    """Lines of a glossary from the pairs of many texts: those that agree and say something new.

    Of the Chinese before a bracket, the last words that most texts share are the name. An English
    name that stands beside many things names none of them.
    """
    names: dict[str, Counter[str]] = {}
    total: Counter[str] = Counter()
    length: dict[str, int] = {}
    for english, endings in found:
        total[english] += 1
        names.setdefault(english, Counter()).update(endings)
        for number, ending in enumerate(endings, 1):
            length[ending] = min(number, length.get(ending, number))
    lines = []
    for english, own in sorted(names.items()):
        once = total[english] == 1
        shortest, most = (_SHORTEST_ONCE, _NAME_WORDS_ONCE) if once else (_SHORTEST, _NAME_WORDS)
        fit = [name for name in own if len(name) >= shortest and length[name] <= most]
        name = max(fit, key=lambda name: (own[name], len(name), name), default="")
        if own[name] * 2 > total[english] and not known.holds(name) and not known.holds(english):
            lines.append(f"{name} = {english}")
    return tuple(lines)


def _last_words(chinese: str) -> Iterator[str]:
    """What a text may end with: its last word, its last two words …"""
    for word in reversed(words(chinese)[-_NAME_WORDS:]):
        if _BINDING.fullmatch(word.text):
            return
        yield chinese[word.start :]
