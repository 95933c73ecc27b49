"""What the problems of posts are counted to, all at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.index import tally as tally_module
from indexer.index.postings import FIELDS, Postings
from indexer.index.tally import Said, Tally
from indexer.text.analyzer import PIECE, terms

_TEXT = st.text("aBc_1-.# :=报错无法连接数据库超时怎么办C+NETnet", max_size=60)
_SAID = st.builds(Said, st.sampled_from(FIELDS), _TEXT, st.integers(-1, 3), half=st.booleans())
_POSTS = st.lists(st.lists(st.lists(_SAID, max_size=4), max_size=3), max_size=4)


def counted(postings: Postings) -> list[tuple[str, int, str, float]]:
    """The term, the problem, the field and the count of each posting."""
    columns = postings.rows, postings.problems, postings.fields, postings.counts
    return [
        (postings.terms[row], problem, FIELDS[field], count)
        for row, problem, field, count in zip(*(c.tolist() for c in columns), strict=True)
    ]


def worded(postings: Postings) -> list[list[tuple[str, int, list[str]]]]:
    """The blocks of each problem: field, part and words."""
    wording = postings.wording
    words = [postings.terms[word] for word in wording.words.tolist()]
    ends, fields = wording.blocks.tolist(), [FIELDS[field] for field in wording.fields.tolist()]
    blocks = [
        (field, part, words[start:end])
        for field, part, start, end in zip(
            fields, wording.parts.tolist(), ends[:-1], ends[1:], strict=True
        )
    ]
    edges = wording.problems.tolist()
    return [blocks[start:end] for start, end in pairwise(edges)]


def check(tally: Tally, posts: Sequence[Sequence[Sequence[Said]]]) -> None:
    """That what is taken is what is cut from each text by itself."""
    for post in posts:
        tally.add(post)
    problems = [problem for post in posts for problem in post]
    expected: defaultdict[tuple[str, int, str], float] = defaultdict(float)
    blocks = []
    for number, problem in enumerate(problems):
        blocks.append([])
        for field, text, part, half in problem:
            found = list(terms(text))
            for term in found:
                weight = term.weight / 2 if half else term.weight
                expected[term.text, number, field] += weight
            if words := [term.text for term in found if term.weight >= PIECE]:
                blocks[-1].append((field, part, words))
    postings = tally.take()
    assert {one[:3]: one[3] for one in counted(postings)} == pytest.approx(dict(expected))
    assert len(counted(postings)) == len(expected)
    assert worded(postings) == blocks
    places = [
        (int(row), int(problem), int(field))
        for row, problem, field in zip(
            postings.rows, postings.problems, postings.fields, strict=True
        )
    ]
    assert places == sorted(places)


def test_what_a_problem_says_is_counted_by_field_and_kept_in_order() -> None:
    tally = Tally()
    tally.add([[Said("title", "RNNCell 报错 RNNCell"), Said("code", "报错", 2)]])
    tally.add([[Said("head", "报错", half=True)], []])
    postings = tally.take()
    assert {one for one in counted(postings) if one[0] in ("rnncell", "报错")} == {
        ("rnncell", 0, "title", 2.0), ("报错", 0, "title", 1.0), ("报错", 0, "code", 1.0),
        ("报错", 1, "head", 0.5),
    }  # fmt: skip
    assert worded(postings) == [
        [("title", -1, ["rnncell", "报错", "rnncell"]), ("code", 2, ["报错"])],
        [("head", -1, ["报错"])],
        [],
    ]


_TALLY = Tally()


@settings(max_examples=300, deadline=None)
@given(_POSTS)
def test_what_is_counted_is_what_is_cut(posts: list[list[list[Said]]]) -> None:
    check(_TALLY, posts)


def test_a_tally_that_knows_many_tokens_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tally_module, "_MOST", 3)
    tally = Tally()
    for text in ("one two three four five", "连接数据库超时怎么办 two one", "", "one three"):
        check(tally, [[[Said("text", text)]]])


def test_of_a_post_that_cannot_be_cut_nothing_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    tally = Tally()
    with monkeypatch.context() as patch, pytest.raises(ZeroDivisionError):
        patch.setattr(tally_module, "weigh", lambda token: 1 / 0 if token == "bad" else [])
        tally.add([[Said("text", "good")], [Said("text", "bad")]])
    check(tally, [[[Said("text", "another")]]])
