"""Budget: a time limit for work on untrusted data."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

# An error that is caught inside is raised again after so many seconds.
_AGAIN = 0.2


class Overtime(BaseException):
    """The time limit is over. Not an Exception, so that `except Exception` does not catch it."""


def can_interrupt() -> bool:
    """Whether a time limit works in this thread: POSIX delivers alarms to the main thread only."""
    return hasattr(signal, "setitimer") and (threading.current_thread() is threading.main_thread())


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Raises Overtime inside the block when this thread has used so many seconds of CPU time.

    Waiting does not count. A running regular expression is interrupted, too. Without effect where
    `can_interrupt()` is false.
    """
    if not can_interrupt():
        yield
        return
    started = time.thread_time()
    over = False

    def look(_: int, __: FrameType | None) -> None:
        left = seconds - (time.thread_time() - started)
        if left > 0 and not over:
            signal.setitimer(signal.ITIMER_REAL, left, _AGAIN)
        elif not over:
            raise Overtime

    before = signal.signal(signal.SIGALRM, look)
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds, _AGAIN)
        yield
    finally:
        over = True
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
