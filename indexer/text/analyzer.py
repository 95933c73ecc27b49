"""Text to terms: one analyzer, for posts and for questions."""

from __future__ import annotations

import functools
import itertools
import re
import threading
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import Stemmer

from indexer.text.chinese import HAN, simplified
from indexer.text.dictionary import VERSION, Word, cut, search_words

# What a term counts for, by how it was found. Identifiers whole and their parts little:
# the ratios are those measured on pasted compiler errors.
WHOLE = 1.0
PIECE = 0.8
PART = 0.3
BIGRAM = 0.5

LONGEST_TERM = 80

# A lump is a run of code or of Latin prose: words joined by the signs that join identifiers.
_JOIN = r"(?:::|->|=>|[.\-/\\@:+#$])"
_NAMED = r"[CcFfJj]#|[CcGg]\+\+|\.(?:NET|Net|net)\b"
# Operators are what some errors are about: `Expected '===' and instead saw '=='`.
_SIGN = r"[=!]==?|=>|->|<-|[<>]=|:=|&&|\|\||\?[.?]|\+\+|[+*/-]=|\*\*|<<|>>|\.\.\.|\$\{|\{\{"
_TOKEN = re.compile(
    rf"[{HAN}]+|(?<![A-Za-z0-9_])(?:{_NAMED})"
    rf"|-{{0,2}}[^\W{HAN}]+(?:{_JOIN}[^\W{HAN}]+)*|{_SIGN}"
)
_RUN, _RUN_ONLY = re.compile(f"[{HAN}]"), re.compile(f"[{HAN}]+")
_WHOLE = re.compile(f"(?:{_NAMED}|{_SIGN})\\Z")
_PIECE = re.compile(r"\w+")
_WORDS_ONLY = re.compile(r"\w+\Z|[^\w-]+\Z|[a-z](?:#|\+\+)\Z|\.net\Z")
_PART = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+|[^\W\d_A-Za-z]+")
_PROSE = re.compile(r"[A-Z]?[a-z]+\Z|[A-Z]{4,}\Z")
# A few plain words, as most forms of the glossary are: nothing in them is cut further.
_PLAIN, _LETTERS = re.compile("[a-z]{2,30}(?: [a-z]{2,30}){0,3}"), re.compile("[a-z]+")


# No dataclass: a question makes hundreds, each in a third of the time.
class Term(NamedTuple):
    """A term with what it counts for and the range of the text it stands in."""

    text: str
    weight: float
    start: int
    end: int


def terms(text: str) -> Iterator[Term]:
    """The terms of a text in order, with ranges that point into the text as it was given."""
    folded, offsets = _fold(text)
    for match in _TOKEN.finditer(folded):
        base = match.start()
        for term, weight, start, end in _cut(match[0]):
            start, end = base + start, base + end
            if offsets is not None:
                # One character may have become several: `¼` is `1⁄4`.
                start, end = offsets[start], offsets[end - 1] + 1
            yield Term(term, weight, start, end)


# A term, and the range it stands in.
Spot = tuple[str, int, int]


class Sieve:
    """Finds some terms in texts.

    A question reads ten posts: of few terms, cutting only the tokens that matter takes a tenth of
    the time.
    """

    def __init__(self, wanted: Iterable[str]) -> None:
        self._wanted = frozenset(wanted)
        self._starts = frozenset(start for term in self._wanted for start in starts_of(term))
        runs = {term for term in self._wanted if _RUN_ONLY.fullmatch(term)}
        self._pairs = frozenset(run for run in runs if len(run) == 2)
        self._other_runs = runs - self._pairs

    def find(self, text: str) -> Iterator[Spot]:
        """Where these terms stand in a text, in order."""
        folded, offsets = _fold(text)
        for match in self.tokens(folded):
            base = match.start()
            for term, start, end in self.cut(match[0]):
                start, end = base + start, base + end
                if offsets is not None:
                    start, end = offsets[start], offsets[end - 1] + 1
                yield term, start, end

    def places(self, lower: str) -> list[tuple[int, str]]:
        """Where the beginnings of tokens that may give them stand in a text in lower case."""
        found = []
        for start in self._starts:
            at = lower.find(start)
            while at >= 0:
                found.append((at, start))
                at = lower.find(start, at + 1)
        found.sort()
        return found

    def tokens(self, folded: str) -> Iterator[re.Match[str]]:
        """Of the tokens of a folded text, all that give one of these terms, and little more."""
        if len(self._wanted) > _SIEVED:
            yield from _TOKEN.finditer(folded)
            return
        lower = folded.lower()
        # Two letters are other ones in lower case where they stand in a text than by themselves.
        alone = len(lower) != len(folded) or "Σ" in folded
        if alone or len(folded) < _A_START * len(self._starts):
            yield from (match for match in _TOKEN.finditer(folded) if self._passes(match[0]))
            return
        end = 0
        for at, _ in self.places(lower):
            if at < end:
                continue
            # No token reaches over a blank.
            begin = max(end, lower.rfind(" ", end, at) + 1, lower.rfind("\n", end, at) + 1)
            for match in _TOKEN.finditer(folded, begin):
                end = match.end()
                if end > at:
                    yield match
                    break

    def cut(self, token: str) -> list[Spot]:
        """Where these terms stand in a token."""
        few = len(self._wanted) <= _SIEVED
        if few and _RUN.match(token) and not any(map(token.__contains__, self._other_runs)):
            # However a run is cut, two characters side by side are a word or a pair.
            pairs = ((token[at : at + 2], at, at + 2) for at in range(len(token) - 1))
            return [pair for pair in pairs if pair[0] in self._pairs]
        cut = _cut(token)
        return [(term, start, end) for term, _, start, end in cut if term in self._wanted]

    def _passes(self, token: str) -> bool:
        lower = token.lower()
        if not _PROSE.match(token):
            return "Σ" in token or any(map(lower.__contains__, self._starts))
        return not self._starts.isdisjoint((lower[:4], lower[:3], lower[:2], lower[:1]))


