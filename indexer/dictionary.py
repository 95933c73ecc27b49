"""jieba's dictionary, and Chinese runs cut by it as jieba's search mode cuts them."""

from __future__ import annotations

import functools
import importlib
import logging
import math
import os
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any


def _import_jieba() -> Any:
    """jieba without pkg_resources, by which it would only open its own files.

    That costs each start 50 ms and 7 MB; without it, jieba opens them by their path.
    """
    hidden = sys.modules.get("pkg_resources")
    sys.modules["pkg_resources"] = None  # type: ignore[assignment]  # what cannot be imported
    try:
        return importlib.import_module("jieba")
    finally:
        if hidden is None:
            del sys.modules["pkg_resources"]
        else:
            sys.modules["pkg_resources"] = hidden


def _find_rjieba() -> Any:
    """The module, where it is installed, or None."""
    try:
        return importlib.import_module("rjieba")
    except ImportError:
        return None


jieba = _import_jieba()
rjieba = _find_rjieba()
VERSION = jieba.__version__
Word = tuple[str, int, int]
# Other characters stand in no dictionary of jieba's: each is a word of its own.
_KNOWN = re.compile("([\u4e00-\u9fd5]+)")
# Words of unbroken text past this length do not occur; it bounds what the cut must hold.
_LONGEST = 2000


def search_words(run: str) -> list[Word]:
    """The words of a Chinese run, and the words of two and three characters inside longer ones.

    Each with where it begins and ends; the same that jieba's `tokenize` gives in search mode
    without its model of unknown words, in an order of their own.
    """
    if len(run) <= _LONGEST and _KNOWN.fullmatch(run):
        return _words_of(run, 0)
    found: list[Word] = []
    for start in range(0, len(run), _LONGEST):
        at = start
        for piece in _KNOWN.split(run[start : start + _LONGEST]):
            if _KNOWN.match(piece):
                found += _words_of(piece, at)
            else:
                found += [(char, at + i, at + i + 1) for i, char in enumerate(piece)]
            at += len(piece)
    return found


def _words_of(run: str, at: int) -> list[Word]:
    if rjieba is not None:
        found = rjieba.tokenize(run, "search", False)
        return [(word, at + a, at + b) for word, a, b in found] if at else found
    frequency = tokenizer().FREQ.get
    found = []
    start = 0
    for end in _ends(run, frequency, _values()):
        size = end - start
        if size > 2:
            for inner in (2, 3) if size > 3 else (2,):
                for i in range(start, end - inner + 1):
                    if frequency(run[i : i + inner]):
                        found.append((run[i : i + inner], at + i, at + i + inner))
        found.append((run[start:end], at + start, at + end))
        start = end
    return found


def _ends(run: str, frequency: Callable[[str], int | None], values: _Values) -> list[int]:
    """Where the words of the likeliest cut end: the greatest sum of logarithms of frequencies."""
    length = len(run)
    best = [0.0] * (length + 1)
    ends = [0] * length
    for start in range(length - 1, -1, -1):
        end = last = start + 1
        known = frequency(run[start])
        # A character that begins words and is none is no choice, where one of these stands here;
        # one that is unknown counts as one that was seen once.
        top = values[known] + best[end] if known else -math.inf
        while known is not None and end < length:
            end += 1
            known = frequency(run[start:end])
            if known and (value := values[known] + best[end]) >= top:
                # Of equals jieba takes the longer.
                top, last = value, end
        best[start] = top if top > -math.inf else values[1] + best[start + 1]
        ends[start] = last
    found = []
    at = 0
    while at < length:
        at = ends[at]
        found.append(at)
    return found


class _Values(dict[int, float]):
    """Frequency to the logarithm of its share."""

    def __missing__(self, frequency: int) -> float:
        value = self[frequency] = math.log(frequency) - math.log(tokenizer().total)
        return value


@functools.cache
def _values() -> _Values:
    return _Values()


def warm_up() -> None:
    """Loads the dictionary now, so that the first question does not wait for it."""
    search_words("预热")


@functools.cache
def tokenizer() -> Any:
    """A tokenizer of our own: jieba's shared one reads a cache anyone may have left in /tmp."""
    jieba.setLogLevel(logging.ERROR)
    made = jieba.Tokenizer()
    made.tmp_dir = str(_cache_folder())
    made.cache_file = f"jieba-{jieba.__version__}-{sys.version_info[0]}.cache"
    made.initialize()
    return made


def _cache_folder() -> Path:
    """A folder only this user may enter; a fresh temporary one where no home can be written."""
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    try:
        # A user without a home, as systems give to services, has no `~`.
        folder = Path(base).expanduser() / "fixdex"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        stat = folder.stat()
        mine = not hasattr(os, "getuid") or (
            stat.st_uid == os.getuid() and not stat.st_mode & 0o022
        )
        if mine and os.access(folder, os.W_OK):
            return folder
    except (OSError, RuntimeError):
        pass
    return Path(tempfile.mkdtemp(prefix="fixdex-"))
