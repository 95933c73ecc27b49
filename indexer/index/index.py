"""Index: the generation on disk that answers, and how the next one is made.

A generation holds `manifest.json` and its parts: segments that are never changed, so that the
next generation shares the files of those that stay, and names their posts that are gone. All that
is read again is JSON and arrays of numbers: reading an index that somebody else made runs nothing.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from indexer.index import storage, whoosh_engine
from indexer.index.engine import Engine
from indexer.index.postings import Postings
from indexer.index.segments import Vocabulary
from indexer.index.storage import Current, IndexFault, Lease, Seal
from indexer.index.whoosh_engine import WhooshEngine, WhooshSegment
from indexer.text import analyzer
from indexer.user_folders import make_private


@dataclass(frozen=True, slots=True)
class Entry:
    """What the index knows of a post besides its problems.

    `worths` says of each problem what speaks for its best fix, whatever is asked, or None;
    `pairs`, what the post says in both languages; `troubled`, whether its title tells of trouble;
    `plain`, whether it was read as plain text.
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
    pairs: tuple[tuple[str, tuple[str, ...]], ...] = ()
    troubled: bool = False
    plain: bool = False

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
class Part:
    """A segment as a part of an index: its posts in the order of their problems, its files.

    `gone` are the numbers of those posts that are no longer of the index.
    """

    name: str
    posts: tuple[Entry, ...]
    segment: WhooshSegment
    files: Mapping[str, Seal]
    gone: frozenset[int] = frozenset()

    @property
    def living(self) -> tuple[Entry, ...]:
        """The posts that are of the index."""
        if not self.gone:
            return self.posts
        return tuple(post for i, post in enumerate(self.posts) if i not in self.gone)

    def kept(self) -> npt.NDArray[np.bool_]:
        """Which of the problems are of the index."""
        kept = np.ones(len(self.posts), bool)
        kept[list(self.gone)] = False
        return np.repeat(kept, [post.problems for post in self.posts])


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
class IndexInfo:
    """Which index answered."""

    posts: int
    built_at: str
    build: str


@dataclass(frozen=True, slots=True)
class Index:
    """A generation that is open for reading; its files stay until it is closed."""

    engine: Engine
    manifest: Manifest
    folder: Path
    current: Current
    parts: tuple[Part, ...]
    lease: Lease

    def seen(self) -> dict[str, str]:
        """How each file looked when it was read."""
        found: dict[str, str] = _read_json(self.folder / _SEEN)
        return found

    def close(self) -> None:
        """Lets the files of the generation be swept away."""
        self.lease.close()


# What decides what an index holds, and how.
_RULES = (
    "text/alternatives.py", "text/analyzer.py", "index/batches.py", "text/bilingual.py",
    "posts/block_rules.py", "text/chinese.py", "fixes/commands.py", "text/dictionary.py",
    "posts/front_matter.py", "index/index.py", "posts/markdown.py", "text/pasted.py",
    "posts/plain.py", "index/postings.py", "posts/posts.py", "posts/problems.py",
    "index/records.py", "posts/roles.py", "index/segments.py", "index/tally.py", "fixes/told.py",
    "fixes/worth.py", "data/commands.yaml", "data/pasted.txt", "data/roles.yaml",
    "index/whoosh_blocks.py", "index/whoosh_engine.py", "index/whoosh_terms.py",
)  # fmt: skip


@functools.cache
def fingerprint() -> str:
    """What an index depends on; one made with another is made again from the posts.

    The rules count as they are written: no number has to be raised when one changes.
    """
    package = Path(__file__).parent.parent
    rules = hashlib.sha256(b"".join((package / name).read_bytes() for name in _RULES))
    return f"{analyzer.fingerprint()}, rules {rules.hexdigest()[:16]}"


# How long the generation that answers is looked for while others are made.
_PATIENCE = 10.0


def open_current(
    place: Path, before: Index | None = None, *, trusted: bool = False, entirely: bool = False
) -> Index | None:
    """The index that answers; None where there is none, or none that this version can read.

    Nothing is read of a file that is not as it was written; `entirely` looks at the files of
    Whoosh, too, which no question needs. What the index `before` has open already is used again.
    Raises IndexFault where another user may have written it, unless such a one is `trusted`.
    """
    until = time.monotonic() + _PATIENCE
    while storage.is_index(place) and (current := storage.read_current(place)) is not None:
        folder = storage.folder_of(place, current.name)
        try:
            if not trusted and not storage.is_private(place, current):
                raise storage.untrusted(place)
            index = _open(folder, current, Lease(folder), before, entirely)
        except IndexFault:
            raise
        except Exception:  # whatever a damaged file makes JSON, NumPy or the system raise
            index = None
        if index is not None:
            return index
        # A rebuild may have switched, and swept away, between two looks.
        if storage.read_current(place) == current or time.monotonic() > until:
            break
    return None


