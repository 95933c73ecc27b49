"""The folders of this user, as the systems say where programs keep things."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path


def home() -> Path | None:
    """The home of this user; None for one without, as systems give to services."""
    try:
        found = Path.home()
    except RuntimeError:
        return None
    return found if found.is_absolute() else None


def config_folder(environment: Mapping[str, str]) -> Path | None:
    """The folder of Fixdex for settings, or None where there is no home."""
    return _folder(environment, "XDG_CONFIG_HOME", "APPDATA", ".config")


def cache_folder(environment: Mapping[str, str]) -> Path | None:
    """The folder of Fixdex for what can be made again, or None where there is no home."""
    return _folder(environment, "XDG_CACHE_HOME", "LOCALAPPDATA", ".cache")


def _folder(
    environment: Mapping[str, str], variable: str, on_windows: str, below_home: str
) -> Path | None:
    """As the XDG base directory specification has it: a name that is not absolute does not count.

    https://specifications.freedesktop.org/basedir-spec/latest/
    """
    named = [environment.get(variable, "")]
    if sys.platform == "win32":
        named.append(environment.get(on_windows, ""))
    if (found := home()) is not None:
        named.append(str(found / below_home))
    base = next((Path(name) for name in named if Path(name).is_absolute()), None)
    return base / "fixdex" if base is not None else None


def make_private(folder: Path) -> None:
    """Makes a folder and those above it that are missing, for this user alone."""
    for one in reversed((folder, *folder.parents)):
        if not one.exists():
            one.mkdir(mode=0o700, exist_ok=True)
