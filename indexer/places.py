"""Which posts and which index a command uses."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from indexer.folder import holds_posts
from indexer.index import Summary, read_summary
from indexer.settings import FILE, SettingsError
from indexer.storage import is_index
from indexer.user_folders import cache_folder, home


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
    if index and (summary := read_summary(Path(index).expanduser().absolute())):
        made_from = Path(summary.folder)
        return Chosen(made_from, f"using the posts in {made_from} (the index was made from these)")
    upwards = (here, *here.parents)
    for folder in upwards:
        if (folder / FILE).is_file():
            return Chosen(folder, f"using the posts in {folder} (it has a {FILE})")
    if (here / "kb").is_dir():
        return Chosen(here / "kb", f"using the posts in {here / 'kb'}")
    if not _is_home_or_root(here) and holds_posts(here):
        return Chosen(here, f"using the posts in {here} (the current folder)")
    for folder in upwards:
        if is_index(_default_place(folder)):
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


def kept_indexes() -> list[tuple[Path, Summary]]:
    """Every index in the user's cache, by its place."""
    try:
        places = sorted(_cache().iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [(place, found) for place in places if (found := read_summary(place)) is not None]


def _default_place(folder: Path) -> Path:
    key = hashlib.sha256(os.fsencode(os.path.realpath(folder))).hexdigest()[:20]
    return _cache() / key


def _cache() -> Path:
    """The folder of the indexes of this user."""
    folder = cache_folder()
    if folder is None:
        raise SettingsError("there is no home to keep an index in; name a place with --index")
    return folder / "index"
