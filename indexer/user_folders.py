"""The folders of this user: home, settings, and what can be made again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import platformdirs


def home() -> Path | None:
    """The home of this user; None for one without, as systems give to services."""
    return _found(Path.home)


def config_folder() -> Path | None:
    """The folder of Fixdex for settings, or None where there is no home."""
    return _found(lambda: platformdirs.user_config_path("fixdex", appauthor=False))


def cache_folder() -> Path | None:
    """The folder of Fixdex for what can be made again, or None where there is no home."""
    return _found(lambda: platformdirs.user_cache_path("fixdex", appauthor=False))


def _found(find: Callable[[], Path]) -> Path | None:
    try:
        folder = find()
    except RuntimeError:
        return None
    # Other versions leave `~` as it is.
    return folder if folder.is_absolute() else None


def make_private(folder: Path) -> None:
    """Makes a folder and those above it that are missing, for this user alone."""
    for one in reversed((folder, *folder.parents)):
        if not one.exists():
            one.mkdir(mode=0o700, exist_ok=True)
