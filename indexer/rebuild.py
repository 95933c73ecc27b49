"""From a folder of posts to the next index: only what changed is read."""

from __future__ import annotations

import gc
import hashlib
import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from indexer.analyzer import Tally
from indexer.bilingual import Pair, choose_pairs, find_pairs, glossary
from indexer.folder import DRAFT, Found, NotText, find_posts
from indexer.index import (
    Entry,
    Index,
    Manifest,
    NextGeneration,
    Part,
    Skipped,
    fingerprint,
    open_current,
)
from indexer.pasted import may_name, read_pasted
from indexer.plain import plain
from indexer.postings import FIELDS, Counted, Ints, Postings, collect, merge
from indexer.posts import Post, read_post
from indexer.problems import Problem, find_problems
from indexer.records import to_record
from indexer.roles import Role, tells_of_trouble
from indexer.segments import Vocabulary
from indexer.storage import IndexFault, prepare, read_current, rebuilding, sweep
from indexer.worth import worth_of_fix

Progress = Callable[[int, int], None]

# Files read by one call of a worker, and from how many on workers are worth starting.
_BATCH = 100
# Batches that wait to be written, at the most; while a segment is written, the workers go on.
_AHEAD = 32
_WORKERS_FROM = 200


class MuchToDo(IndexFault):
    """More posts are to be read, or written again, than the caller wants to wait for."""


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
    known: Index | None = None,
    most: int | None = None,
    progress: Progress | None = None,
) -> Report:
    """Brings the index at `place` up to date with the posts of `folder`.

    `full` reads every post again; `jobs` 0 takes one process per core; what `known`, an index that
    is open, has in common with it is not opened again; `progress` is called with (files done,
    files to do). The index that answers is not touched until the next one is whole.
    Raises IndexFault where the folder itself cannot be listed: its posts are not gone; MuchToDo
    where there is more to do than to read and write `most` posts.
    """
    started = time.perf_counter()
    prepare(place)
    with rebuilding(place):
        # What a rebuild that was killed left behind may fill the disk.
        if (current := read_current(place)) is not None:
            sweep(place, (current.name,))
        before = None if full else open_current(place, known)
        try:
            report = _rebuild(folder, place, before, jobs, drafts, most, progress)
        finally:
            if before is not None:
                before.close()
    return replace(report, seconds=round(time.perf_counter() - started, 3))


