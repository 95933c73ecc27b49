"""Storage: the folder an index lives in; who writes there, who reads, and what is whole.

PLACE/current              the generation that answers, and the checksum of its manifest
PLACE/generations/NAME/    the files of a generation
PLACE/lock                 held while one is made
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32


class IndexFault(RuntimeError):
    """An index that cannot be used; the message says what to do."""


class IndexBusy(IndexFault):
    """Another process writes the index."""


@dataclass(frozen=True, slots=True)
class Seal:
    """The size of a file and its CRC-32, which no flipped byte leaves as it was."""

    size: int
    crc: int


@dataclass(frozen=True, slots=True)
class Current:
    """Which generation answers, and the SHA-256 of its manifest."""

    name: str
    digest: str


_CHUNK = 1 << 20
# More bytes than `current` ever has.
_TOLD = 500


def prepare(place: Path) -> None:
    """Makes the folder of an index, private to its owner and ignored by git."""
    try:
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        ignore = place / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n", "ascii")
        generations = place / "generations"
        if generations.exists() and not generations.is_dir():
            generations.unlink()
    except FileExistsError:
        raise IndexFault(f"{place} is a file; name a folder for the index with --index") from None
    except OSError as error:
        raise IndexFault(f"{place} cannot be written ({error.strerror}); see --index") from None


@contextlib.contextmanager
def rebuilding(place: Path) -> Iterator[None]:
    """Holds the right to rebuild; raises IndexBusy at once where another process has it."""
    try:
        lock = (place / "lock").open("a")
    except OSError as error:
        raise IndexFault(f"{place} cannot be written ({error.strerror}); see --index") from None
    with lock:
        if not _lock(lock.fileno(), alone=True):
            raise IndexBusy(f"another rebuild of {place} is running; wait for it, then try again")
        yield


def read_current(place: Path) -> Current | None:
    """Which generation answers, or None."""
    # Looked at before every answer: by way of a text stream it takes ten times as long.
    try:
        file = os.open(place / "current", os.O_RDONLY)
        try:
            told = os.read(file, _TOLD)
        finally:
            os.close(file)
    except OSError:
        return None
    name, _, digest = told.decode("ascii", "replace").strip().partition(" ")
    return Current(name, digest) if name.isdecimal() else None


def switch(place: Path, current: Current) -> None:
    """Lets another generation answer, from one instant to the next; `flush` the place then."""
    following = place / "current.next"
    try:
        following.write_text(f"{current.name} {current.digest}\n", "ascii")
        flush(following)
        following.replace(place / "current")
    except OSError:
        with contextlib.suppress(OSError):
            following.unlink(missing_ok=True)
        raise


def folder_of(place: Path, name: str) -> Path:
    """The folder of a generation."""
    return place / "generations" / name


def next_name(place: Path) -> str:
    """A name for the next generation, greater than all before it."""
    try:
        names = [p.name for p in (place / "generations").iterdir()]
    except FileNotFoundError:
        names = []
    return f"{max((int(n) for n in names if n.isdigit()), default=0) + 1:06d}"


def sweep(place: Path, kept: Collection[str]) -> None:
    """Removes the generations that are not kept and that nobody reads, also those half made."""
    # What cannot be removed now is removed another time.
    with contextlib.suppress(OSError):
        (place / "current.next").unlink(missing_ok=True)
        for folder in (place / "generations").iterdir():
            if folder.name not in kept and not _is_read(folder):
                shutil.rmtree(folder, ignore_errors=True)


class Lease:
    """Keeps a generation from being swept away until it is closed or forgotten."""

    def __init__(self, folder: Path) -> None:
        self._descriptor: int | None = os.open(folder / "manifest.json", os.O_RDONLY)
        _lock(self._descriptor, alone=False)

    def close(self) -> None:
        """Lets the generation be swept away."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __del__(self) -> None:
        if getattr(self, "_descriptor", None) is not None:
            self.close()


def _is_read(folder: Path) -> bool:
    try:
        with (folder / "manifest.json").open("rb") as manifest:
            return not _lock(manifest.fileno(), alone=True)
    except OSError:
        return False


def _lock(descriptor: int, *, alone: bool) -> bool:
    """Locks an open file until it is closed; False where others hold it."""
    if sys.platform == "win32":  # which removes no file that is open
        return True
    import fcntl

    try:
        fcntl.flock(descriptor, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def seal(file: Path) -> Seal:
    """The seal of a file as it is now."""
    size = crc = 0
    with file.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            size += len(chunk)
            crc = crc32(chunk, crc)
    return Seal(size, crc)


def is_whole(file: Path, made: Seal) -> bool:
    """Whether a file is as it was when it was sealed, and nobody else could write it."""
    return file.stat().st_size == made.size and is_ours(file) and seal(file) == made


def is_ours(path: Path) -> bool:
    """Whether nobody else could have written here: reading a Whoosh index runs pickle."""
    if not hasattr(os, "getuid"):
        return True
    stat = path.stat()
    return stat.st_uid in (os.getuid(), 0) and not stat.st_mode & 0o022


def share(file: Path, other: Path) -> None:
    """Makes a file known by another name too; copies it where a file can have but one."""
    try:
        other.hardlink_to(file)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.EMLINK, errno.EXDEV):
            raise
        shutil.copyfile(file, other)
        flush(other)


def flush(path: Path) -> None:
    """Waits until a file, or the names in a folder, are on the disk."""
    folder = path.is_dir()
    if folder and sys.platform == "win32":
        return
    descriptor = os.open(path, os.O_RDONLY if folder else os.O_RDWR)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some file systems keep names without being told.
        if not (folder and error.errno in (errno.EINVAL, errno.ENOTSUP, errno.EBADF)):
            raise
    finally:
        os.close(descriptor)
