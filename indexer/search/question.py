"""Question: what was typed or pasted, as weighted terms and the other ways to say them."""

from __future__ import annotations

import functools
import importlib.resources
import itertools
import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from indexer.text.analyzer import PIECE, WHOLE, Term, fold, terms, words, words_among
from indexer.text.bilingual import Glossary, Other, glossary
from indexer.text.chinese import language_of
from indexer.text.pasted import LONGEST, Pasted, codes, read_pasted, values

Kind = Literal["paste", "words", "sentence"]

# In a paste, what the lines that say what went wrong count for, those that say more about it, and
# all the others.
ERROR_LINES = (1.0, 0.6, 0.4, 0.4, 0.4)
NOTES, OTHER_LINES = 0.35, 0.15
# No word counts for more than this, however often it was said.
_MOST, _MOST_PASTED = 2.0, 1.5
# Lines of a paste that count for less are not looked up in the glossary.
_BRIDGED = 0.4
# So many characters may stand between neighbours.
_GAP = 3
# Words that make a sentence of words, and how many words still are no sentence.
_BINDS = re.compile(
    r"\b(?:the|a|an|is|are|was|my|i|it|to|when|why|how|what|can|do|does|but|with|in|on|of|for"
    r"|after|not|no|or|and|into|from|by|at|should|be|that|this|while|as|without|inside)\b"
    r"|怎么|为什么|如何|什么|的|了|我|吗|是|在|办|后|就|却|会|不"
)
# In words of one's own: names (identifiers, versions, Latin words within Chinese), terms of the
# glossary and other words. Held out, hit@1 of blogs rose from .852 to .865 by it.
NAMED, IN_GLOSSARY, ANY_OTHER = 1.5, 1.2, 0.8
_SIGNS = re.compile(r"[0-9_.-]")
_FEW = 8
# So many words beside the name of an exception are typed.
_TYPED = 6
_STOPS = re.compile("[，。？！；,?!;]")
# Chinese up to this length between blanks is a word typed beside others: 升级后 容器起不来.
_FRAGMENT = 7


