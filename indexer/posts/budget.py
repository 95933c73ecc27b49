"""Budget: ends work on somebody else's data that takes too long."""

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
    """Work took longer than it may. No error that `except Exception` is meant for."""


def can_interrupt() -> bool:
    """Whether work of this thread can be ended: by an alarm, which systems give the main thread."""
    return hasattr(signal, "setitimer") and (threading.current_thread() is threading.main_thread())


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Raises Overtime in what runs inside once this thread has worked for so many seconds.

    Time that it waited does not count. A regular expression is ended, too. Where work cannot be
    interrupted, it is not.
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
