"""From a folder of posts to the next index: only what changed is read."""

from __future__ import annotations

import gc
import hashlib
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from indexer.analyzer import Tally
from indexer.bilingual import choose_pairs, find_pairs, glossary
from indexer.folder import DRAFT, Found, NotText, find_posts
from indexer.index import (
    Entry,
    Index,
    IndexFault,
    Manifest,
    Skipped,
    fingerprint,
    next_build,
    open_current,
    prepare_place,
    rebuilding,
    write_next,
)
from indexer.pasted import may_name, read_pasted
from indexer.plain import plain
from indexer.postings import FIELDS, Counted, Ints, Postings, collect, merge
from indexer.posts import Post, read_post
from indexer.problems import Problem, find_problems
from indexer.records import to_record
from indexer.roles import Role
from indexer.worth import worth_of_fix

Progress = Callable[[int, int], None]

# Files read by one call of a worker, and from how many on workers are worth starting.
_BATCH = 100
_WORKERS_FROM = 200


@dataclass(frozen=True, slots=True)
class File:
    """What became of a file: `added`, `changed`, `removed`, `unchanged` or `skipped`."""

    path: str
    state: str
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What a rebuild did; `found` = `indexed` + `skipped`."""

    found: int
    indexed: int
    skipped: int
    added: int
    changed: int
    removed: int
    unchanged: int
    repaired: int
    files: tuple[File, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class _Batch:
    entries: tuple[Entry, ...]
    skipped: tuple[Skipped, ...]
    postings: Postings
    records: tuple[str, ...]


def rebuild(
    folder: Path,
    place: Path,
    *,
    full: bool = False,
    jobs: int = 0,
    drafts: bool = False,
    progress: Progress | None = None,
) -> Report:
    """Brings the index at `place` up to date with the posts of `folder`.

    `full` reads every post again; `jobs` 0 takes one process per core; `progress` is called with
    (files done, files to do). The index that answers is not touched until the next one is whole.
    Raises IndexFault where the folder itself cannot be listed: its posts are not gone.
    """
    started = time.perf_counter()
    prepare_place(place)
    with rebuilding(place):
        before = None if full else open_current(place)
        known = {entry.path: entry for entry in before.manifest.posts} if before else {}
        found = list(find_posts(folder, drafts=drafts))
        if unlisted := next((file.reason for file in found if file.path == "."), None):
            raise IndexFault(f"{folder}: {unlisted}; name a folder of posts, or attach it again")
        skipped = [Skipped(f.path, f.reason) for f in found if f.reason is not None]
        to_read, unchanged = [], set()
        for file in found:
            if file.reason is None:
                digest = _digest(file.file)
                if digest is not None and (old := known.get(file.path)) and old.digest == digest:
                    unchanged.add(file.path)
                else:
                    to_read.append(file)
        batches = []
        done = 0
        for batch in _read_all(to_read, jobs or os.cpu_count() or 1, drafts):
            batches.append(batch)
            done += len(batch.entries) + len(batch.skipped)
            if progress:
                progress(done, len(to_read))
        skipped += [one for batch in batches for one in batch.skipped]
        report = _report(found, known, unchanged, batches, skipped, before)
        if before is None or not _same(before.manifest, folder, report, skipped, drafts):
            _write(folder, place, before, unchanged, batches, skipped, drafts)
        if before is not None:
            before.close()
    return replace(report, seconds=round(time.perf_counter() - started, 3))


def _same(
    before: Manifest, folder: Path, report: Report, skipped: Sequence[Skipped], drafts: bool
) -> bool:
    """Whether the index that answers already holds just this."""
    return (
        not report.added + report.changed + report.removed
        and set(before.skipped) == set(skipped)
        and before.folder == str(folder)
        and before.drafts == drafts
    )


# Reading


def _read_all(files: Sequence[Found], jobs: int, drafts: bool) -> Iterator[_Batch]:
    pieces = [files[i : i + _BATCH] for i in range(0, len(files), _BATCH)]
    if jobs <= 1 or len(files) < _WORKERS_FROM:
        yield from (_read_batch(piece, drafts) for piece in pieces)
        return
    # Not by fork: a server's threads may hold locks at that moment.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context, initializer=_begin_worker) as workers:
        futures: list[Future[_Batch]] = [
            workers.submit(_read_in_worker, piece, drafts) for piece in pieces
        ]
        try:
            for future in futures:
                yield future.result()
        except BrokenProcessPool:
            raise IndexFault(
                "a process that reads posts was ended from outside (memory?); try --jobs 1"
            ) from None


def _begin_worker() -> None:
    """Makes ready a process that reads, and ends it when the one that started it is killed."""
    # Posts are read into many small objects that stay: looking for rubbish among them again and
    # again takes an eighth of the time.
    gc.disable()
    # Ctrl-C reaches all processes of a terminal; the parent ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def wait() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def _read_in_worker(files: Sequence[Found], drafts: bool) -> _Batch:
    batch = _read_batch(files, drafts)
    gc.collect(0)
    return batch


def _read_batch(files: Sequence[Found], drafts: bool) -> _Batch:
    entries, skipped, records = [], [], []
    counted: list[Counted] = []
    for file in files:
        try:
            data = file.file.read_bytes()
            post = read_post(file.path, data)
        except NotText as error:
            skipped.append(Skipped(file.path, str(error)))
            continue
        except OSError as error:
            skipped.append(Skipped(file.path, f"cannot be read: {error.strerror}"))
            continue
        if post.draft and not drafts:
            skipped.append(Skipped(file.path, DRAFT))
            continue
        problems = find_problems(post)
        entries.append(
            Entry(
                post.path,
                post.title,
                post.date,
                post.tags,
                post.lang,
                post.link,
                hashlib.sha256(data).hexdigest(),
                tuple(map(worth_of_fix, problems)),
                post.repairs,
                _pairs(problems),
            )
        )
        for problem in problems:
            counted.append(_count(post, problem))
            records.append(to_record(problem))
    return _Batch(tuple(entries), tuple(skipped), collect(counted), tuple(records))


def _digest(file: Path) -> str | None:
    try:
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return None


def _pairs(problems: Sequence[Problem]) -> tuple[tuple[str, str], ...]:
    """What a post says in both languages side by side."""
    told = (part.block for problem in problems for part in problem.parts)
    return find_pairs("\n".join(plain(block.text) for block in told if block.kind != "code"))


# The field a block counts in, by its role; what tells of no role counts as plain text.
_FIELD_OF = {
    Role.PROBLEM: "problem",
    Role.ERROR: "problem",
    Role.ENVIRONMENT: "text",
    Role.CAUSE: "cause",
    Role.FIX: "fix",
    Role.CHECK: "text",
    Role.REFERENCE: "text",
    Role.FAILING: "problem",
    None: "text",
}


def _count(post: Post, problem: Problem) -> Counted:
    """What every term counts for in each field of a problem, and its words in order."""
    tallies = {name: Tally() for name in FIELDS}
    blocks: list[tuple[int, list[str], int]] = []

    def add(field: str, text: str, part: int = -1, tally: Tally | None = None) -> None:
        if order := (tally or tallies[field]).add(text):
            blocks.append((FIELDS.index(field), order, part))

    add("title", post.title)
    if problem.title != post.title:
        add("title", problem.title)
    of_file = Tally()
    add("head", _file_words(post.path), tally=of_file)
    for text in (*problem.headings, *post.extra):
        add("head", text)
    for tag in post.tags:
        add("tags", tag)
    for number, part in enumerate(problem.parts):
        text = part.block.text
        if part.block.kind == "code":
            add("problem" if part.role is Role.ERROR else "code", text, part=number)
        else:
            text = plain(text)
            add(_FIELD_OF[part.role], text, part=number)
        if part.role in (Role.ERROR, Role.PROBLEM, None):
            for line in _error_lines(text, part.role):
                add("error", line, part=number)
    counts = {name: tally.counts() for name, tally in tallies.items()}
    for term, count in of_file.counts().items():
        counts["head"][term] = counts["head"].get(term, 0.0) + count / 2
    return Counted([counts[name] for name in FIELDS], blocks)


def _error_lines(text: str, role: Role | None) -> tuple[str, ...]:
    """The lines of a block that say what went wrong; of other roles only where one is named."""
    if role is not Role.ERROR and not may_name(text):
        return ()
    found = read_pasted(text)
    return found.errors[:3] if role is Role.ERROR or found.exceptions or found.codes else ()


def _file_words(path: str) -> str:
    return Path(path).stem.replace("-", " ")


# Writing


def _write(
    folder: Path,
    place: Path,
    before: Index | None,
    unchanged: set[str],
    batches: Sequence[_Batch],
    skipped: Sequence[Skipped],
    drafts: bool,
) -> None:
    entries: list[Entry] = []
    records: list[str] = []
    parts: list[tuple[Postings, Ints]] = []
    if before is not None and unchanged:
        renumbered = np.full(len(before.engine), -1, np.int32)
        at = 0
        for entry in before.manifest.posts:
            if entry.path in unchanged:
                for problem in range(at, at + entry.problems):
                    renumbered[problem] = len(records)
                    records.append(before.engine.record(problem))
                entries.append(entry)
            at += entry.problems
        parts.append((before.engine.load(), renumbered))
    for batch in batches:
        numbers = np.arange(len(records), len(records) + len(batch.records), dtype=np.int32)
        parts.append((batch.postings, numbers))
        entries.extend(batch.entries)
        records.extend(batch.records)
    manifest = Manifest(
        folder=str(folder),
        built_at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        build=next_build(place),
        posts=tuple(entries),
        skipped=tuple(skipped),
        drafts=drafts,
        pairs=choose_pairs((pair for entry in entries for pair in entry.pairs), glossary()),
        fingerprint=fingerprint(),
    )
    write_next(place, manifest, merge(parts), records)


def _report(
    found: Sequence[Found],
    known: dict[str, Entry],
    unchanged: set[str],
    batches: Sequence[_Batch],
    skipped: Sequence[Skipped],
    before: Index | None,
) -> Report:
    read = {entry.path: entry for batch in batches for entry in batch.entries}
    indexed = {**{path: known[path] for path in unchanged}, **read}
    files = [
        File(
            path,
            "unchanged" if path in unchanged else "changed" if path in known else "added",
            "; ".join(entry.repairs) or None,
        )
        for path, entry in indexed.items()
    ]
    files += [File(path, "removed") for path in known if path not in indexed]
    files += [File(one.path, "skipped", one.reason) for one in skipped]
    files.sort(key=lambda file: file.path)
    states = [file.state for file in files]
    return Report(
        found=len(found),
        indexed=len(indexed),
        skipped=len(skipped),
        added=states.count("added"),
        changed=states.count("changed"),
        removed=states.count("removed"),
        unchanged=states.count("unchanged"),
        repaired=sum(bool(entry.repairs) for entry in indexed.values()),
        files=tuple(files),
        seconds=0.0,
    )
