"""Storage: the folder an index lives in; who writes there, who reads, and what is whole.

PLACE/CACHEDIR.TAG         says that the folder is an index of Fixdex
PLACE/current              the generation that answers, and the checksum of its manifest
PLACE/generations/NAME/    the files of a generation
PLACE/lock                 held while one is made

A place may come from somebody else, so nothing in it is trusted. Symbolic links are not followed
when reading, writing or removing. Nothing is removed from a folder without the tag.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import stat
import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from zlib import crc32

from indexer.user_folders import make_private


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


_TAG = "CACHEDIR.TAG"
# The first line is that of https://bford.info/cachedir/: programs that make backups leave it out.
_TAGGED = (
    b"Signature: 8a477f597d28d172789f06886806bc55\n"
    b"# An index of Fixdex, made from a folder of posts. It can be deleted at any time.\n"
)
_ENTRIES = (_TAG, ".gitignore", "current", "current.next", "lock", "generations")
_NAME = re.compile(r"[0-9]{6,}")
_CURRENT = re.compile(rb"([0-9]{6,}) ([0-9a-f]{64})\s*")
_CHUNK = 1 << 20
# More bytes than `current` or the tag ever has.
_TOLD = 500
# Systems without these have no links that are opened, and no pipes in a folder.
_NO_LINK = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


def prepare(place: Path, *, trusted: bool = False) -> None:
    """Makes the folder of an index, private to its owner and ignored by git.

    Raises IndexFault if the place is a link, contains links, or is neither empty nor an index, and
    if it belongs to another user, unless `trusted`.
    """
    try:
        if not os.path.lexists(place):
            make_private(place)
        _check_entries(place)
        if not trusted and not _is_of_this_user(place):
            raise untrusted(place)
        if not is_index(place):
            if any(path.name != _TAG for path in place.iterdir()):
                raise IndexFault(
                    f"{place} is neither empty nor an index; name an empty folder with --index"
                )
            if not hasattr(os, "getuid") or place.stat().st_uid == os.getuid():
                place.chmod(0o700)
            # Another process may write the same at the same time.
            (place / _TAG).write_bytes(_TAGGED)
            (place / ".gitignore").write_text("*\n", "ascii")
        for folder in (place, place / "generations"):
            if folder.exists() and folder.stat().st_mode & _OTHERS_WRITE:
                folder.chmod(0o700)
    except OSError as error:
        raise IndexFault(f"{place} cannot be written ({error.strerror}); see --index") from None


def is_index(place: Path) -> bool:
    """Whether a folder has the tag of an index."""
    try:
        with open_file(place / _TAG) as file:
            return file.read(_TOLD) == _TAGGED
    except OSError:
        return False


def _check_entries(place: Path) -> None:
    """Raises IndexFault where the place or a name in it is not of the kind that we make."""
    mode = place.lstat().st_mode
    if stat.S_ISLNK(mode):
        raise IndexFault(f"{place} is a link; name the folder itself with --index")
    if not stat.S_ISDIR(mode):
        raise IndexFault(f"{place} is a file; name a folder for the index with --index")
    for path in (place / name for name in _ENTRIES):
        try:
            mode = path.lstat().st_mode
        except FileNotFoundError:
            continue
        if not (stat.S_ISDIR(mode) if path.name == "generations" else stat.S_ISREG(mode)):
            raise IndexFault(
                f"{path} is a link or was not made by Fixdex; name another place with --index"
            )


_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def is_private(place: Path, current: Current) -> bool:
    """Whether no other user can have written an index; raises OSError where it is gone."""
    generation = folder_of(place, current.name)
    folders = (place, generation.parent, generation)
    return all(map(_is_of_this_user, (*folders, place / "current"))) and (
        os.name != "posix" or not any(one.lstat().st_mode & _OTHERS_WRITE for one in folders)
    )


def _is_of_this_user(path: Path) -> bool:
    """Whether a file or folder is this user's, or the system's."""
    return not hasattr(os, "getuid") or path.lstat().st_uid in (os.getuid(), 0)


def untrusted(place: Path) -> IndexFault:
    """The error for an index that another user may have written."""
    return IndexFault(
        f"{place} may have been written by another user; name another place with --index, or open"
        " it with --trust-index"
    )


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
        file = os.open(place / "current", os.O_RDONLY | _NO_LINK)
        try:
            told = os.read(file, _TOLD)
        finally:
            os.close(file)
    except OSError:
        return None
    match = _CURRENT.fullmatch(told)
    return Current(match[1].decode(), match[2].decode()) if match else None


def switch(place: Path, current: Current) -> None:
    """Lets another generation answer, from one instant to the next; `flush` the place then."""
    following = place / "current.next"
    try:
        following.unlink(missing_ok=True)
        following.touch(0o600, exist_ok=False)
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
        names = [path.name for path in (place / "generations").iterdir()]
    except FileNotFoundError:
        names = []
    return f"{max((int(name) for name in names if _NAME.fullmatch(name)), default=0) + 1:06d}"


def sweep(place: Path, kept: Collection[str]) -> None:
    """Removes the generations that are not kept and that nobody reads, also those half made."""
    # What cannot be removed now is removed another time; Python follows deep folders by recursion.
    with contextlib.suppress(OSError, RecursionError):
        (place / "current.next").unlink(missing_ok=True)
        for folder in _generations(place):
            if folder.name not in kept and not _is_read(folder):
                shutil.rmtree(folder, ignore_errors=True)


def _generations(place: Path) -> list[Path]:
    """The folders of generations; no links, and nothing with a name that we do not give."""
    with os.scandir(place / "generations") as entries:
        return [
            Path(entry.path)
            for entry in entries
            if _NAME.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False)
        ]


def remove(place: Path) -> None:
    """Removes an index, and the folder with it if nothing else is in there.

    Raises IndexBusy while it is rebuilt, IndexFault where it is no index or cannot be removed.
    """
    if not is_index(place):
        raise IndexFault(f"{place} is no index of Fixdex; nothing was removed")
    _check_entries(place)
    try:
        with rebuilding(place):
            (place / "current").unlink(missing_ok=True)
            if (place / "generations").exists():
                for folder in _generations(place):
                    shutil.rmtree(folder)
                (place / "generations").rmdir()
            # The tag goes last: what is left of a removal that was stopped can be removed again.
            for name in ("current.next", ".gitignore", "lock", _TAG):
                (place / name).unlink(missing_ok=True)
        place.rmdir()
    except (OSError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or "folders too deep"
        raise IndexFault(f"{place} cannot be removed whole ({reason})") from None


class Lease:
    """Keeps a generation from being swept away until it is closed or forgotten."""

    def __init__(self, folder: Path) -> None:
        self._descriptor: int | None = os.open(folder / "manifest.json", os.O_RDONLY | _NO_LINK)
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
        with open_file(folder / "manifest.json") as manifest:
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


def open_file(file: Path) -> BinaryIO:
    """A file to read; raises OSError where it is a link, a pipe or a device."""
    descriptor = os.open(file, os.O_RDONLY | _NO_LINK | getattr(os, "O_BINARY", 0))
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file", str(file))
    return os.fdopen(descriptor, "rb")


def seal(file: Path) -> Seal:
    """The seal of a file as it is now."""
    size = crc = 0
    with open_file(file) as stream:
        while chunk := stream.read(_CHUNK):
            size += len(chunk)
            crc = crc32(chunk, crc)
    return Seal(size, crc)


def is_whole(file: Path, made: Seal) -> bool:
    """Whether a file is as it was when it was sealed."""
    return file.lstat().st_size == made.size and seal(file) == made


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
