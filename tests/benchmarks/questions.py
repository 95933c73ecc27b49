"""The questions that are asked, in an order of their own."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from pathlib import Path

# So many posts a reader looks at.
BEST = 10
# Where no kind is told: errors as tools print them are longer than what people type.
_TYPED = 60


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, and whether it was pasted."""

    text: str
    pasted: bool


def read_questions(file: Path, seed: int = 1) -> list[Asked]:
    """The questions of a file with a line of JSON for each, shuffled the same way every time.

    A line has `query` or `question`, and may have `kind`; the kind `paste` is pasted.
    """
    found = []
    for line in file.read_text("utf-8").splitlines():
        if line.strip():
            one = json.loads(line)
            text = one["query"] if "query" in one else one["question"]
            kind = one.get("kind")
            long = len(text) > _TYPED or "\n" in text
            found.append(Asked(text, long if kind is None else kind == "paste"))
    random.Random(seed).shuffle(found)
    return found
