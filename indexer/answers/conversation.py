"""Conversation: what a turn asks, where others went before it. Nothing is remembered here.

A turn asks for a part of what was found before (`为什么？`, `show the code that failed`), for
another way (`还是不行`), for the same with one more thing (`what about Windows`), or anew.
"""

from __future__ import annotations

import functools
import importlib.resources
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import yaml

from indexer.fixes.told import Told
from indexer.search.question import is_paste
from indexer.text.analyzer import fold, words
from indexer.text.pasted import read_pasted

Asks = Told | Literal["fix", "another"]
_ASKS: tuple[Asks, ...] = ("another", "check", "failing", "error", "code", "cause")


@dataclass(frozen=True, slots=True)
class Turn:
    """A question asked before, and the path of the post that answered it."""

    question: str
    post: str | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """What a turn asks, on its own feet.

    `question` is the whole question it is about; `carried` are its words that the turn did not
    say; `post` is the post that answered it. `tried` are the posts shown since, oldest first, where
    another way is asked for; `again` counts how often it was. `narrowed` is a turn that adds one
    thing which the post shown tells of. `own` are the words of a turn that asks for a part beside
    those that ask: of `how do I check that buildx is on?`, buildx.
    """

    question: str
    asks: Asks = "fix"
    carried: tuple[str, ...] = ()
    post: str | None = None
    tried: tuple[str, ...] = ()
    again: int = 0
    narrowed: str = ""
    own: str = ""


# Of a conversation, so many turns are looked at; of a question before, so many words are carried.
_TURNS, _CARRIED = 12, 6
# So many words that the post before does not hold, and a turn that asks for a part asks it of
# something else: names sooner than others; another way is asked for with a guess at one.
_NAMES, _OWN_WORDS, _GUESSED, _HELD = 2, 4, 7, 0.4
# A longer turn is no follow-up by its size alone.
_SHORT = 4


@functools.cache
def _patterns() -> dict[str, re.Pattern[str]]:
    """What speaks for what, in the order in which it counts; see `data/asks.yaml`."""
    text = (importlib.resources.files("indexer") / "data" / "asks.yaml").read_text("utf-8")
    # What asks is taken out of a turn with the end of its last word: `fail` of `failed`.
    return {
        name: re.compile(f"(?:{'|'.join(ways)})" + "[a-z]*" * (name in _ASKS))
        for name, ways in yaml.safe_load(text).items()
    }


def read_request(
    question: str, history: Sequence[Turn], held: Callable[[str, str], float]
) -> Request:
    """What a turn asks after the turns before it.

    `held(text, path)` says which share of a text's words a post holds, 0 to 1.
    """
    before = Request("")
    for turn in history[-_TURNS:]:
        asked = _next(before, turn.question, held)
        new = turn.post is not None and turn.post not in asked.tried
        tried = (*asked.tried, turn.post) if new and turn.post else asked.tried
        before = replace(asked, post=turn.post or asked.post, tried=tried)
    return _next(before, question, held)


def _next(before: Request, text: str, held: Callable[[str, str], float]) -> Request:
    """What a turn asks after another one; `before` knows the post that was shown."""
    folded = fold(text).strip()
    if not folded or before.post is None or "\n" in text.strip():
        return Request(text)
    carried = _carried(before.question, text)
    empty = _patterns()["empty"]
    for asks in _ASKS:
        if not _patterns()[asks].search(folded):
            continue
        own = empty.sub(" ", _without_asks(folded))
        if held(own, before.post) < _HELD:
            strange = [word.text for word in words(own) if held(word.text, before.post) < _HELD]
            most = _GUESSED if asks == "another" else _OWN_WORDS
            named = asks != "another" and any(word.isascii() for word in strange)
            if len(strange) >= (_NAMES if named else most):
                return Request(text)
        again = before.again + (asks == "another")
        return replace(before, asks=asks, carried=carried, again=again, narrowed="", own=own)
    if is_paste(text, read_pasted(text)):
        return Request(text)
    narrows = _patterns()["narrows"].search(folded) is not None
    own = empty.sub(" ", folded)
    if (narrows and len(words(own)) <= _SHORT + 1) or (
        len(words(folded)) <= _SHORT and held(folded, before.post) >= 1
    ):
        whole = f"{text} {' '.join(carried)}"
        if held(own, before.post) >= _HELD:
            # The post shown tells of the new thing too.
            return Request(whole, "fix", carried, before.post, narrowed=text)
        return Request(whole, "fix", carried)
    return Request(text)


def _without_asks(folded: str) -> str:
    """A turn without the words that ask for a part."""
    for asks in _ASKS:
        folded = _patterns()[asks].sub(" ", folded)
    return folded


# A name is carried whole, with the signs inside it.
_NAME = re.compile(r"[a-z0-9_][a-z0-9_.+#/@-]*[a-z0-9_+#]|[a-z0-9]", re.I)


def _carried(before: str, text: str) -> tuple[str, ...]:
    """The words of the question before that a turn leaves out, the first of them."""
    said = {word.text for word in words(text)}
    errors = read_pasted(before).errors
    before = errors[0] if errors else before
    names = [(name.start(), name.end()) for name in _NAME.finditer(before)]
    found: dict[str, None] = {}
    for word in words(before):
        inside = ((a, b) for a, b in names if a <= word.start < b)
        start, end = next(inside, (word.start, word.end))
        shown = before[start:end]
        if word.text not in said and not _patterns()["empty"].fullmatch(fold(shown)):
            found[shown] = None
    return tuple(found)[:_CARRIED]
