"""Status: what an index holds, and how the folder differs from it by now."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from indexer.index.index import Index, Skipped
from indexer.posts.budget import Overtime, at_most
from indexer.posts.folder import DRAFT, NotText, decode, find_posts, read_file
from indexer.posts.front_matter import is_draft, read_header


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
    """What an index holds, and with `compare` how the folder differs; reads files that look new."""
    manifest = index.manifest
    indexed = {entry.path: entry.digest for entry in manifest.posts}
    there, skipped = _look(index, indexed, folder, drafts) if compare else (indexed, None)
    return Status(
        folder=str(folder),
        place=str(place),
        posts=len(indexed),
        problems=sum(entry.problems for entry in manifest.posts),
        languages=dict(Counter(entry.lang for entry in manifest.posts).most_common()),
        built_at=manifest.built_at,
        age_seconds=age_seconds(manifest.built_at),
        build=manifest.build,
        size_bytes=size_of(index.folder),
        added=tuple(sorted(there.keys() - indexed.keys())),
        changed=tuple(sorted(p for p in there.keys() & indexed.keys() if there[p] != indexed[p])),
        removed=tuple(sorted(indexed.keys() - there.keys())),
        skipped=manifest.skipped if skipped is None else tuple(skipped),
        repaired=tuple(
            Repaired(entry.path, "; ".join(entry.repairs))
            for entry in manifest.posts
            if entry.repairs
        ),
    )


def age_seconds(built_at: str) -> int:
    """How long ago an index was built."""
    return max(0, int((datetime.now(UTC) - datetime.fromisoformat(built_at)).total_seconds()))


def _look(
    index: Index, indexed: Mapping[str, str], folder: Path, drafts: bool
) -> tuple[Mapping[str, str], list[Skipped]]:
    """Every post of the folder with what its bytes come to, and the files that are no posts."""
    seen = index.seen()
    passed_over = {}
    if index.manifest.drafts == drafts:
        passed_over = {one.path: one for one in index.manifest.skipped}
    there: dict[str, str] = {}
    skipped: list[Skipped] = []
    for found in find_posts(folder, drafts=drafts):
        path, reason = found.path, found.reason
        same = bool(found.look) and seen.get(path) == found.look
        if reason is None and same and path in indexed:
            there[path] = indexed[path]
        elif reason is None and same and path in passed_over:
            skipped.append(passed_over[path])
        elif reason is not None:
            skipped.append(Skipped(path, reason))
        else:
            try:
                data = read_file(found.file)
            except OSError as error:
                skipped.append(Skipped(path, f"cannot be read: {error.strerror}"))
                continue
            reason = None if path in indexed else _reason(data, drafts)
            if reason is None:
                there[path] = hashlib.sha256(data).hexdigest()
            else:
                skipped.append(Skipped(path, reason))
    return there, skipped


def _reason(data: bytes, drafts: bool) -> str | None:
    """Why a rebuild would skip a file for what it holds."""
    try:
        with at_most(_HEADER_SECONDS):
            header = read_header(decode(data).text.split("\n"))
            return DRAFT if is_draft(header.values) and not drafts else None
    except NotText as error:
        return str(error)
    except Overtime:
        return None


# A header that takes longer is none that hides a post.
_HEADER_SECONDS = 2


def size_of(folder: Path) -> int:
    """The bytes of all files below a folder; one that is cleaned up meanwhile has none."""
    size = 0
    for file in folder.rglob("*"):
        try:
            size += file.stat().st_size if file.is_file() else 0
        except FileNotFoundError:
            continue
    return size
