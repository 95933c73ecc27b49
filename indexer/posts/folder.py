"""The posts' folder: which files are posts, and what their bytes say."""

from __future__ import annotations

import codecs
import errno
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SUFFIXES = (".md", ".markdown", ".mdx")
NOT_ENTERED = frozenset({".git", ".obsidian", ".trash", ".fixdex", "node_modules"})
LARGEST = 5_000_000


class NotText(ValueError):
    """A file that holds no text; the message is the reason."""


@dataclass(frozen=True, slots=True)
class Found:
    """A file that may be a post; `reason` says why it is not read, None that it is.

    `path` is where it stands in the folder, `name` what the system opens it by. `look` is what the
    file system says of it: as long as that is the same, so is the file. `changed` is when it
    changed last, in nanoseconds.
    """

    path: str
    name: str
    reason: str | None = None
    look: str = ""
    changed: int = 0

    @property
    def file(self) -> Path:
        """The file to read."""
        return Path(self.name)


def find_posts(folder: Path, *, drafts: bool = False) -> Iterator[Found]:
    """Every Markdown file under a folder, in the order of their paths.

    What cannot or must not be read comes with its reason. Links are followed to files inside the
    folder only.
    """
    yield from sorted(_walk(folder, folder.resolve(), "", drafts), key=lambda found: found.path)


def find_folders(folder: Path) -> tuple[list[Path], bool]:
    """The folder and all below it that posts are looked for in; whether a link leads to another."""
    entered, linked = [folder], False
    for here in entered:
        try:
            with os.scandir(here) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        if entry.name not in NOT_ENTERED:
                            entered.append(Path(entry.path))
                    elif entry.is_symlink() and _leads_to_folder(entry):
                        linked = True
        except OSError:
            continue
    return entered, linked


# What lies in folders that are no notes, too.
_NO_POST = re.compile(
    r"(?:readme|changelog|changes|license|licence|copying|contributing|contributors|authors|notice"
    r"|code[-_]of[-_]conduct|security|support|governance|maintainers|history|news|todo|roadmap"
    r"|releases?|releasing|release[-_]notes|upgrading|pull_request_template|issue_template|agents"
    r"|claude)(?:[-_](?:[a-z]{2}(?:[-_][a-z]{2,4})?|v?\d[\w.]*))?(?:\.[\w-]+)+",
    re.IGNORECASE,
)
_LEVELS, _MOST_FOLDERS = 3, 5_000


def holds_posts(folder: Path) -> bool:
    """Whether a folder has a post no more than three folders down that is no README or its like."""
    level = [str(folder)]
    looked_at = 0
    for _ in range(_LEVELS + 1):
        below = []
        for here in level:
            looked_at += 1
            if looked_at > _MOST_FOLDERS:
                return False
            try:
                with os.scandir(here) as entries:
                    for entry in entries:
                        if entry.is_dir(follow_symlinks=False):
                            if entry.name not in NOT_ENTERED and entry.name[0] != ".":
                                below.append(entry.path)
                        elif _may_be_post(entry.name) and _is_file(entry):
                            return True
            except OSError:
                continue
        level = below
    return False


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:
        return False


def _may_be_post(name: str) -> bool:
    return name.lower().endswith(SUFFIXES) and not _NO_POST.fullmatch(name)


def _walk(folder: Path, root: Path, above: str, drafts: bool) -> Iterator[Found]:
    """Folders are taken from a list, not by recursion: a tree may be deeper than the stack."""
    waiting = [(folder, above)]
    while waiting:
        here, above = waiting.pop()
        try:
            with os.scandir(here) as listing:
                entries = list(listing)
        except OSError as error:
            yield Found(above or ".", str(here), f"folder cannot be read: {error.strerror}")
            continue
        for entry in entries:
            path = above + _readable(entry.name)
            if entry.is_dir(follow_symlinks=False):
                if entry.name not in NOT_ENTERED:
                    waiting.append((Path(entry.path), path + "/"))
            elif entry.is_symlink() and _leads_to_folder(entry):
                if not _inside(entry, root):
                    yield Found(path, entry.path, _LEADS_OUT)
            elif entry.name.lower().endswith(SUFFIXES):
                yield _look_at(entry, path, root, drafts)


def _look_at(entry: os.DirEntry[str], path: str, root: Path, drafts: bool) -> Found:
    try:
        found = entry.stat()
    except OSError as error:
        return Found(path, entry.path, f"cannot be read: {error.strerror}")
    if entry.is_symlink() and not _inside(entry, root):
        return Found(path, entry.path, _LEADS_OUT)
    reason = None
    if not stat.S_ISREG(found.st_mode):
        reason = "not a regular file"
    elif found.st_size > LARGEST:
        reason = f"larger than {LARGEST // 1_000_000} MB"
    elif not drafts and "_drafts" in path.split("/")[:-1]:
        reason = DRAFT
    # A tool may give a file any time of change; when the file system took note is not its to say.
    look = f"{found.st_size} {found.st_mtime_ns} {found.st_ctime_ns} {found.st_ino}"
    return Found(path, entry.path, reason, look, max(found.st_mtime_ns, found.st_ctime_ns))