# A text of fewer letters for each beginning is sooner looked through token by token.
_A_START = 10
# More terms are looked for in all tokens.
_SIEVED = 200


@functools.lru_cache(maxsize=16)
def _sieve_of(wanted: tuple[str, ...]) -> Sieve:
    return Sieve(wanted)


def starts_of(term: str) -> tuple[str, ...]:
    """One of these begins every word whose stem is this term: `happi` is of `happy`.

    `hope` is of `hoping`, `die` of `dying`.
    """
    if not (term.isascii() and term.isalpha()):
        return (term,)
    start = term[: min(4, max(2, len(term) - 1))]
    return (start, term[0] + "y") if len(term) == 3 and term.endswith("ie") else (start,)


def tokens(text: str) -> list[str]:
    """What a text is cut into before it is cut into terms: runs of Chinese, lumps, signs."""
    found: list[str] = _TOKEN.findall(_fold(text)[0])
    return found


def weigh(token: str) -> list[tuple[str, float]]:
    """The terms of a token with what each counts for; its words as they stand."""
    if not _RUN.match(token):
        return [(term, weight) for term, weight, _, _ in _terms_of(token)]
    found = search_words(token)
    pairs = [(token[at : at + 2], BIGRAM) for at in _between(token, found)]
    return [(word, WHOLE) for word, _, _ in found] + pairs


def is_run(token: str) -> bool:
    """Whether a token is a run of Chinese."""
    return _RUN.match(token) is not None


def words(text: str) -> list[Term]:
    """The words of a text in order, each once: what stands side by side in it."""
    if _PLAIN.fullmatch(text):
        letters = _LETTERS.finditer(text)
        return [Term(stem(found[0]), WHOLE, found.start(), found.end()) for found in letters]
    if _RUN_ONLY.fullmatch(text) and (folded := _fold(text)[0]) and len(folded) == len(text):
        found, at = [], 0
        for word in cut(folded):
            found.append(Term(word, WHOLE, at, at := at + len(word)))
        return found
    return words_among(terms(text))


def words_among(among: Iterable[Term]) -> list[Term]:
    """Those of the terms of a text that are its words in order, each once."""
    found: list[Term] = []
    for term in sorted(among, key=lambda t: (t.start, -t.weight, t.start - t.end)):
        if term.weight < PIECE or (found and term.start < found[-1].end):
            continue
        if term.weight == WHOLE and not _WORDS_ONLY.match(term.text):
            continue  # a lump of several pieces: they follow one by one
        found.append(term)
    return found


# Of a text so many letters are looked at for the words of a question.
_LOOKED_AT = 4000


def held(text: str, question: Mapping[str, float]) -> set[str]:
    """The terms of a question that a text holds; of a long one, its beginning."""
    (found,) = held_by_each((text,), question)
    return found


def held_by_each(texts: Sequence[str], question: Mapping[str, float]) -> list[set[str]]:
    """The same of several texts."""
    folded = [_fold(text[:_LOOKED_AT])[0] for text in texts]
    ends = list(itertools.accumulate(len(text) + 1 for text in folded))
    found: list[set[str]] = [set() for _ in texts]
    sieve, at = _sieve_of(tuple(question)), 0
    # No token reaches over the end of a line.
    for match in sieve.tokens("\n".join(folded)):
        while match.start() >= ends[at]:
            at += 1
        found[at].update(term for term, *_ in sieve.cut(match[0]))
    return found


