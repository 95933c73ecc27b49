"""From a folder of posts to the next index: only what changed is read."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from indexer.index.batches import Batch, read_batches
from indexer.index.index import (
    Entry,
    Index,
    Manifest,
    NextGeneration,
    Part,
    Skipped,
    fingerprint,
    open_current,
)
from indexer.index.postings import Ints, Postings, merge
from indexer.index.segments import Vocabulary
from indexer.index.storage import (
    IndexFault,
    is_private,
    prepare,
    read_current,
    rebuilding,
    sweep,
)
from indexer.memory import give_back
from indexer.posts.folder import Found, find_posts, read_file
from indexer.text.bilingual import choose_pairs, glossary

Progress = Callable[[int, int], None]


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


def rebuild(
    folder: Path,
    place: Path,
    *,
    full: bool = False,
    jobs: int = 0,
    drafts: bool = False,
    seconds: float = 10,
    trusted: bool = False,
    known: Index | None = None,
    most: int | None = None,
    progress: Progress | None = None,
) -> Report:
    """Brings the index at `place` up to date with the posts of `folder`.

    `full` reads every post again; `jobs` 0 takes one process per core; a post that takes longer
    than so many `seconds` is indexed as plain text; what `known`, an index that is open, has in
    common with it is not opened again; `progress` is called with (files done, files to do). The
    index that answers is not touched until the next one is whole.
    An index that others could write is made anew, unless they are `trusted`.
    Raises IndexFault where the folder itself cannot be listed: its posts are not gone, or where the
    place is another user's; MuchToDo where there is more to do than to read and write `most` posts.
    """
    started = time.perf_counter()
    anew = full or not (trusted or _is_private(place))
    prepare(place, trusted=trusted)
    with rebuilding(place):
        # What a rebuild that was killed left behind may fill the disk.
        if (current := read_current(place)) is not None:
            sweep(place, (current.name,))
        before = None if anew else open_current(place, known, trusted=trusted, entirely=True)
        try:
            report = _rebuild(folder, place, before, jobs, drafts, seconds, most, progress)
        finally:
            if before is not None:
                before.close()
    return replace(report, seconds=round(time.perf_counter() - started, 3))


def _is_private(place: Path) -> bool:
    """Whether what is at a place may be used again: nobody else can have written it."""
    current = read_current(place)
    try:
        return current is None or is_private(place, current)
    except OSError:
        return False


def _rebuild(
    folder: Path,
    place: Path,
    before: Index | None,
    jobs: int,
    drafts: bool,
    seconds: float,
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
    batches: list[Batch] = []
    with NextGeneration(place, kept) as following:
        waiting: list[Batch] = []
        limit = min(max(_SEGMENT_FROM, len(to_read) * 2 // 3), _SEGMENT_TO)
        for batch in read_batches(to_read, jobs or os.cpu_count() or 1, drafts, seconds):
            batches.append(replace(batch, postings=_NOTHING, records=()))
            waiting.append(batch)
            if sum(len(one.entries) for one in waiting) >= limit:
                whole = _joined(merged, waiting, vocabulary)
                # What a batch holds is held twice until it is let go of.
                waiting, merged = [], []
                following.add(*whole)
                del whole
                give_back()
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


# Writing

# Posts of a segment: two thirds of all are written while the rest is read, as memory allows.
_SEGMENT_FROM, _SEGMENT_TO = 2_000, 8_000
# A segment of so few problems is made again with the next.
_SMALL = 64
# Nanoseconds after which a file that changes looks different: two seconds are the coarsest in use.
_SETTLED = 2_500_000_000
_NOTHING = merge(())


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


def _digest(file: Path) -> str | None:
    try:
        return hashlib.sha256(read_file(file)).hexdigest()
    except OSError:
        return None


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
    parts: Sequence[Part], batches: Sequence[Batch], vocabulary: Vocabulary
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
    batches: Sequence[Batch],
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
