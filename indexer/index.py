"""Index: a built index on disk, and the switch from one generation to the next.

PLACE/current              the name of the generation that answers
PLACE/generations/NAME/    manifest.json, engine files
"""

from __future__ import annotations

import contextlib
import errno
import functools
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from indexer import analyzer
from indexer.engines import whoosh_engine
from indexer.engines.base import Engine
from indexer.postings import Postings


class IndexFault(RuntimeError):
    """An index that cannot be used; the message says what to do."""


class IndexBusy(IndexFault):
    """Another process writes the index."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What the index knows of a post besides its problems.

    `worths` says of each problem what speaks for its best fix, whatever is asked, or None.
    """

    path: str
    title: str
    date: str | None
    tags: tuple[str, ...]
    lang: str
    link: str | None
    digest: str
    worths: tuple[float | None, ...]
    repairs: tuple[str, ...] = ()
    pairs: tuple[tuple[str, str], ...] = ()

    @property
    def problems(self) -> int:
        """How many problems the post tells."""
        return len(self.worths)


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file of the folder that is not indexed, and why."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a generation holds; `posts` stand in the order of their problems.

    `pairs` are lines of a glossary, from what the posts say in both languages.
    """

    folder: str
    built_at: str
    build: str
    posts: tuple[Entry, ...]
    skipped: tuple[Skipped, ...] = ()
    drafts: bool = False
    pairs: tuple[str, ...] = ()
    fingerprint: str = ""


@dataclass(frozen=True, slots=True)
class Index:
    """An index open for reading."""

    engine: Engine
    manifest: Manifest
    folder: Path

    def close(self) -> None:
        """Lets go of the files."""
        self.engine.close()


# What decides what an index holds.
_RULES = (
    "analyzer.py", "bilingual.py", "block_rules.py", "chinese.py", "commands.py",
    "dictionary.py", "front_matter.py", "markdown.py", "pasted.py", "plain.py", "postings.py",
    "posts.py", "problems.py", "rebuild.py", "records.py", "roles.py", "told.py", "worth.py",
    "data/commands.yaml", "data/pasted.txt", "data/roles.yaml", "engines/whoosh_engine.py",
    "engines/whoosh_terms.py",
)  # fmt: skip


@functools.cache
def fingerprint() -> str:
    """What an index depends on; one made with another is made again from the posts.

    The rules count as they are written: no number has to be raised when one changes.
    """
    package = Path(__file__).parent
    rules = hashlib.sha256(b"".join((package / name).read_bytes() for name in _RULES))
    return f"{analyzer.fingerprint()}, rules {rules.hexdigest()[:16]}"


def current_generation(place: Path) -> Path | None:
    """The folder of the generation that answers, or None."""
    try:
        name = (place / "current").read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None
    folder = place / "generations" / name
    return folder if name.isdigit() and folder.is_dir() else None


def open_current(place: Path) -> Index | None:
    """The index that answers; None where there is none, or none that this version can read."""
    for _ in range(3):
        folder = current_generation(place)
        if folder is None:
            return None
        try:
            manifest = _read_manifest(folder)
            if manifest is None or not _is_ours(folder):
                return None
            return Index(whoosh_engine.open_index(folder), manifest, folder)
        except FileNotFoundError:
            continue  # a rebuild switched and cleaned up between the two looks
        except Exception:  # whatever a damaged file makes Whoosh or pickle raise
            return None
    return None


def write_next(place: Path, manifest: Manifest, postings: Postings, records: Sequence[str]) -> Path:
    """Writes a generation beside the one that answers, then switches to it."""
    folder = place / "generations" / manifest.build
    try:
        folder.mkdir(parents=True, mode=0o700)
        whoosh_engine.write(folder, postings, records)
        (folder / "manifest.json").write_text(
            json.dumps(asdict(manifest), ensure_ascii=True), "utf-8"
        )
        _flush(folder)
    except BaseException as error:
        shutil.rmtree(folder, ignore_errors=True)
        if isinstance(error, OSError) and error.errno in (None, errno.ENOSPC):
            # NumPy says only how many values it could not write.
            raise IndexFault(f"{place} cannot hold the index: the disk is full") from None
        raise
    before = current_generation(place)
    following = place / "current.next"
    following.write_text(manifest.build, "ascii")
    _flush_file(following)
    following.replace(place / "current")
    _flush_file(place)
    for old in (place / "generations").iterdir():
        if old not in (folder, before):
            shutil.rmtree(old, ignore_errors=True)
    return folder


def prepare_place(place: Path) -> None:
    """Makes the folder of an index, private to its owner and ignored by git."""
    try:
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
    except FileExistsError:
        raise IndexFault(f"{place} is a file; name a folder for the index with --index") from None
    ignore = place / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n", "ascii")
    generations = place / "generations"
    if generations.exists() and not generations.is_dir():
        generations.unlink()


@contextlib.contextmanager
def rebuilding(place: Path) -> Iterator[None]:
    """Holds the right to rebuild; raises IndexFault at once where another process has it."""
    with (place / "lock").open("a") as lock:
        try:
            import fcntl
        except ImportError:  # Windows has no flock
            yield
            return
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise IndexBusy(
                f"another rebuild of {place} is running; wait for it, then try again"
            ) from None
        yield


def next_build(place: Path) -> str:
    """A name for the next generation, greater than all before it."""
    try:
        names = [p.name for p in (place / "generations").iterdir()]
    except FileNotFoundError:
        names = []
    return f"{max((int(n) for n in names if n.isdigit()), default=0) + 1:06d}"


def _read_manifest(folder: Path) -> Manifest | None:
    try:
        data = json.loads((folder / "manifest.json").read_text("utf-8"))
    except ValueError:
        return None
    if not isinstance(data, dict) or data.get("fingerprint") != fingerprint():
        return None
    data["posts"] = tuple(_entry(one) for one in data["posts"])
    data["pairs"] = tuple(data["pairs"])
    data["skipped"] = tuple(Skipped(**s) for s in data["skipped"])
    return Manifest(**data)


def _entry(data: dict[str, Any]) -> Entry:
    lists = {name: tuple(data[name]) for name in ("tags", "worths", "repairs")}
    return Entry(**{**data, **lists, "pairs": tuple((a, b) for a, b in data["pairs"])})


def _is_ours(folder: Path) -> bool:
    """Whether nobody else could have written here: opening a Whoosh index runs pickle."""
    if not hasattr(os, "getuid"):
        return True
    stat = folder.stat()
    return stat.st_uid in (os.getuid(), 0) and not stat.st_mode & 0o022


def _flush(folder: Path) -> None:
    for root, _, files in os.walk(folder):
        for name in files:
            _flush_file(Path(root) / name)
        _flush_file(Path(root))


def _flush_file(path: Path) -> None:
    """Waits until a file, or the names in a folder, are on the disk."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    except OSError:
        pass
    finally:
        os.close(descriptor)
