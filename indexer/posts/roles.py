"""What headings, labels, lead-ins and comments say a block is for: the lexicon, applied."""

from __future__ import annotations

import functools
import importlib.resources
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

import yaml

from indexer.text.alternatives import by_first_letter
from indexer.text.analyzer import fold
from indexer.text.chinese import HAN


class Role(StrEnum):
    """What a section or a block of a post is for."""

    PROBLEM = "problem"
    ERROR = "error"
    ENVIRONMENT = "environment"
    CAUSE = "cause"
    FAILING = "failing"
    FIX = "fix"
    CHECK = "check"
    REFERENCE = "reference"


@dataclass(frozen=True, slots=True)
class Label:
    """A line such as `解决方法：…`: its role, and where what it labels begins in the text."""

    role: Role
    end: int


# What a heading may hold besides the phrase and still be a label: 解决方案二, Ways to fix it.
_SPARE_HAN = 4
_SPARE_WORDS = 2
_LONGEST_LABEL = 24

_NUMBERING = re.compile(
    r"^[\s#*_>\W]*(?:(?:第?[0-9一二三四五六七八九十]+[步个种、.．)）:：\s]+|step \d+\W*"
    r"|\(?[0-9a-z][).]\s*)+)?"
)
_BEFORE_COLON = re.compile(r"^([^:：\n]{1,40}?)\s*[:：]")
_HAN_RUN = re.compile(f"[{HAN}]+")
_LATIN_RUN = re.compile(r"[a-z][a-z'-]*|\d+")
_SPARE = re.compile(
    r"^(?:如下|方法|办法|一|二|三|四|五|的|了|是|我|有|最终|具体|可能|可能的|几种|主要|相关|详细|第|种|the|a|an|of|to|"
    r"this|it|your|possible|for|my|and|in|error|problem|issue|code|\d+)$"
)
# A label ends within so many characters; its pattern tries again from each bracket before it.
_LABEL_WITHIN = 80
_LABEL = re.compile(
    r"^[\s*_>【\[「#-]{0,20}(?:\d+[.、)）]\s*)?[*_【\[「]{0,8}(?P<name>[^\n:：*_】\]」]{1,40}?)[*_】\]」]*\s*"
    r"(?:[:：][*_】\]」]*|(?<=[】\]」]))\s*"
)
_AFTER_A_LABEL = re.compile(r"[:：】\]」]")


@functools.lru_cache(maxsize=500)
def heading_role(heading: str) -> Role | None:
    """The role a heading gives to what stands under it, or None where it only names a subject."""
    text = _bare(heading)
    before = _BEFORE_COLON.match(text)
    role = _phrase_role(text) or (_phrase_role(before[1].strip()) if before else None)
    # What stands under `报错：connection refused` is about that error, and no error itself.
    return None if before and role in _TROUBLE else role


_TROUBLE = (Role.ERROR, Role.PROBLEM)


def names_a_part(heading: str) -> bool:
    """Whether a heading names a part that any post may have: 概述, 参考, Installation."""
    name = _bare(heading)
    return name in _parts() or name in _role_of()


def tells_of_trouble(title: str) -> bool:
    """Whether a title says that something went wrong: 启动失败, Cannot connect to the daemon.

    A name such as `ignore-errors` says nothing of the kind.
    """
    return bool(_trouble().search(_HYPHENED.sub(" ", fold(title))))


_HYPHENED = re.compile(r"\b[a-z0-9]+(?:-[a-z0-9]+)+\b")


def _bare(heading: str) -> str:
    return _NUMBERING.sub("", fold(heading)).strip(" \t*_`。.!！?？:：")


@functools.lru_cache(maxsize=500)
def label_of(text: str) -> Label | None:
    """The label that a block begins with, or None."""
    if (box := _BOX.match(text)) and (role := _phrase_role(fold(box[1]).strip())) is not None:
        return Label(role, box.end())
    beginning = text[:_LABEL_WITHIN]
    match = _LABEL.match(beginning) if _AFTER_A_LABEL.search(beginning) else None
    if match is None:
        return _lead_in(text)
    name = _NUMBERING.sub("", fold(match["name"])).strip()
    role = _phrase_role(name) if len(match["name"]) <= _LONGEST_LABEL else None
    return Label(role, match.end()) if role is not None else _lead_in(text)


