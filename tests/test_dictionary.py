"""Chinese runs are cut as jieba cuts them, by whatever does it."""

from __future__ import annotations

import marshal
import re
from pathlib import Path
from types import ModuleType

import pytest

from conftest import ROOT, missing
from indexer.text import dictionary
from indexer.text.chinese import HAN
from indexer.text.dictionary import search_words, tokenizer

# Words in words, ties, characters that no dictionary has, one character, none.
ODD = (
    "南京市长江大桥",
    "的的的的",
    "㐀㐁权限𠀀不足〇",
    "我",
    "",
    "清华大学" * 600,
    "龘靐齉爨",
    "乾坤於戲",
)


@pytest.fixture(params=["jieba", "rjieba"])
def cutter(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """What cuts: our own rule over jieba's dictionary, or rjieba."""
    rjieba: ModuleType | None = None
    if request.param == "rjieba":
        try:
            import rjieba
        except ImportError:
            missing("rjieba is not installed")
    monkeypatch.setattr(dictionary, "rjieba", rjieba)
    return str(request.param)


def runs_of(folder: Path, step: int = 1) -> set[str]:
    """The Chinese runs of every so-manieth post of a folder."""
    found: set[str] = set()
    for file in sorted(folder.rglob("*.md"))[::step]:
        found.update(re.findall(f"[{HAN}]+", file.read_text("utf-8", "replace")))
    return found


def same_as_jieba(runs: set[str] | tuple[str, ...]) -> list[str]:
    """The runs that are cut otherwise than jieba cuts them in pieces of 2,000."""
    otherwise = []
    for run in runs:
        cut = set()
        for at in range(0, len(run), 2000):
            piece = run[at : at + 2000]
            for word, start, end in tokenizer().tokenize(piece, mode="search", HMM=False):
                cut.add((word, at + start, at + end))
        if set(search_words(run)) != cut:
            otherwise.append(run)
    return otherwise


def test_the_words_are_those_of_jieba(cutter: str) -> None:
    runs = runs_of(ROOT / "kb")
    assert len(runs) > 500
    assert same_as_jieba(runs) == []
    assert same_as_jieba(ODD) == []


def test_the_words_of_others_posts_are_those_of_jieba(cutter: str, devset_posts: Path) -> None:
    runs = runs_of(devset_posts, 7)
    assert len(runs) > 10_000
    assert same_as_jieba(runs) == []


@pytest.mark.parametrize("left", [b"", b"{0\xff", marshal.dumps([1, 2, 3])])
def test_a_dictionary_is_read_from_its_cache_or_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left: bytes
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    load = tokenizer.__wrapped__
    made = load()
    (cache,) = (tmp_path / "fixdex").iterdir()
    read = load()
    assert (read.FREQ, read.total) == (made.FREQ, made.total)
    cache.write_bytes(left)
    again = load()
    assert (again.FREQ, again.total) == (made.FREQ, made.total)