@dataclass(frozen=True, slots=True)
class Summary:
    """What an index was made from and when, and how many posts it holds."""

    folder: str
    built_at: str
    posts: int


def read_summary(place: Path) -> Summary | None:
    """What the index at a place is, without opening it; None where there is none."""
    current = storage.read_current(place) if storage.is_index(place) else None
    if current is None:
        return None
    try:
        told = _read_json(storage.folder_of(place, current.name) / "manifest.json")
        return Summary(str(told["folder"]), str(told["built_at"]), int(told["indexed"]))
    except Exception:  # whatever a damaged file makes JSON, `int` or the system raise
        return None


def _open(
    folder: Path, current: Current, lease: Lease, before: Index | None, entirely: bool
) -> Index | None:
    with storage.open_file(folder / "manifest.json") as file:
        text = file.read()
    if hashlib.sha256(text).hexdigest() != current.digest:
        return None
    data = json.loads(text)
    if data.pop("fingerprint") != fingerprint():
        return None
    if not _are_whole(folder, _seals(data.pop("files"), _SHARED_FILE), entirely):
        return None
    del data["indexed"]
    known = {part.name: part for part in before.parts} if before is not None else {}
    shared: dict[Any, Any] = {}
    parts = []
    for one in data.pop("parts"):
        name = one["name"]
        files = _seals(one["files"], _file_of(name))
        gone = frozenset(map(int, one["gone"]))
        old = known.get(name)
        if old is not None and old.files == files:
            parts.append(Part(name, old.posts, old.segment, files, gone))
        elif _are_whole(folder, files, entirely):
            parts.append(_open_part(folder, name, files, gone, shared))
        else:
            return None
    datetime.fromisoformat(data["built_at"])
    data["pairs"] = tuple(data["pairs"])
    data["skipped"] = tuple(Skipped(**one) for one in data["skipped"])
    posts = tuple(post for part in parts for post in part.living)
    engine = WhooshEngine([(part.segment, part.kept()) for part in parts])
    return Index(engine, Manifest(**data, posts=posts), folder, current, tuple(parts), lease)


# The names of files that a manifest may have: nothing leads out of the folder.
_PART_NAME = re.compile(r"[0-9]{6,}s[0-9]+")
_SHARED_FILE = re.compile(r"seen\.json|whoosh/_MAIN_1\.toc")


def _file_of(part: str) -> re.Pattern[str]:
    if not _PART_NAME.fullmatch(part):
        raise ValueError(f"no name of a part: {part!r}")
    return re.compile(rf"{part}\.(?:posts|postings|records)|whoosh/MAIN_{part}\.\w+(?:\.\w+)?")


def _seals(told: Mapping[str, Sequence[int]], named: re.Pattern[str]) -> dict[str, Seal]:
    if wrong := next((name for name in told if not named.fullmatch(name)), None):
        raise ValueError(f"no name of a file: {wrong!r}")
    return {name: Seal(*made) for name, made in told.items()}


def _are_whole(folder: Path, files: Mapping[str, Seal], entirely: bool) -> bool:
    return all(
        storage.is_whole(folder / name, made)
        for name, made in files.items()
        if entirely or not name.startswith("whoosh/")
    )


def _open_part(
    folder: Path,
    name: str,
    files: Mapping[str, Seal],
    gone: frozenset[int],
    shared: dict[Any, Any],
) -> Part:
    posts = tuple(_entry(post, shared) for post in _read_json(folder / f"{name}.posts"))
    segment = WhooshSegment(folder, name)
    if sum(post.problems for post in posts) != len(segment):
        raise ValueError(f"{name} holds other problems than its posts")
    return Part(name, posts, segment, files, gone)


def _read_json(file: Path) -> Any:
    with storage.open_file(file) as stream:
        return json.load(stream)