# `> [!TIP] 解决`
_BOX = re.compile(r"\[![A-Za-z]+\][+-]?[ \t]+([^\n]{1,40})(?:\n|$)")
_CLAUSE = re.compile(r"[,，(（。]|\bwith\b|\bfor\b")
_EXAMPLE = re.compile(
    r"\b(?P<failing>incorrect|erroneous|wrong|broken|problematic|invalid)\b.{0,40}\b(?:code|example)"
    r"|\b(?P<fix>correct|corrected|fixed|working|valid)\b.{0,40}\b(?:code|example)"
)


def _lead_in(text: str) -> Label | None:
    """A sentence that ends in a colon and says what kind of example follows: 正确写法，用…："""
    text = text.strip()
    if len(text) > 160 or "\n" in text or not text.endswith((":", "：")):
        return None
    folded = _NUMBERING.sub("", fold(text.replace("*", "").replace("_", "")))
    clause = _CLAUSE.split(folded, maxsplit=1)[0].strip(" :：")
    role = _phrase_role(clause) if len(clause) <= _LONGEST_LABEL else None
    if role is None and (match := _EXAMPLE.search(folded)):
        role = Role.FAILING if match["failing"] else Role.FIX
    return Label(role, len(text)) if role in (Role.FAILING, Role.FIX, Role.ERROR) else None


@functools.lru_cache(maxsize=500)
def cue_roles(text: str) -> Mapping[Role, int]:
    """How many cues of each role a sentence holds."""
    folded = fold(text)
    return {role: n for role, cue in _cues("cues") if (n := len(cue.findall(folded)))}


def comment_roles(code: str) -> dict[Role, int]:
    """How many comments in code say that it is right, or that it is wrong."""
    found: dict[Role, int] = {}
    for line in code.split("\n")[:200]:
        match = _COMMENT.search(line[:500])
        if match is None:
            continue
        folded = fold(match[1])
        for role, cue in _cues("comments"):
            if cue.search(folded):
                found[role] = found.get(role, 0) + 1
    return found


_COMMENT = re.compile(r"(?:#|//|--|/\*|<!--)\s*(.{1,200})")


def _phrase_role(text: str) -> Role | None:
    if not text or len(text) > 60:
        return None
    match = max(
        _phrases().finditer(text),
        # In Chinese the longest phrase, then the last one; in English the first.
        key=lambda m: (-m.start(), 0) if text.isascii() else (m.end() - m.start(), m.start()),
        default=None,
    )
    if match is None:
        return None
    rest = _phrases().sub(" ", text)
    spare_han = sum(len(run) for run in _HAN_RUN.findall(rest) if not _SPARE.match(run))
    spare_words = sum(not _SPARE.match(word) for word in _LATIN_RUN.findall(rest))
    if spare_han > _SPARE_HAN or spare_words > _SPARE_WORDS or spare_han + spare_words > 4:
        return None
    return _role_of()[match[0]]


Sign = Literal["changed", "looked", "vain", "other"]


def says(sign: Sign, sentence: str) -> bool:
    """Whether a sentence says this of the code beside it."""
    return bool(_signs()[sign].search(fold(sentence)))


@functools.cache
def _signs() -> dict[str, re.Pattern[str]]:
    return {sign: re.compile("|".join(words)) for sign, words in _data()["signs"].items()}


@functools.cache
def _data() -> dict[str, Any]:
    text = (importlib.resources.files("indexer") / "data" / "roles.yaml").read_text("utf-8")
    data: dict[str, Any] = yaml.safe_load(text)
    return data


@functools.cache
def _parts() -> frozenset[str]:
    return frozenset(fold(name) for names in _data()["parts"] for name in names.split("|"))


@functools.cache
def _trouble() -> re.Pattern[str]:
    return re.compile("|".join(_data()["trouble"]))


@functools.cache
def _role_of() -> dict[str, Role]:
    return {
        fold(phrase): Role(role)
        for role, lists in _data()["headings"].items()
        for phrases in lists
        for phrase in phrases.split("|")
    }


@functools.cache
def _phrases() -> re.Pattern[str]:
    phrases = sorted(_role_of(), key=len, reverse=True)
    latin = [re.escape(phrase) + "(?![a-z])" for phrase in phrases if phrase.isascii()]
    han = [re.escape(phrase) for phrase in phrases if not phrase.isascii()]
    return re.compile(f"{by_first_letter(latin, after='[a-z]')}|{by_first_letter(han)}")


@functools.cache
def _cues(kind: str) -> list[tuple[Role, re.Pattern[str]]]:
    return [
        (Role(role), re.compile(by_first_letter(_CHOICE.split("|".join(patterns)))))
        for role, patterns in _data()[kind].items()
    ]


# The sign between two choices, not inside a group.
_CHOICE = re.compile(r"\|(?![^()]*\))")
