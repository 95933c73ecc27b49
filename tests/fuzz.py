"""Feeds the reader of pastes with what no one would write, for a minute: no crash, no slow case.

usage: python tests/fuzz.py [SECONDS]
It begins with the pastes of the tests; an input that takes seconds is a failure, as is an
exception. Atheris writes the input that failed to `crash-…` or `timeout-…`.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["indexer.text.pasted", "indexer.search.question"]):
    from indexer.search.question import read_question
    from indexer.text.pasted import LONGEST, codes, read_pasted, values

# Seconds; most inputs take milliseconds, also where every branch is watched.
_SLOW = 10


def read(data: bytes) -> None:
    """Reads bytes as a person would paste them."""
    text = data.decode("utf-8", "replace")
    pasted = read_pasted(text)
    assert len(pasted.errors) <= 5
    assert all(0 <= start <= end for start, end, _ in values(text))
    codes(text)
    # Cutting words costs more than reading lines: a part of them is enough.
    read_question(text[:2000])


def main() -> None:
    """Runs until the time is over."""
    read(b"error")  # loads the dictionaries, which no input is to blame for
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    pastes = (Path(__file__).parent / "pastes.txt").read_text("utf-8").split("\n%%% ")
    with tempfile.TemporaryDirectory() as corpus:
        for number, paste in enumerate(pastes):
            (Path(corpus) / str(number)).write_text(paste, "utf-8")
        options = [
            f"-max_total_time={seconds}", f"-timeout={_SLOW}", f"-max_len={LONGEST}",
            "-len_control=0", "-print_final_stats=1", "-verbosity=0",
        ]  # fmt: skip
        atheris.Setup([sys.argv[0], *options, corpus], read)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
