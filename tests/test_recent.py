"""What was made a short while ago is kept, and no more of it than there is room for."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator

import pytest

from indexer.search.recent import Ready, keep, recent


@pytest.fixture
def short_turns() -> Iterator[None]:
    """Threads take turns all the time."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def at_once(work: Callable[[int], None]) -> None:
    """Does a work four times, in as many threads, each with its number."""
    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_the_oldest_of_too_many_goes() -> None:
    kept: dict[object, int] = {}
    made = [recent(kept, key, lambda key=key: key, 3) for key in (1, 2, 3, 4, 2)]
    assert made == [1, 2, 3, 4, 2]
    assert list(kept) == [2, 3, 4]


def test_what_is_ready_stays_within_its_budget_and_what_is_asked_for_again_stays() -> None:
    made: list[int] = []

    def make(key: int) -> bytes:
        made.append(key)
        return bytes(100)

    ready = Ready[bytes](1000, len)
    assert not ready.full
    for key in range(100):
        ready.get(0, lambda: make(0))
        ready.get(key, lambda key=key: make(key))
        assert sum(map(len, {**ready._young, **ready._old}.values())) <= 1200
    assert ready.full
    assert made.count(0) == 1
    assert len(made) == 100
    assert ready.get(1, lambda: b"again") == b"again"


def test_without_a_budget_all_is_made_anew() -> None:
    ready = Ready[int](0, lambda _: 100)
    assert [ready.get(1, lambda: 1), ready.get(2, lambda: 2), ready.get(1, lambda: 3)] == [1, 2, 3]


@pytest.mark.usefixtures("short_turns")
def test_threads_that_keep_at_once_keep_no_more_than_there_is_room_for() -> None:
    kept: dict[object, int] = {}
    failures: list[Exception] = []

    def work(first: int) -> None:
        try:
            for turn in range(20_000):
                assert keep(kept, (first, turn), turn, 5) == turn
        except Exception as error:
            failures.append(error)

    at_once(work)
    assert not failures
    assert len(kept) <= 5


def test_threads_that_ask_at_once_all_get_what_they_asked_for() -> None:
    ready = Ready[int](2000, lambda _: 100)
    wrong: list[int] = []

    def ask(first: int) -> None:
        for turn in range(20_000):
            key = (first + turn) % 50
            if ready.get(key, lambda key=key: key) != key:
                wrong.append(key)

    at_once(ask)
    assert not wrong
