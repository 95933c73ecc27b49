"""Memory: what the C library of Linux keeps of what was needed once, and Python's garbage."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import sys
from collections.abc import Iterator
from typing import Any


def share_memory() -> None:
    """Lets all threads take memory from one arena of glibc.

    Left alone, each takes from its own, which keeps what was once needed: 60 MB more for 8 threads.
    """
    _call("mallopt", _ARENA_MAX, 1)


def give_back() -> None:
    """Gives free memory back to the system: 10 MB after the start, more after a rebuild."""
    _call("malloc_trim", 0)


# M_ARENA_MAX of malloc.h.
_ARENA_MAX = -8


def _call(name: str, *values: Any) -> None:
    if sys.platform == "linux":
        # Another C library may not have it.
        with contextlib.suppress(OSError, AttributeError):
            getattr(ctypes.CDLL(None), name)(*values)


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Meanwhile Python does not look for garbage.

    Where much is made that stays, it finds none, again and again: opening an index takes a fifth
    longer then.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