@dataclass(frozen=True, slots=True)
class Phrase:
    """Terms of a question that can be said otherwise, and what they count for together."""

    terms: frozenset[str]
    weight: float
    translations: tuple[Other, ...]
    synonyms: tuple[Other, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """A question as it is looked up; each is one of its own, so that it can be a key.

    `terms` says what each term counts for; `phrases` stand inner before outer; `pairs` are words
    that stand side by side; `codes` are terms that name an error; `cut` is what its text was cut
    into, and `chinese` says whether it is written in Chinese.
    """

    text: str
    kind: Kind
    terms: Mapping[str, float]
    phrases: tuple[Phrase, ...] = ()
    pairs: tuple[tuple[str, str], ...] = ()
    codes: frozenset[str] = frozenset()
    cut: tuple[Term, ...] = ()
    chinese: bool = False


def read_question(text: str, bridge: Glossary | None = None) -> Question:
    """The question that a text asks; of a paste, the lines that say what went wrong count most.

    `bridge` says how else its phrases can be said; without one, the glossary of Fixdex does.
    """
    bridge = glossary() if bridge is None else bridge
    text = text[:LONGEST]
    pasted = read_pasted(text)
    if not is_paste(text, pasted):
        kind: Kind = "words" if _is_words(text) else "sentence"
        return _read_lines(text, kind, [(text, WHOLE)], bridge)
    lines = [*zip(pasted.errors, ERROR_LINES, strict=False)] or [(text, WHOLE)]
    lines += [(note, NOTES) for note in pasted.notes]
    return _read_lines(text, "paste", lines, bridge)


def respelled(question: Question, corrections: Mapping[str, str]) -> Question:
    """The question with the nearest known words as other ways to say its unknown ones."""
    added = []
    for typed, meant in corrections.items():
        (unknown,), (known,) = words(typed), words(meant)
        if unknown.text in question.terms:
            ways = (Other((known.text,), 1.0),)
            weight = question.terms[unknown.text]
            added.append(Phrase(frozenset({unknown.text}), weight, ways, ()))
    return replace(question, phrases=(*added, *question.phrases)) if added else question


@functools.cache
def _function_words() -> frozenset[str]:
    data = importlib.resources.files("indexer") / "data" / "function_words.txt"
    lines = data.read_text("utf-8").splitlines()
    return frozenset(word for line in lines if not line.startswith("#") for word in line.split())


def telling(text: str) -> tuple[str, ...]:
    """The words of a question that say what it is about, folded: of `how to bake bread`, two."""
    cut = words(text[:LONGEST])
    said = (fold(text[word.start : word.end]) for word in cut)
    return tuple(filter(is_telling, said))


def is_telling(word: str) -> bool:
    """Whether a word, folded, says what a question is about."""
    return word not in _function_words()


def is_paste(text: str, pasted: Pasted) -> bool:
    """Whether a text is what a program printed: it reads so, or nobody types so many lines.

    The name of an exception among a few words was typed: `VS2012 TypeLoadException editor`.
    """
    lines = sum(bool(line.strip()) for line in text.split("\n"))
    if lines >= 2 or pasted.told or pasted.logged or "\t" in text.strip():
        return True
    typed = len(text.split()) <= _TYPED and ": " not in text
    return bool(pasted.exceptions) and not typed


def _is_words(text: str) -> bool:
    """Whether a text is a few words side by side, as one types into a search box."""
    folded = fold(text[:400])
    latin = len(re.findall(r"[a-z0-9_.-]+", folded))
    chinese = len(re.findall(r"[\u4e00-\u9fff]", folded))
    if latin + chinese / 2 > _FEW or _STOPS.search(folded):
        return False
    runs = [len(run) for run in re.findall(r"[\u4e00-\u9fff]+", folded)]
    fragments = bool(runs) and max(runs) <= _FRAGMENT and len(folded.split()) >= 2
    return fragments or len(_BINDS.findall(folded)) <= 1


def _read_lines(
    text: str, kind: Kind, lines: list[tuple[str, float]], bridge: Glossary
) -> Question:
    weights: dict[str, float] = {}
    phrases: dict[frozenset[str], Phrase] = {}
    pairs: dict[tuple[str, str], None] = {}
    most = _MOST_PASTED if kind == "paste" else _MOST
    whole, chinese = tuple(terms(text)), language_of(text) != "en"
    for line, weight in lines:
        found = sorted(whole if line == text else terms(line), key=lambda term: term.start)
        starts = [term.start for term in found]
        counts: dict[str, float] = {}
        masks = values(line)
        for term in found:
            counts[term.text] = counts.get(term.text, 0.0) + term.weight * _left(term, masks)
        for name, count in counts.items():
            weights[name] = max(weights.get(name, 0.0), weight * min(count, most))
        cut = words_among(found)
        cut_starts = [word.start for word in cut]
        pairs.update(dict.fromkeys(_neighbours(cut)))
        if weight < _BRIDGED:
            continue
        for span in reversed(bridge.spans(line, cut)):
            within = found[bisect_left(starts, span.start) : bisect_left(starts, span.end)]
            covered = frozenset(term.text for term in within if term.end <= span.end)
            said = cut[bisect_left(cut_starts, span.start) : bisect_left(cut_starts, span.end)]
            size = sum(word.end <= span.end for word in said)
            phrases.setdefault(
                covered, Phrase(covered, weight * size, span.translations, span.synonyms)
            )
    if kind == "paste":
        pairs.update(dict.fromkeys(_neighbours(words_among(whole))))
        for term in whole:
            weights.setdefault(term.text, OTHER_LINES)
    else:
        _weigh(weights, chinese, phrases)
    named = frozenset(
        term.text for code in codes(text) for term in terms(code) if term.weight >= PIECE
    )
    inner_first = sorted(phrases.values(), key=lambda phrase: len(phrase.terms))
    weights = {name: weight for name, weight in weights.items() if weight}
    return Question(text, kind, weights, tuple(inner_first), tuple(pairs), named, whole, chinese)


def _weigh(
    weights: dict[str, float], chinese: bool, phrases: Mapping[frozenset[str], Phrase]
) -> None:
    """Lets the names of things count for more than the words that a question is told with."""
    known = frozenset[str]().union(*phrases)
    for term in weights:
        named = bool(_SIGNS.search(term)) or (chinese and term.isascii())
        weights[term] *= NAMED if named else IN_GLOSSARY if term in known else ANY_OTHER


def _left(term: Term, masks: tuple[tuple[int, int, float], ...]) -> float:
    """What is left of a term that is part of a run-time value."""
    inside = (left for start, end, left in masks if start <= term.start and term.end <= end)
    return min(inside, default=1.0)


def _neighbours(cut: Sequence[Term]) -> list[tuple[str, str]]:
    return [
        (left.text, right.text)
        for left, right in itertools.pairwise(cut)
        if right.start - left.end <= _GAP
    ]
