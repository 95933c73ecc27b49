"""jieba's dictionary, and Chinese runs cut by it as jieba's search mode cuts them."""

from __future__ import annotations

import functools
import importlib
import itertools
import logging
import marshal
import math
import os
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from indexer.user_folders import cache_folder, make_private


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


def cut(run: str) -> list[str]:
    """The words of a Chinese run: those of jieba without its model of unknown words."""
    if len(run) <= _LONGEST and _KNOWN.fullmatch(run):
        return _cut(run)
    found: list[str] = []
    for start in range(0, len(run), _LONGEST):
        for piece in _KNOWN.split(run[start : start + _LONGEST]):
            found += _cut(piece) if _KNOWN.match(piece) else piece
    return found


def search_words(run: str) -> list[Word]:
    """The words of a Chinese run, and the words of two and three characters inside longer ones.

    Each with where it begins and ends, those that begin first and then the longer first; the same
    that jieba's `tokenize` gives in search mode.
    """
    found = []
    at = 0
    for word in cut(run):
        end = at + len(word)
        found.append((word, at, end))
        if len(word) > 2:
            for start in range(at, end - 1):
                for size in (3, 2):
                    inner = run[start : start + size]
                    if size < len(word) and start + size <= end and _is_word(inner):
                        found.append((inner, start, start + size))
        at = end
    return found


def _is_word(text: str) -> bool:
    return bool(rjieba.has_word(text) if rjieba is not None else tokenizer().FREQ.get(text))


def _cut(run: str) -> list[str]:
    if rjieba is not None:
        found: list[str] = rjieba.cut(run, False)
        return found
    ends = _ends(run, tokenizer().FREQ.get, _values())
    return [run[start:end] for start, end in itertools.pairwise([0, *ends])]


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
    folder, name = _cache_folder(), f"jieba-{VERSION}-{sys.version_info[0]}.cache"
    made.tmp_dir, made.cache_file = str(folder), name
    try:
        # As jieba does, but all at once: piece by piece it takes .3 s longer.
        made.FREQ, made.total = marshal.loads((folder / name).read_bytes())
        made.initialized = True
    except (OSError, EOFError, TypeError, ValueError):
        made.initialize()
    return made


def _cache_folder() -> Path:
    """A folder only this user may enter; a fresh temporary one where no home can be written."""
    folder = cache_folder()
    try:
        if folder is not None:
            make_private(folder)
            stat = folder.stat()
            mine = not hasattr(os, "getuid") or (
                stat.st_uid == os.getuid() and not stat.st_mode & 0o022
            )
            if mine and os.access(folder, os.W_OK):
                return folder
    except OSError:
        pass
    return Path(tempfile.mkdtemp(prefix="fixdex-"))