def _entry(data: dict[str, Any], shared: dict[Any, Any]) -> Entry:
    """The entry of what was told of a post; what many posts have alike is `shared`."""

    def same(value: Any) -> Any:
        if isinstance(value, list):
            value = tuple(map(same, value))
        # Not a number by itself: 1.0 is also True.
        return shared.setdefault(value, value) if isinstance(value, str | tuple) else value

    entry = Entry(**{name: same(value) for name, value in data.items()})
    if not all(isinstance(one, str) for one in (entry.path, entry.title, entry.lang, *entry.tags)):
        raise ValueError("no entry of a post")
    return entry


class NextGeneration:
    """A generation in the making, beside the one that answers.

    What is kept of that one comes first, segments are added, then it is finished and answers.
    Left without, nothing of it stays.
    """

    def __init__(self, place: Path, kept: Sequence[Part] = ()) -> None:
        self.name = storage.next_name(place)
        self.parts: list[Part] = []
        self._place = place
        self._kept = kept
        self._folder = storage.folder_of(place, self.name)
        self._written: list[Path] = []
        self._finished = False

    def __enter__(self) -> NextGeneration:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        if not self._finished:
            shutil.rmtree(self._folder, ignore_errors=True)
        if isinstance(error, OSError):
            state = "the new one may be lost with the power" if self._finished else _ANSWERS_ON
            raise IndexFault(
                f"{self._place} cannot hold the next index ({error.strerror}); {state}"
            ) from None

    def add(self, posts: Sequence[Entry], postings: Postings, records: Sequence[str]) -> None:
        """Writes a segment with these posts."""
        self._begin()
        name = f"{self.name}s{len(self.parts)}"
        known = Vocabulary([part.segment.arrays.terms for part in self.parts])
        own = self._folder / f"{name}.posts"
        own.write_text(json.dumps([_told_of(post) for post in posts]), "ascii")
        written = whoosh_engine.write_segment(self._folder, name, postings, records, known)
        files = self._seal([own, *written])
        self.parts.append(Part(name, tuple(posts), WhooshSegment(self._folder, name), files))

    def finish(self, manifest: Manifest, seen: Mapping[str, str]) -> None:
        """Lets the generation answer, once all of it is on the disk.

        The posts are those of its parts, whatever the manifest says; `seen` says how each file
        looked when it was read.
        """
        self._begin()
        contents = whoosh_engine.write_contents(
            self._folder, [(part.segment, part.kept()) for part in self.parts]
        )
        looks = self._folder / _SEEN
        looks.write_text(json.dumps(seen), "ascii")
        data = {
            **{name: getattr(manifest, name) for name in _TOLD},
            "indexed": sum(len(part.living) for part in self.parts),
            "skipped": [asdict(one) for one in manifest.skipped],
            "files": _told(self._seal([contents, looks])),
            "parts": [
                {"name": part.name, "gone": sorted(part.gone), "files": _told(part.files)}
                for part in self.parts
            ],
        }
        text = json.dumps(data).encode("ascii")
        file = self._folder / "manifest.json"
        file.write_bytes(text)
        for path in (*self._written, file, contents.parent, self._folder, self._folder.parent):
            storage.flush(path)
        storage.switch(self._place, Current(self.name, hashlib.sha256(text).hexdigest()))
        self._finished = True
        storage.flush(self._place)

    def _seal(self, files: Sequence[Path]) -> dict[str, Seal]:
        """The seals of files that were just written."""
        self._written += files
        return {file.relative_to(self._folder).as_posix(): storage.seal(file) for file in files}

    def _begin(self) -> None:
        """Makes the folder, with the files of the parts that are kept."""
        if self._folder.exists():
            return
        make_private(self._folder / "whoosh")
        before = storage.read_current(self._place)
        for part in self._kept:
            assert before is not None
            for name in part.files:
                storage.share(
                    storage.folder_of(self._place, before.name) / name, self._folder / name
                )
            self.parts.append(part)


_ANSWERS_ON = "what answered before answers on"
_SEEN = "seen.json"
_TOLD = ("folder", "built_at", "build", "drafts", "pairs", "fingerprint")


def _told_of(post: Entry) -> dict[str, Any]:
    # A fifth of the time of `asdict`, which copies what is inside.
    return {name: getattr(post, name) for name in Entry.__slots__}


def _told(files: Mapping[str, Seal]) -> dict[str, list[int]]:
    return {name: [made.size, made.crc] for name, made in files.items()}