def _rebuild(
    folder: Path,
    place: Path,
    before: Index | None,
    jobs: int,
    drafts: bool,
    most: int | None,
    progress: Progress | None,
) -> Report:
    now = time.time_ns()
    found = list(find_posts(folder, drafts=drafts))
    if unlisted := next((file.reason for file in found if file.path == "."), None):
        raise IndexFault(f"{folder}: {unlisted}; name a folder of posts, or attach it again")
    known = {entry.path: entry for entry in before.manifest.posts} if before else {}
    unchanged, skipped, to_read = _split(found, known, before, drafts)
    kept, merged = _choose_parts(before, unchanged, len(to_read))
    if most is not None and len(to_read) + sum(len(part.posts) for part in merged) > most:
        raise MuchToDo(f"{place}: {len(to_read)} posts are to be read; run fixdex rebuild")
    vocabulary = before.engine.vocabulary() if before is not None else Vocabulary()
    batches: list[_Batch] = []
    with NextGeneration(place, kept) as following:
        waiting: list[_Batch] = []
        limit = min(max(_SEGMENT_FROM, len(to_read) // _SEGMENTS), _SEGMENT_TO)
        for batch in _read_all(to_read, jobs or os.cpu_count() or 1, drafts):
            batches.append(replace(batch, postings=_NOTHING, records=()))
            waiting.append(batch)
            if sum(len(one.entries) for one in waiting) >= limit:
                following.add(*_joined(merged, waiting, vocabulary))
                waiting, merged = [], []
            if progress:
                progress(sum(len(b.entries) + len(b.skipped) for b in batches), len(to_read))
        skipped += [one for batch in batches for one in batch.skipped]
        report = _report(found, known, unchanged, batches, skipped)
        if before is None or not _same(before.manifest, folder, report, skipped, drafts):
            if waiting or merged:
                following.add(*_joined(merged, waiting, vocabulary))
            following.finish(
                _manifest(folder, following, skipped, drafts),
                # What changed a moment ago may change again and look the same.
                {f.path: f.look for f in found if f.look and f.changed < now - _SETTLED},
            )
            sweep(place, (following.name,))
    return report


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
        coming: deque[Future[_Batch]] = deque()
        try:
            for piece in pieces:
                coming.append(workers.submit(_read_in_worker, piece, drafts))
                if len(coming) > _AHEAD + 2 * jobs:
                    yield coming.popleft().result()
            while coming:
                yield coming.popleft().result()
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
                tells_of_trouble(post.title),
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


def _pairs(problems: Sequence[Problem]) -> tuple[Pair, ...]:
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

# Posts of a segment: half of all, so that one is written while the rest is read, as memory allows.
_SEGMENTS, _SEGMENT_FROM, _SEGMENT_TO = 2, 2_000, 16_000
# A segment of so few problems is made again with the next.
_SMALL = 64
# Nanoseconds after which a file that changes looks different: two seconds are the coarsest in use.
_SETTLED = 2_500_000_000
_NOTHING = collect(())


def _split(
    found: Sequence[Found], known: Mapping[str, Entry], before: Index | None, drafts: bool
) -> tuple[set[str], list[Skipped], list[Found]]:
    """The paths of posts that are as they were, the files that are no posts, those to read."""
    seen = before.seen() if before is not None else {}
    passed_over = {}
    if before is not None and before.manifest.drafts == drafts:
        passed_over = {one.path: one for one in before.manifest.skipped}
    unchanged, skipped, to_read = set(), [], []
    for file in found:
        same = bool(file.look) and seen.get(file.path) == file.look
        if file.reason is not None:
            skipped.append(Skipped(file.path, file.reason))
        elif (old := known.get(file.path)) and (same or _digest(file.file) == old.digest):
            unchanged.add(file.path)
        elif same and file.path in passed_over:
            skipped.append(passed_over[file.path])
        else:
            to_read.append(file)
    return unchanged, skipped, to_read


def _choose_parts(
    before: Index | None, unchanged: set[str], new: int
) -> tuple[list[Part], list[Part]]:
    """The parts that stay, and those at the end that are made again with so many new problems.

    Each part that stays has more problems than all after it, so there are never many. Terms are
    numbered from part to part: none before one that stays can be made again.
    """
    parts = [
        replace(
            part,
            gone=part.gone.union(i for i, e in enumerate(part.posts) if e.path not in unchanged),
        )
        for part in (before.parts if before is not None else ())
    ]
    merged: list[Part] = []
    while parts:
        kept = int(parts[-1].kept().sum())
        gone = len(parts[-1].segment) - kept
        if kept > max(new, gone, _SMALL) or kept + new > _SEGMENT_TO:
            break
        merged.insert(0, parts.pop())
        new += kept
    return parts, merged


def _joined(
    parts: Sequence[Part], batches: Sequence[_Batch], vocabulary: Vocabulary
) -> tuple[list[Entry], Postings, list[str]]:
    """What is left of parts, and what was read, as one segment: posts, postings, records."""
    entries: list[Entry] = []
    records: list[str] = []
    pieces: list[tuple[Postings, Ints]] = []
    for part in parts:
        kept = part.kept()
        numbers = np.where(kept, np.cumsum(kept) - 1 + len(records), -1).astype(np.int32)
        pieces.append((part.segment.arrays.load(vocabulary), numbers))
        entries += part.living
        records += [part.segment.record(problem) for problem in np.flatnonzero(kept).tolist()]
    for batch in batches:
        numbers = np.arange(len(records), len(records) + len(batch.records), dtype=np.int32)
        pieces.append((batch.postings, numbers))
        entries += batch.entries
        records += batch.records
    return entries, merge(pieces), records


def _manifest(
    folder: Path, following: NextGeneration, skipped: Sequence[Skipped], drafts: bool
) -> Manifest:
    posts = tuple(entry for part in following.parts for entry in part.living)
    return Manifest(
        folder=str(folder),
        built_at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        build=following.name,
        posts=posts,
        skipped=tuple(skipped),
        drafts=drafts,
        pairs=choose_pairs((pair for entry in posts for pair in entry.pairs), glossary()),
        fingerprint=fingerprint(),
    )


def _report(
    found: Sequence[Found],
    known: dict[str, Entry],
    unchanged: set[str],
    batches: Sequence[_Batch],
    skipped: Sequence[Skipped],
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
