"""The index is a Whoosh index, and holds the postings that the ranking uses."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
import whoosh.index

from conftest import Counted, MakeKnowledgeBase, make_engine, postings_of
from indexer import KnowledgeBase
from indexer.index.engine import Engine
from indexer.index.index import open_current
from indexer.index.postings import FIELDS, merge
from posts_for_tests import POSTS


def from_whoosh(folder: Path, term: str) -> list[tuple[int, int, float]]:
    """(problem, field, count) of a term, as plain Whoosh reads them."""
    found = []
    with whoosh.index.open_dir(str(folder / "whoosh")).reader() as reader:
        for field, name in enumerate(FIELDS):
            if (name, term.encode("utf-8")) in reader:
                matcher = reader.postings(name, term)
                while matcher.is_active():
                    found.append((matcher.id(), field, round(matcher.weight(), 3)))
                    matcher.next()
    return sorted(found)


def from_engine(engine: Engine, term: str) -> list[tuple[int, int, float]]:
    return [
        (problem, field, round(count, 3))
        for found in engine.postings(["nothing of the kind", term, "nor this"])
        for problem, field, count in zip(
            found.problems.tolist(), found.fields.tolist(), found.counts.tolist(), strict=True
        )
    ]


def test_plain_whoosh_holds_the_postings_of_a_thousand_random_terms(
    shipped_kb: KnowledgeBase,
) -> None:
    index = open_current(shipped_kb.place)
    assert index is not None
    vocabulary = list(index.engine.vocabulary())
    chosen = random.Random(7).sample(vocabulary, 1000)
    for term in chosen:
        assert from_engine(index.engine, term) == from_whoosh(index.folder, term), term


def test_plain_whoosh_has_the_same_terms_and_as_many_documents(make_kb: MakeKnowledgeBase) -> None:
    index = open_current(make_kb(POSTS).place)
    assert index is not None
    with whoosh.index.open_dir(str(index.folder / "whoosh")).reader() as reader:
        assert reader.doc_count() == len(index.engine)
        terms = {term.decode("utf-8") for name in FIELDS for term in reader.lexicon(name)}
        assert terms == set(index.engine.vocabulary())
        assert reader.stored_fields(0)["record"] == index.engine.record(0)


def test_an_index_of_nothing_can_be_opened(tmp_path: Path) -> None:
    engine = make_engine(tmp_path, (postings_of([]), []))
    assert len(engine) == 0
    assert not from_engine(engine, "docker")
    assert engine.lengths().shape == (len(FIELDS), 0)


def fields(**counts: dict[str, float]) -> Counted:
    return Counted(counts)


def test_an_engine_keeps_its_contract(tmp_path: Path) -> None:
    postings = postings_of(
        [
            fields(title={"docker": 1.0, "错误": 1.0}, code={"docker": 3.0}),
            fields(text={"错误": 2.5, "𠮷": 1.0, "a" * 80: 1.0}),
        ]
    )
    engine = make_engine(tmp_path, (postings, ["first", "第二"]))
    assert len(engine) == 2
    assert from_engine(engine, "docker") == [
        (0, FIELDS.index("title"), 1.0),
        (0, FIELDS.index("code"), 3.0),
    ]
    assert from_engine(engine, "错误") == [
        (0, FIELDS.index("title"), 1.0),
        (1, FIELDS.index("text"), 2.5),
    ]
    assert not from_engine(engine, "nothing")
    assert list(engine.vocabulary()) == sorted(["docker", "错误", "𠮷", "a" * 80])
    assert engine.record(1) == "第二"
    assert engine.lengths()[FIELDS.index("code")].tolist() == [3.0, 0.0]


def test_a_small_segment_is_read_after_many_words_of_another(
    make_kb: MakeKnowledgeBase,
) -> None:
    # So many words that no number of a small segment reaches that far.
    many = {f"{i:02}.md": f"# Post {i}\n\n{'shared pad ' * 700}" for i in range(70)}
    knowledge_base = make_kb(many)
    (knowledge_base.folder / "99.md").write_text("# Late\n\nshared words", "utf-8")
    knowledge_base.rebuild()
    assert len(knowledge_base.generation().index.parts) == 2
    engine = knowledge_base.generation().index.engine
    wording = engine.wording(np.arange(71, dtype=np.int32), 20_000)
    assert wording.blocks[-1] == len(wording.words) > 0xFFFF
    last = [engine.vocabulary()[number] for number in wording.words[-3:]]
    assert last == ["late", "share", "word"]


def test_merging_leaves_out_what_was_removed(tmp_path: Path) -> None:
    old = postings_of([fields(text={"old": 1.0, "both": 1.0}), fields(text={"kept": 1.0})])
    new = postings_of([fields(text={"both": 2.0})])
    merged = merge([(old, np.array([-1, 0], np.int32)), (new, np.array([1], np.int32))])
    engine = make_engine(tmp_path, (merged, ["kept", "new"]))
    assert list(engine.vocabulary()) == ["both", "kept"]
    assert from_engine(engine, "both") == [(1, FIELDS.index("text"), 2.0)]


def test_the_words_of_a_problem_keep_their_order_and_their_blocks(tmp_path: Path) -> None:
    def counted(*blocks: tuple[str, list[str]]) -> Counted:
        return Counted({field: dict.fromkeys(words, 1.0) for field, words in blocks}, blocks)

    old = postings_of([counted(("text", ["b", "a", "b"])), counted(("title", ["gone"]))])
    new = postings_of([counted(("title", ["c"]), ("code", ["a", "c"]))])
    merged = merge([(old, np.array([0, -1], np.int32)), (new, np.array([1], np.int32))])
    engine = make_engine(tmp_path, (merged, ["old", "new"]))
    wording, terms = engine.wording(np.array([0, 1], np.int32), 100), engine.vocabulary()
    edges = wording.blocks.tolist()
    blocks = [
        (FIELDS[field], [terms[int(word)] for word in wording.words[start:end]])
        for field, start, end in zip(wording.fields, edges, edges[1:], strict=False)
    ]
    assert blocks == [("text", ["b", "a", "b"]), ("title", ["c"]), ("code", ["a", "c"])]
    assert wording.problems.tolist() == [0, 1, 3]
    assert engine.holding().tolist() == [2, 1, 1]


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 63, 64, 65, 127, 128, 129, 400])
def test_postings_of_every_block_size_are_read_back_by_whoosh(tmp_path: Path, count: int) -> None:
    check_postings(tmp_path, list(range(0, 3 * count, 3)))


def test_postings_far_apart_are_read_back_by_whoosh(tmp_path: Path) -> None:
    # Steps that need one, two and four bytes.
    check_postings(tmp_path, [7, 300, 66_300])


def check_postings(folder: Path, numbers: list[int]) -> None:
    counts = {"once": lambda n: 1.0, "alike": lambda n: 2.5, "other": lambda n: float(n % 7 + 1)}
    problems = [fields()] * (numbers[-1] + 1)
    for number in numbers:
        problems[number] = fields(text={term: of(number) for term, of in counts.items()})
    engine = make_engine(folder, (postings_of(problems), ["{}"] * len(problems)))
    for term in counts:
        assert [problem for problem, *_ in from_engine(engine, term)] == numbers
        assert from_engine(engine, term) == from_whoosh(folder, term)
