"""What one would take instead of Fixdex, each as its documentation says to use it.

A post has a title, which counts double, and a body; a question finds posts that hold any of its
words. Whoosh cuts text with jieba's own analyzer, the others with rjieba in search mode.
"""

from __future__ import annotations

import json
import logging
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.folder import posts, title_of
from benchmarks.questions import BEST

_WORD = re.compile(r"\w")
_MARKS = re.compile(r"[^\w\s]")


def terms(text: str) -> list[str]:
    """The words of a text in lower case, as rjieba cuts them for a search."""
    import rjieba

    return [word.lower() for word in rjieba.cut_for_search(text) if _WORD.match(word)]


class PlainWhoosh:
    """Whoosh with jieba's ChineseAnalyzer, its own writer and its own scoring."""

    def __init__(self, folder: Path, place: Path) -> None:
        import jieba
        from jieba.analyse import ChineseAnalyzer
        from whoosh.fields import ID, TEXT, Schema
        from whoosh.qparser import MultifieldParser, OrGroup

        jieba.setLogLevel(logging.ERROR)
        self._folder, self._place = folder, place
        cut = ChineseAnalyzer()
        self._schema = Schema(
            path=ID(stored=True, unique=True),
            title=TEXT(analyzer=cut, field_boost=2.0),
            body=TEXT(analyzer=cut),
        )
        self._parser = MultifieldParser(["title", "body"], self._schema, group=OrGroup.factory(0.9))

    def build(self) -> None:
        from whoosh.index import create_in

        self._index = create_in(self._place, self._schema)
        writer = self._index.writer(limitmb=512)
        for path, text in posts(self._folder):
            writer.add_document(path=path, title=title_of(path, text), body=text)
        writer.commit()

    def open(self) -> None:
        from whoosh.index import open_dir

        self._index = open_dir(self._place)
        self._searcher = self._index.searcher()

    def update(self, path: str) -> None:
        text = (self._folder / path).read_text("utf-8", "replace")
        writer = self._index.writer(limitmb=512)
        writer.update_document(path=path, title=title_of(path, text), body=text)
        writer.commit()
        self._searcher = self._searcher.refresh()

    def search(self, text: str) -> list[str]:
        query = self._parser.parse(_MARKS.sub(" ", text))
        return [hit["path"] for hit in self._searcher.search(query, limit=BEST)]


class Fts5:
    """SQLite's full-text search, in a file; its words are cut before and joined by blanks."""

    def __init__(self, folder: Path, place: Path) -> None:
        self._folder = folder
        self._base = sqlite3.connect(place / "posts.db")
        # Pages that were read once stay in memory.
        self._base.execute("pragma cache_size = -1000000")

    def build(self) -> None:
        with self._base:
            self._base.execute("create table post (number integer primary key, path text unique)")
            self._base.execute(
                "create virtual table words using fts5(title, body, tokenize='unicode61')"
            )
            for path, text in posts(self._folder):
                self._add(path, text)

    def _add(self, path: str, text: str) -> None:
        number = self._base.execute("insert into post (path) values (?)", (path,)).lastrowid
        cut = " ".join(terms(title_of(path, text))), " ".join(terms(text))
        self._base.execute(
            "insert into words (rowid, title, body) values (?, ?, ?)", (number, *cut)
        )

    def open(self) -> None:
        self._base.execute("select count(*) from post").fetchone()

    def update(self, path: str) -> None:
        text = (self._folder / path).read_text("utf-8", "replace")
        with self._base:
            self._base.execute(
                "delete from words where rowid = (select number from post where path = ?)", (path,)
            )
            self._base.execute("delete from post where path = ?", (path,))
            self._add(path, text)

    def search(self, text: str) -> list[str]:
        words = terms(text)
        if not words:
            return []
        rows = self._base.execute(
            "select path from (select rowid, bm25(words, 2.0, 1.0) as score from words"
            f" where words match ? order by score limit {BEST}) as best"
            " join post on post.number = best.rowid order by score",
            (" OR ".join(f'"{word}"' for word in words),),
        )
        return [path for (path,) in rows]


class Tantivy:
    """Tantivy with one writing thread; its words are cut before and joined by blanks."""

    def __init__(self, folder: Path, place: Path) -> None:
        import tantivy

        self._folder, self._place = folder, place
        self._tantivy: Any = tantivy
        builder = tantivy.SchemaBuilder()
        builder.add_text_field("path", stored=True, tokenizer_name="raw")
        for field in ("title", "body"):
            builder.add_text_field(field, tokenizer_name="whitespace")
        self._schema = builder.build()

    def build(self) -> None:
        self._index = self._tantivy.Index(self._schema, str(self._place))
        writer = self._index.writer(128_000_000, 1)
        for path, text in posts(self._folder):
            self._add(writer, path, text)
        writer.commit()
        writer.wait_merging_threads()

    def _add(self, writer: Any, path: str, text: str) -> None:
        title, body = " ".join(terms(title_of(path, text))), " ".join(terms(text))
        writer.add_document(self._tantivy.Document(path=path, title=title, body=body))

    def open(self) -> None:
        self._index = self._tantivy.Index.open(str(self._place))
        self._searcher = self._index.searcher()

    def update(self, path: str) -> None:
        text = (self._folder / path).read_text("utf-8", "replace")
        writer = self._index.writer(128_000_000, 1)
        writer.delete_documents_by_term("path", path)
        self._add(writer, path, text)
        writer.commit()
        writer.wait_merging_threads()
        self._index.reload()
        self._searcher = self._index.searcher()

    def search(self, text: str) -> list[str]:
        words = terms(text)
        if not words:
            return []
        query, any_of = self._tantivy.Query, self._tantivy.Occur.Should
        parts = [
            *((any_of, query.boost_query(self._of("title", word), 2.0)) for word in words),
            *((any_of, self._of("body", word)) for word in words),
        ]
        found = self._searcher.search(query.boolean_query(parts), BEST)
        return [self._searcher.doc(address)["path"][0] for _, address in found.hits]

    def _of(self, field: str, word: str) -> Any:
        return self._tantivy.Query.term_query(self._schema, field, word)


class Bm25s:
    """bm25s: scores of all words in all posts, counted beforehand; a change counts all anew."""

    def __init__(self, folder: Path, place: Path) -> None:
        import bm25s

        self._folder, self._place = folder, place
        self._bm25s: Any = bm25s

    def build(self) -> None:
        self._paths: list[str] = []
        self._scores = self._bm25s.BM25()
        self._scores.index(list(self._words()), show_progress=False)
        self._scores.save(str(self._place))
        (self._place / "paths.json").write_text(json.dumps(self._paths), "utf-8")

    def _words(self) -> Iterator[list[str]]:
        for path, text in posts(self._folder):
            self._paths.append(path)
            yield terms(title_of(path, text)) * 2 + terms(text)

    def open(self) -> None:
        self._scores = self._bm25s.BM25.load(str(self._place), show_progress=False)
        self._paths = json.loads((self._place / "paths.json").read_text("utf-8"))

    def update(self, path: str) -> None:
        self.build()

    def search(self, text: str) -> list[str]:
        words = terms(text)
        if not words:
            return []
        best = min(BEST, len(self._paths))
        numbers, _ = self._scores.retrieve([words], k=best, show_progress=False)
        return [self._paths[number] for number in numbers[0]]