def overlap(text: str, question: Mapping[str, float]) -> float:
    """The share of a question's weight (term → weight) that a text holds."""
    total = sum(question.values())
    terms = held(text, question)
    return sum(w for term, w in question.items() if term in terms) / total if total else 0.0


def fold(text: str) -> str:
    """The text in NFKC, Traditional characters as Simplified ones, in lower case: for comparing."""
    return _fold(text)[0].lower()


def fingerprint() -> str:
    """What terms depend on besides this file."""
    stemmer = f"snowball {Stemmer.version()}"
    return f"jieba {VERSION}, {stemmer}, unicode {unicodedata.unidata_version}"


# Folding


def _fold(text: str) -> tuple[str, list[int] | None]:
    """The folded text, and for each of its characters the place in `text` where lengths differ."""
    return (text, None) if text.isascii() else _fold_other(text)


# A block is read for cues, then counted.
@functools.lru_cache(maxsize=500)
def _fold_other(text: str) -> tuple[str, list[int] | None]:
    table = _folding()
    folded = text.translate(table)
    if len(folded) == len(text):
        return folded, None
    offsets = [i for i, char in enumerate(text) for _ in table.get(ord(char), char)]
    return folded, [*offsets, len(text)]


@functools.cache
def _folding() -> dict[int, str]:
    """Code point to folded text, for the code points that folding changes.

    Compatibility forms by NFKC, character by character; Traditional to Simplified by OpenCC's
    table (Apache-2.0), which keeps the length.
    """
    folding = {}
    for point in (*range(0xA0, 0x3400), *range(0xF900, 0xFFF0), *range(0x1D400, 0x1D800)):
        char = chr(point)
        if (folded := unicodedata.normalize("NFKC", char)) != char and folded.strip():
            folding[point] = folded
    for invisible in (0xAD, 0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF):
        folding[invisible] = ""
    for traditional, choice in simplified().items():
        folding[traditional] = choice
    return folding


# Cutting


# A term with its weight, and the range of the token it stands in.
_Cut = tuple[str, float, int, int]


@functools.lru_cache(maxsize=100_000)
def _cut(token: str) -> tuple[_Cut, ...]:
    return tuple(_terms_of(token))


def _terms_of(token: str) -> Iterable[_Cut]:
    if len(token) <= LONGEST_TERM and _PROSE.match(token):
        return ((stem(token), WHOLE, 0, len(token)),)
    if _RUN.match(token):
        return _cut_han(token)
    if _WHOLE.match(token):
        return ((token.lower(), WHOLE, 0, len(token)),)
    return _cut_lump(token)


def _cut_lump(lump: str) -> Iterable[_Cut]:
    """A lump whole, its pieces between joining signs, and their parts by case, `_` and digits."""
    pieces = [(found[0], found.start()) for found in _PIECE.finditer(lump)]
    cuts: list[_Cut] = []
    weight, known = WHOLE, None
    if len(pieces) != 1 or pieces[0][0] != lump:
        cuts.append((lump.lower(), WHOLE, 0, len(lump)))
        weight = PIECE
        if lump[0] == "-":
            option = lump.lstrip("-")
            known = option.lower(), len(lump) - len(option)
            cuts.append((known[0], WHOLE, known[1], len(lump)))
    for piece, start in pieces:
        term = stem(piece)
        if (term, start) != known:
            cuts.append((term, weight, start, start + len(piece)))
        if len(piece) > LONGEST_TERM or _PROSE.match(piece):
            continue
        parts = list(_PART.finditer(piece))
        if len(parts) > 1:
            for part in parts:
                begin, end = part.span()
                if end - begin > 1:
                    cuts.append((stem(part[0]), PART, start + begin, start + end))
    return [one for one in cuts if len(one[0]) <= LONGEST_TERM]


def _cut_han(run: str) -> Iterable[_Cut]:
    """The words of a Chinese run, and the pairs between them."""
    words = search_words(run)
    found = [(word, WHOLE, start, end) for word, start, end in words]
    found += [(run[at : at + 2], BIGRAM, at, at + 2) for at in _between(run, words)]
    return sorted(found, key=lambda term: (term[2], -term[3]))


def _between(run: str, words: Sequence[Word]) -> Iterable[int]:
    """Where the pairs begin that are none of these words."""
    known = {start for _, start, end in words if end - start == 2}
    return [start for start in range(len(run) - 1) if start not in known]


# Words are cut once and kept by who cuts; it need not keep them too.
_stemmer = Stemmer.Stemmer("english", 0)
_lock = threading.Lock()


def stem(word: str) -> str:
    """A word's stem where it is one of prose; anything else in lower case."""
    lower = word.lower()
    if len(word) < 4 or len(word) > 30 or not _PROSE.match(word):
        return lower
    with _lock:
        return str(_stemmer.stemWord(lower))
