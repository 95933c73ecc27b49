"""Which posts and which index a command uses."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from indexer.index.index import read_summary
from indexer.index.status import size_of
from indexer.posts.folder import holds_posts
from indexer.settings import FILE, SettingsError
from indexer.user_folders import cache_folder, home, make_private


@dataclass(frozen=True, slots=True)
class Chosen:
    """The folder of posts, and a sentence to tell where it was not named by anybody."""

    folder: Path
    note: str | None = None


def choose_folder(
    named: str | None,
    environment: Mapping[str, str] | None = None,
    here: Path | None = None,
    index: str | None = None,
) -> Chosen:
    """The folder named, else `FIXDEX_KB`, else the first that is likely meant by one who is `here`.

    That is what the named `index` was made from; the nearest folder upwards with a fixdex.yaml;
    ./kb; the folder itself, if it holds posts; the nearest upwards that this user has indexed; the
    posts that ship with Fixdex. Raises SettingsError where the folder named is none.
    """
    environment = os.environ if environment is None else environment
    here = Path.cwd() if here is None else here
    for text, source in ((named, "the folder"), (environment.get("FIXDEX_KB"), "FIXDEX_KB")):
        if text == "":
            raise SettingsError(f"{source} is empty; name a folder of posts")
        if text:
            folder = Path(text).expanduser().absolute()
            if not folder.is_dir():
                raise SettingsError(f"{source}: {folder} is not a folder; name a folder of posts")
            return Chosen(folder)
    if index and (made_from := _recall(Path(index).expanduser().absolute())):
        return Chosen(made_from, f"using the posts in {made_from} (the index was made from these)")
    upwards = (here, *here.parents)
    for folder in upwards:
        if (folder / FILE).is_file():
            return Chosen(folder, f"using the posts in {folder} (it has a {FILE})")
    if (kb := here / "kb").is_dir() and kb.resolve().is_relative_to(here.resolve()):
        return Chosen(kb, f"using the posts in {kb}")
    if not _is_home_or_root(here) and holds_posts(here):
        return Chosen(here, f"using the posts in {here} (the current folder)")
    for folder in upwards:
        if not _is_home_or_root(folder) and read_summary(_default_place(folder)) is not None:
            return Chosen(folder, f"using the posts in {folder} (indexed before)")
    shipped = shipped_posts()
    return Chosen(
        shipped, f"no folder was named: using the posts that ship with Fixdex ({shipped})"
    )


def _is_home_or_root(folder: Path) -> bool:
    real, own = folder.resolve(), home()
    return real == Path(real.anchor) or (own is not None and real == own.resolve())


def shipped_posts() -> Path:
    """The folder of the posts that come with Fixdex: beside the code, or inside the package."""
    package = Path(__file__).resolve().parent
    inside = package / "kb"
    return inside if inside.is_dir() else package.parent / "kb"


def choose_place(
    folder: Path, named: str | None, environment: Mapping[str, str] | None = None
) -> Path:
    """The place named, else `FIXDEX_INDEX`, else one in the user's cache, by the folder's path.

    Raises SettingsError where the name is of another kind, or where there is no home for a cache.
    """
    environment = os.environ if environment is None else environment
    for text in (named, environment.get("FIXDEX_INDEX")):
        if text:
            if "://" in text:
                raise SettingsError(f"{text}: only folders can hold an index so far; name a folder")
            return Path(text).expanduser().absolute()
    return _default_place(folder)


@dataclass(frozen=True, slots=True)
class Kept:
    """An index in the user's cache; `there`, whether the folder it was made from still is."""

    folder: str
    place: str
    posts: int
    built_at: str
    size_bytes: int
    there: bool


def read_kept() -> list[Kept]:
    """Every index in the user's cache, by the folder it was made from."""
    kept = [
        Kept(
            found.folder,
            str(place),
            found.posts,
            found.built_at,
            size_of(place),
            Path(found.folder).is_dir(),
        )
        for place in _places()
        if (found := read_summary(place)) is not None
    ]
    return sorted(kept, key=lambda one: one.folder)


def _places() -> list[Path]:
    try:
        return list(_cache().iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def _default_place(folder: Path) -> Path:
    return _cache() / _key(folder)


def _cache() -> Path:
    """The folder of the indexes of this user."""
    folder = cache_folder()
    if folder is None:
        raise SettingsError("there is no home to keep an index in; name a place with --index")
    return folder / "index"


def remember(place: Path, folder: Path) -> None:
    """Stores in the user's cache which folder the index at a place is made from.

    The index itself is no source for this: it may come from somebody else.
    """
    if place == _default_place(folder):
        return
    note, text = _note_of(place), json.dumps([str(place), str(folder.absolute())])
    with contextlib.suppress(OSError, SettingsError):
        if not note.exists() or note.read_text("utf-8") != text:
            make_private(note.parent)
            note.write_text(text, "utf-8")


def _recall(place: Path) -> Path | None:
    try:
        known, folder = json.loads(_note_of(place).read_text("utf-8"))
    except (OSError, ValueError, SettingsError):
        return None
    return Path(folder) if known == str(place) else None


def _note_of(place: Path) -> Path:
    """The file in the user's cache that says what an index elsewhere is made from."""
    return _cache().parent / "places" / f"{_key(place)}.json"


def _key(path: Path) -> str:
    return hashlib.sha256(os.fsencode(os.path.realpath(path))).hexdigest()[:20]
