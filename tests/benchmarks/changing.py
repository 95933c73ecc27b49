"""One post that is changed, and the word by which it is found then."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from benchmarks.folder import posts

_DRAFT = re.compile(r"^draft:\s*true", re.MULTILINE)


def middling_post(folder: Path) -> tuple[str, str]:
    """(path, text) of a post of middling length that is no draft."""
    by_length = sorted(posts(folder), key=lambda one: (len(one[1]), one[0]))
    there = [one for one in by_length if not _DRAFT.search(one[1][:2000])]
    return there[len(there) // 2]


def unknown_word(number: int) -> str:
    """A word that no post has, unlike the one before."""
    digits = hashlib.sha256(str(number).encode()).hexdigest()[:12]
    return digits.translate(str.maketrans("0123456789abcdef", "zxqjkvwygpbfhdmt"))
