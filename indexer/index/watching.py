"""Watching: says when posts of a folder change, so that the index can follow."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

from watchfiles import Change, watch

from indexer.posts.folder import NOT_ENTERED, SUFFIXES, find_folders

# Editors save in several steps: so many milliseconds without another make one change.
_STILL, _LONGEST = 60, 400
# How long nothing may happen before it looks whether it is to stop.
_IDLE = 500


def changes(folder: Path, place: Path, stop: threading.Event | None = None) -> Iterator[None]:
    """Comes back whenever posts below a folder were changed, until `stop` is set.

    The first time soon after it began to look, for what changed before. What lies in `place`, the
    index, is none of them.
    """
    root, index = folder.resolve(), place.resolve()

    def of_posts(_: Change, path: str) -> bool:
        here = Path(path)
        if here.is_relative_to(index) or not here.is_relative_to(root):
            return False
        if not NOT_ENTERED.isdisjoint(here.relative_to(root).parts):
            return False
        # A folder that is gone can no longer be told from a file without an ending.
        return here.name.lower().endswith(SUFFIXES) or not here.suffix or here.is_dir()

    ended = False
    while not ended:
        ended, begun = True, False
        entered, linked = find_folders(root)
        # Below a folder that is watched whole, links are followed: then each is watched by itself.
        for found in watch(
            *(entered if linked else [root]),
            recursive=not linked,
            watch_filter=of_posts,
            debounce=_LONGEST,
            step=_STILL,
            rust_timeout=_IDLE,
            yield_on_timeout=True,
            stop_event=stop,
            raise_interrupt=False,
            ignore_permission_denied=True,
        ):
            if found or not begun:
                begun = True
                yield
            now, linked_now = find_folders(root) if found else (entered, linked)
            if linked_now != linked or (linked and now != entered):
                ended = False
                break
