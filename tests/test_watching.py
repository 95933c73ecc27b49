"""The index follows the posts while they are written."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from conftest import until, write_posts
from indexer.index.watching import changes
from posts_for_tests import POSTS

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a command over the folder of posts; it is ended after the test."""
    write_posts(tmp_path / "posts", POSTS)
    started: list[subprocess.Popen[str]] = []

    def run(command: str, *options: str) -> subprocess.Popen[str]:
        started.append(
            subprocess.Popen(
                [sys.executable, "-m", "indexer.cli", command, str(tmp_path / "posts"), *options],
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
        )
        return started[-1]

    yield run
    for process in started:
        process.terminate()
        process.communicate(timeout=30)


def test_a_server_that_watches_finds_what_was_just_saved(start: Start, tmp_path: Path) -> None:
    server = start("serve", "--port", "0", "--watch")
    assert server.stdout is not None
    match = re.search(r"http://\S+", server.stdout.readline())
    assert match is not None

    def paths() -> list[str]:
        with urllib.request.urlopen(f"{match[0]}api/search?q=zzsaved") as answer:
            return [hit["post"]["path"] for hit in json.load(answer)["hits"]]

    assert paths() == []
    write_posts(tmp_path / "posts", {"new/saved.md": "# zzsaved\n\nzzsaved fails\n"})
    assert until(lambda: paths() == ["new/saved.md"])
    (tmp_path / "posts" / "new" / "saved.md").unlink()
    assert until(lambda: paths() == [])


def test_a_rebuild_that_watches_tells_of_each_change(start: Start, tmp_path: Path) -> None:
    rebuild = start("rebuild", "--watch")
    assert rebuild.stdout is not None
    assert f"{len(POSTS)} added" in rebuild.stdout.readline()
    write_posts(tmp_path / "posts", {"new.md": "# zzsaved\n"})
    assert "1 added" in rebuild.stdout.readline()
    write_posts(tmp_path / "posts", {"new.md": "# zzsaved again\n"})
    assert "1 changed" in rebuild.stdout.readline()


@pytest.mark.skipif(sys.platform != "linux", reason="how many are watched is told by Linux")
def test_a_link_to_elsewhere_is_not_watched_and_posts_in_new_folders_are_seen(
    tmp_path: Path,
) -> None:
    outside = tmp_path / "outside"
    for number in range(50):
        (outside / str(number)).mkdir(parents=True)
    posts = write_posts(tmp_path / "posts", POSTS)
    (posts / "out").symlink_to(outside)
    before = watches()
    seen: list[float] = []
    stop = threading.Event()

    def look() -> None:
        for _ in changes(posts, tmp_path / "index", stop):
            seen.append(time.monotonic())

    thread = threading.Thread(target=look)
    thread.start()
    try:
        assert until(lambda: len(seen) == 1)
        assert 0 < watches() - before < 20
        write_posts(posts, {"fresh/deep/a.md": "x"})
        assert until(lambda: len(seen) >= 3)
        seen.clear()
        write_posts(posts, {"fresh/deep/b.md": "x"})
        assert until(lambda: len(seen) >= 1)
    finally:
        stop.set()
        thread.join()


def watches() -> int:
    """How many folders this process watches."""
    found = 0
    for info in Path("/proc/self/fdinfo").iterdir():
        with suppress(OSError):
            found += info.read_text().count("inotify wd:")
    return found


def test_only_posts_are_changes(tmp_path: Path) -> None:
    posts, place = tmp_path / "posts", tmp_path / "posts" / ".fixdex"
    write_posts(posts, POSTS)
    seen: list[float] = []
    stop = threading.Event()

    def look() -> None:
        for _ in changes(posts, place, stop):
            seen.append(time.monotonic())

    thread = threading.Thread(target=look)
    thread.start()
    try:
        assert until(lambda: len(seen) == 1)
        write_posts(
            posts, {".fixdex/x.md": "x", ".git/x.md": "x", "shot.png": b"x", "a.md.swp": "x"}
        )
        time.sleep(1.5)
        assert len(seen) == 1
        write_posts(posts, {"a.MD": "x"})
        assert until(lambda: len(seen) == 2)
    finally:
        stop.set()
        thread.join()
