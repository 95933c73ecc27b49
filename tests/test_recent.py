"""What was made of keys is kept, and no more of it than was said."""

from __future__ import annotations

from indexer.recent import Made


def test_what_was_made_is_made_once() -> None:
    asked: list[str] = []

    def double(key: str) -> str:
        asked.append(key)
        return key * 2

    made = Made(double, 10)
    assert [made["a"], made["b"], made["a"]] == ["aa", "bb", "aa"]
    assert asked == ["a", "b"]


def test_of_many_things_those_asked_for_lately_are_kept() -> None:
    asked: list[int] = []

    def note(key: int) -> int:
        asked.append(key)
        return -key

    made = Made(note, 3)
    for key in range(100):
        assert (made[key], made[0]) == (-key, 0)
        assert len(made) <= 3
    assert asked == list(range(100))
    assert made[1] == -1
    assert asked[-1] == 1


def test_what_does_not_come_again_is_not_kept() -> None:
    made = Made(len, 10, lambda key: len(key) < 3)
    assert (made["ab"], made["abc"]) == (2, 3)
    assert list(made) == ["ab"]
