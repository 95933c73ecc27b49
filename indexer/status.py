"""Status: what an index holds, and how the folder differs from it by now."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from indexer.folder import Found, NotText, decode, find_posts
from indexer.front_matter import is_draft, read_header
from indexer.index import Index, Skipped


@dataclass(frozen=True, slots=True)
class Repaired:
    """A file that was not as it should be, and what was done to read it."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Status:
    """What is indexed, and how the folder differs from it by now."""

    folder: str
    place: str
    posts: int
    problems: int
    languages: dict[str, int]
    built_at: str
    age_seconds: int
    build: str
    size_bytes: int
    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    skipped: tuple[Skipped, ...]
    repaired: tuple[Repaired, ...]

    @property
    def stale(self) -> bool:
        """Whether a rebuild would change the index."""
        return bool(self.added or self.changed or self.removed)


def read_status(
    index: Index, folder: Path, place: Path, *, drafts: bool = False, compare: bool = True
) -> Status:
    """What an index holds; with `compare`, which reads every post once, what changed since."""
    manifest = index.manifest
    indexed = {entry.path: entry.digest for entry in manifest.posts}
    there = _digests(find_posts(folder, drafts=drafts), indexed, drafts) if compare else indexed
    return Status(
        folder=str(folder),
        place=str(place),
        posts=len(indexed),
        problems=sum(entry.problems for entry in manifest.posts),
        languages=dict(Counter(entry.lang for entry in manifest.posts).most_common()),
        built_at=manifest.built_at,
        age_seconds=age_seconds(manifest.built_at),
        build=manifest.build,
        size_bytes=_size(index.folder),
        added=tuple(sorted(there.keys() - indexed.keys())),
        changed=tuple(sorted(p for p in there.keys() & indexed.keys() if there[p] != indexed[p])),
        removed=tuple(sorted(indexed.keys() - there.keys())),
        skipped=manifest.skipped,
        repaired=tuple(
            Repaired(entry.path, "; ".join(entry.repairs))
            for entry in manifest.posts
            if entry.repairs
        ),
    )


def age_seconds(built_at: str) -> int:
    """How long ago an index was built."""
    return max(0, int((datetime.now(UTC) - datetime.fromisoformat(built_at)).total_seconds()))


def _digests(found: Iterable[Found], indexed: Mapping[str, str], drafts: bool) -> Mapping[str, str]:
    """Every file that a rebuild would index, with what its bytes come to."""
    digests = {}
    for one in found:
        if one.reason is not None:
            continue
        try:
            data = one.file.read_bytes()
        except OSError:
            continue
        # Of a file that is not indexed the header says whether it is to be: drafts get published.
        if one.path in indexed or _is_post(data, drafts):
            digests[one.path] = hashlib.sha256(data).hexdigest()
    return digests


def _is_post(data: bytes, drafts: bool) -> bool:
    try:
        header = read_header(decode(data).text.split("\n"))
    except NotText:
        return False
    return drafts or not is_draft(header.values)


def _size(folder: Path) -> int:
    """The bytes of all files below a folder; one that is cleaned up meanwhile has none."""
    size = 0
    for file in folder.rglob("*"):
        try:
            size += file.stat().st_size if file.is_file() else 0
        except FileNotFoundError:
            continue
    return size
