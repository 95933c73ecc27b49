"""Which posts and which index a command uses."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from indexer.settings import FILE, SettingsError


@dataclass(frozen=True, slots=True)
class Chosen:
    """The folder of posts, and a sentence to tell where it was not named by anybody."""

    folder: Path
    note: str | None = None


def choose_folder(
    named: str | None, environment: Mapping[str, str] | None = None, here: Path | None = None
) -> Chosen:
    """The folder named, else `FIXDEX_KB`, else that of the nearest fixdex.yaml upwards, else
    ./kb, else the posts that ship with Fixdex. Raises SettingsError where it is no folder.
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
    for folder in (here, *here.parents):
        if (folder / FILE).is_file():
            return Chosen(folder)
    if (here / "kb").is_dir():
        return Chosen(here / "kb")
    shipped = shipped_posts()
    return Chosen(
        shipped, f"no folder was named: using the posts that ship with Fixdex ({shipped})"
    )


def shipped_posts() -> Path:
    """The folder of the posts that come with Fixdex: beside the code, or inside the package."""
    package = Path(__file__).resolve().parent
    inside = package / "kb"
    return inside if inside.is_dir() else package.parent / "kb"


def choose_place(
    folder: Path, named: str | None, environment: Mapping[str, str] | None = None
) -> Path:
    """The place named, else `FIXDEX_INDEX`, else `.fixdex` in the folder, else a private cache.

    The posts that ship with an installed Fixdex always use the cache: a package is not written to.
    """
    environment = os.environ if environment is None else environment
    for text in (named, environment.get("FIXDEX_INDEX")):
        if text:
            if "://" in text:
                raise SettingsError(f"{text}: only folders can hold an index so far; name a folder")
            return Path(text).expanduser().absolute()
    inside = folder / ".fixdex"
    packaged = folder.resolve() == Path(__file__).resolve().parent / "kb"
    if not packaged and _writable(inside if inside.exists() else folder):
        return inside
    key = hashlib.sha256(os.fsencode(os.path.realpath(folder))).hexdigest()[:20]
    return _cache(environment) / "indexes" / key


def _writable(folder: Path) -> bool:
    return os.access(folder, os.W_OK | os.X_OK)


def _cache(environment: Mapping[str, str]) -> Path:
    if base := environment.get("XDG_CACHE_HOME"):
        return Path(base) / "fixdex"
    if sys.platform == "win32" and (base := environment.get("LOCALAPPDATA")):
        return Path(base) / "fixdex"
    return Path.home() / ".cache" / "fixdex"
