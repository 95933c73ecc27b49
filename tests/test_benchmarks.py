"""The benchmarks: the run for Fixdex, what is made for them, and what they print."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks.__main__ import middle
from benchmarks.figures import COMPARED, ITS_OWN, P95, P99, tables, with_all
from benchmarks.folder import posts
from benchmarks.more_posts import Words, more_posts
from benchmarks.plot import plot
from benchmarks.questions import read_questions
from conftest import ROOT, missing, write_posts
from posts_for_tests import FAQ, POSTS

KB = list(posts(ROOT / "kb"))


def benchmark(to: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """The command as `make benchmark` runs it, on the posts that ship with Fixdex."""
    path = os.pathsep.join(filter(None, (str(ROOT / "tests"), os.environ.get("PYTHONPATH"))))
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", "--to", to, *map(str, words)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
        timeout=240,
        check=False,
    )


def test_every_figure_of_fixdex_is_measured(tmp_path: Path) -> None:
    if not Path("/proc/self/smaps_rollup").exists():
        missing("there is no /proc to read memory from")
    done = benchmark(
        tmp_path, "--systems", "fixdex[fast]", "--sizes", "8", "--times", "1", "--rounds", "2"
    )
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "figures.json").read_text("utf-8"))
    (size,) = result["sizes"]
    assert size["posts"] == 8
    figures = with_all(size["systems"]["fixdex[fast]"])
    values = {row.name: row.value(figures) for row in (*COMPARED, *ITS_OWN)}
    assert all(value is not None and value > 0 for value in values.values()), values
    assert (tmp_path / "figures.md").read_text("utf-8") in done.stdout
    ElementTree.parse(tmp_path / "figures.svg")
    # The posts that were written to are gone.
    assert {file.name for file in tmp_path.iterdir()} == {
        "figures.json", "figures.md", "figures.svg"
    }  # fmt: skip


def test_of_several_rounds_the_median_of_each_question_counts() -> None:
    told = [{"first_ms": [1.0, 9.0], "mb": 3}, {"first_ms": [8.0, 2.0], "mb": 5}]
    told.append({"first_ms": [2.0, 3.0], "mb": 4})
    assert middle(told) == {"first_ms": [2.0, 3.0], "mb": 4}


def test_a_system_that_is_not_known_is_named_with_those_that_are(tmp_path: Path) -> None:
    done = benchmark(tmp_path, "--systems", "lucene")
    assert done.returncode == 2
    assert "lucene" in done.stderr and "tantivy" in done.stderr


def test_posts_of_a_folder_are_told_apart_from_what_lies_there_too(tmp_path: Path) -> None:
    write_posts(tmp_path, {"a.md": "a", "b.txt": "b", ".fixdex/c.md": "c", ".d/e.MD": "e"})
    assert list(posts(tmp_path)) == [(".d/e.MD", "e"), ("a.md", "a")]


def test_fewer_posts_are_a_sample_of_the_real_ones() -> None:
    some = list(more_posts(KB, 5))
    assert len({path for path, _ in some}) == 5
    assert set(some) < set(KB)


def test_more_posts_are_all_real_ones_and_variants_none_of_them_twice() -> None:
    made = list(more_posts(KB, 3 * len(KB)))
    assert made[: len(KB)] == KB
    assert len({path for path, _ in made}) == len({text for _, text in made}) == 3 * len(KB)


def test_the_same_seed_makes_the_same_posts() -> None:
    assert list(more_posts(KB, 60)) == list(more_posts(KB, 60))
    assert list(more_posts(KB, 60)) != list(more_posts(KB, 60, seed=2))


def test_variants_bring_new_words_ever_more_slowly() -> None:
    counted = []
    for count in (len(KB), 2 * len(KB), 4 * len(KB)):
        words = Words()
        for _, text in more_posts(KB, count):
            words.add(text)
        counted.append((len(words.names), len(words.pairs)))
    for few, more, most in zip(*counted, strict=True):
        assert 1.2 < more / few < 1.95
        assert 1.2 < most / more < 1.95


def test_a_variant_keeps_headings_and_fences() -> None:
    *_, (_, text) = more_posts([("faq.md", FAQ), *POSTS.items()], 40)
    assert text.count("```") % 2 == 0
    made = [text for path, text in more_posts([("faq.md", FAQ)], 4) if path.startswith("varied/")]
    assert all(text.count("\n## ") == 2 for text in made)


def test_questions_are_pasted_by_their_kind_or_by_their_length(tmp_path: Path) -> None:
    told = (
        {"query": "a", "kind": "paste"},
        {"question": "b" * 90, "kind": "keyword"},
        {"query": "c"},
        {"query": "d" * 90},
    )
    file = tmp_path / "questions.jsonl"
    file.write_text("\n".join(map(json.dumps, told)), "utf-8")
    asked = read_questions(file)
    assert {one.text[0]: one.pasted for one in asked} == {
        "a": True, "b": False, "c": False, "d": True
    }  # fmt: skip
    assert asked == read_questions(file)


def result(**systems: dict[str, object]) -> dict[str, object]:
    size = {"posts": 1000, "mb": 6.1, "words": "9 names, 4 pairs", "systems": systems}
    return {"machine": "2 cores", "asked": "3 questions", "sizes": [size]}


def test_a_table_says_how_many_times_what_another_takes() -> None:
    figures = {"build_s": 5.0, "short_first_ms": [1.0, 2.0, 9.0], "pasted_first_ms": []}
    peer = {"build_s": 20.0, "short_first_ms": [1.0, 4.0, 5.0], "pasted_first_ms": []}
    told = tables(result(fixdex=figures, whoosh=peer))
    assert "| build from scratch | 5.00 s | 20.0 s |" in told
    assert "| build from scratch | 0.250 |" in told
    assert "| short question to hits, median | 0.500 |" in told
    assert "pasted" not in told


@pytest.mark.parametrize("sizes", [1, 2])
def test_the_picture_has_a_point_for_every_figure(sizes: int) -> None:
    told = result(fixdex={"build_s": 5.0}, whoosh={"build_s": 20.0})
    first = told["sizes"]
    assert isinstance(first, list)
    told["sizes"] = [first[0] | {"posts": 10**power} for power in range(3, 3 + sizes)]
    root = ElementTree.fromstring(plot(told))
    points = [one.text for one in root.iter("{http://www.w3.org/2000/svg}title")]
    assert len(points) == 2 * sizes
    assert "whoosh, 1,000 posts: 20.0 s" in points


def test_a_percentile_is_one_of_the_values() -> None:
    values = list(range(1, 101))
    assert (P95(values), P99(values), P99([7.0])) == (95, 99, 7)