def read_file(file: Path) -> bytes:
    """The bytes of a post's file; raises OSError where it is a pipe or a device by now."""
    # Opening a pipe would wait for somebody to write.
    descriptor = os.open(
        file, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    )
    with os.fdopen(descriptor, "rb") as stream:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(file))
        return stream.read(LARGEST + 1)


DRAFT = "draft (the setting `drafts` includes them)"


_LEADS_OUT = "link that leads out of the folder"


def _leads_to_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # to itself, or through a name that is no name
        return False


def _inside(entry: os.DirEntry[str], root: Path) -> bool:
    # A link to nowhere is inside: opening it gives the reason.
    try:
        return Path(os.path.realpath(entry.path)).is_relative_to(root)
    except (OSError, RuntimeError):  # it leads on without end; Python follows by recursion
        return True


def _readable(name: str) -> str:
    """A file's name as text; bytes that are none become `\\xff`, so that it can be shown."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


# Bytes to text


@dataclass(frozen=True, slots=True)
class Decoded:
    """A file's text with line ends as `\\n`, and what had to be repaired to read it."""

    text: str
    repairs: tuple[str, ...] = ()


_BOMS = (
    (codecs.BOM_UTF8, "utf-8", "UTF-8 byte order mark removed"),
    (codecs.BOM_UTF32_LE, "utf-32-le", "decoded as UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32-be", "decoded as UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16-le", "decoded as UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16-be", "decoded as UTF-16"),
)


def decode(data: bytes) -> Decoded:
    """The text of a file. Raises NotText where there is none."""
    if len(data) > LARGEST:
        raise NotText(f"larger than {LARGEST // 1_000_000} MB")
    text, repairs = _decode(data)
    if "\0" in text:
        # A stray one or two are a slip of an editor.
        if text.count("\0") > max(2, len(text) / 200):
            raise NotText("binary: it holds NUL bytes")
        text, repairs = text.replace("\0", ""), [*repairs, "NUL characters removed"]
    if len(_CONTROL.findall(text)) * 10 > len(text):
        raise NotText("binary: it holds control characters")
    return Decoded(text.replace("\r\n", "\n").replace("\r", "\n"), tuple(repairs))


_CONTROL = re.compile(r"[\x01-\x08\x0e-\x1a\x1c-\x1f]")


def _decode(data: bytes) -> tuple[str, list[str]]:
    for mark, encoding, repair in _BOMS:
        if data.startswith(mark):
            return _strictly(data[len(mark) :], encoding, repair)
    if order := _utf_16(data):
        return _strictly(data, order, "decoded as UTF-16 (it has no byte order mark)")
    try:
        return data.decode("utf-8"), []
    except UnicodeDecodeError:
        return _guess(data)


def _strictly(data: bytes, encoding: str, repair: str) -> tuple[str, list[str]]:
    try:
        return data.decode(encoding), [repair]
    except UnicodeDecodeError:
        text = data.decode(encoding, "replace")
        bad = text.count("\ufffd")
        if bad * 20 > len(text):
            raise NotText(f"not text, though it begins like {encoding.upper()}") from None
        return text, [repair, f"{bad} unreadable characters replaced"]


def _utf_16(data: bytes) -> str | None:
    """The byte order where every other byte is mostly zero, as in Latin text in UTF-16."""
    sample = data[:4096]
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    half = len(sample) // 2
    if half < 2 or len(data) % 2 or max(even, odd) * 10 < half * 4 or min(even, odd) * 20 > half:
        return None
    return "utf-16-le" if odd > even else "utf-16-be"


# The most frequent characters of Chinese prose, in both scripts.
_FREQUENT = frozenset(
    "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里"
    "用道行所然家种事成方多经么去法学如都同现当没动面起看定天分还进好小部其些主样理心她本前开但因只从想实"
    "這個們來為國說時會對過發後裡種經麼學現當沒動還進樣開從實問題錯誤解決安裝执行報错误问题解决安装檔案設定设置文件"
)


def _guess(data: bytes) -> tuple[str, list[str]]:
    """Text that is not UTF-8: damaged UTF-8, else the encoding whose characters look like prose."""
    text = data.decode("utf-8", "replace")
    bad = text.count("\ufffd")
    good = sum(char > "\x7f" for char in text) - bad
    if good > 10 * bad:
        return text, [f"{bad} bytes that are no UTF-8 replaced"]
    best: tuple[float, str, str] = (0.05, "", "")
    for encoding in ("gb18030", "big5"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        foreign = [char for char in text if char > "\x7f"]
        share = sum(char in _FREQUENT for char in foreign) / max(1, len(foreign))
        best = max(best, (share, encoding, text))
    if best[1]:
        return best[2], [f"decoded as {best[1].upper()}"]
    if sum(byte > 0x7F for byte in data) * 10 < len(data):
        return data.decode("cp1252", "replace"), ["decoded as Windows-1252"]
    if b"\0" in data:
        raise NotText("binary: it holds NUL bytes")
    raise NotText("its encoding is not known (not UTF-8, UTF-16, GB18030 or Big5)")
