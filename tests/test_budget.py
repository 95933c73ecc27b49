"""Reading a post ends in time, whatever the post holds."""

from __future__ import annotations

import functools
import json
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from conftest import MakeKnowledgeBase, write_posts
from indexer import KnowledgeBase, Settings
from indexer.posts.budget import Overtime, at_most, can_interrupt
from posts_for_tests import POSTS

posix = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no alarms on this system")
# Each takes minutes to be read as Markdown, some the age of the universe.
SLOW = {
    "shortcodes.md": "{{< icon a >}} " * 40 + "zzshort\n",
    "anchor.md": "# zzanchor {#" + "a" * 2_000_000 + "\n",
    "fences.md": "zzfences\n\n```" + " " * 2_000_000 + "a`\n",
}

FOREVER = functools.partial(re.match, r"(?:a|aa)+$", "a" * 60 + "b")


def rebuild(folder: Path, **environment: str) -> Any:
    done = subprocess.run(
        [sys.executable, "-m", "indexer.cli", "rebuild", str(folder), "--json"],
        capture_output=True,
        env={**os.environ, **environment},
        timeout=100,
        check=True,
    )
    return json.loads(done.stdout)


def test_a_line_of_forty_shortcodes_is_read_at_once(tmp_path: Path) -> None:
    folder = write_posts(tmp_path / "posts", {"a.md": "# Title\n\n" + SLOW["shortcodes.md"]})
    (file,) = rebuild(folder)["files"]
    assert (file["state"], file["reason"]) == ("added", None)


@posix
def test_a_post_that_takes_too_long_is_indexed_as_plain_text_and_reported(tmp_path: Path) -> None:
    folder = write_posts(tmp_path / "posts", {**SLOW, **POSTS})
    report = rebuild(folder, FIXDEX_READ_SECONDS="1")
    assert (report["indexed"], report["skipped"]) == (len(SLOW) + len(POSTS), 0)
    reasons = {file["path"]: file["reason"] for file in report["files"] if file["reason"]}
    told = "reading it takes longer than 1 seconds; read as plain text"
    assert reasons == {"anchor.md": told, "fences.md": told}


@posix
def test_the_page_of_such_a_post_shows_its_text(tmp_path: Path) -> None:
    folder = write_posts(tmp_path / "posts", {"anchor.md": SLOW["anchor.md"] + "\n<b>zzlast\n"})
    knowledge_base = KnowledgeBase(folder, tmp_path / "index", Settings(read_seconds=1))
    knowledge_base.rebuild()
    (hit,) = knowledge_base.search("zzlast").hits
    post = knowledge_base.post(hit.post.path, lambda code, _: code)
    assert post is not None
    assert post.html.endswith('<p id="L3">&lt;b&gt;zzlast</p>')


# Twelve lines of YAML that stand for a value of a billion parts.
MANY = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}' if n else 'x'] * 10)}]\n" for n in range(12))


def test_a_header_that_stands_for_a_billion_values_is_read_at_once(tmp_path: Path) -> None:
    header = f"---\ntitle: x\n{MANY}draft: *a11\ntags: *a11\ndate: *a11\n---\n"
    folder = write_posts(tmp_path / "posts", {**POSTS, "a.md": "# a\n"})
    rebuild(folder)
    write_posts(folder, {"many.md": f"{header}zzmany\n"})
    for command in ("status", "rebuild"):
        done = subprocess.run(
            [sys.executable, "-m", "indexer.cli", command, str(folder)]
            if command == "rebuild"
            else [sys.executable, "-m", "indexer.cli", command, "--kb", str(folder)],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        assert "1 added" in done.stdout and "Traceback" not in done.stderr


@pytest.mark.parametrize("value", ["0x" + "f" * 5_000, "1" + "0" * 5_000])
def test_a_number_of_thousands_of_digits_in_a_header_costs_no_post(
    tmp_path: Path, value: str
) -> None:
    text = f"+++\ntitle = {value}\ndraft = {value}\ndate = {value}\n+++\n\nzznumber\n"
    report = rebuild(write_posts(tmp_path / "posts", {"a.md": text}))
    assert (report["indexed"], report["skipped"]) == (1, 0)


@posix
def test_a_draft_that_takes_too_long_stays_hidden(tmp_path: Path) -> None:
    folder = write_posts(
        tmp_path / "posts", {"a.md": "---\ndraft: true\n---\n" + SLOW["anchor.md"]}
    )
    knowledge_base = KnowledgeBase(folder, tmp_path / "index", Settings(read_seconds=1))
    (file,) = knowledge_base.rebuild().files
    assert file.state == "skipped" and file.reason is not None and "draft" in file.reason


@posix
def test_a_thread_that_cannot_be_interrupted_lets_another_process_read(
    make_kb: MakeKnowledgeBase,
) -> None:
    knowledge_base = make_kb(POSTS, Settings(read_seconds=1))
    write_posts(knowledge_base.folder, {"anchor.md": SLOW["anchor.md"]})
    reports = []
    thread = threading.Thread(target=lambda: reports.append(knowledge_base.rebuild()))
    thread.start()
    thread.join(100)
    (report,) = reports
    assert (report.added, report.repaired) == (1, 1)


@posix
def test_a_regular_expression_is_ended_and_what_was_set_before_is_set_again() -> None:
    before = signal.getsignal(signal.SIGALRM)
    with pytest.raises(Overtime), at_most(0.2):
        FOREVER()
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


@posix
def test_an_end_that_is_caught_inside_comes_again() -> None:
    def loop() -> None:
        while True:
            try:
                FOREVER()
            except BaseException:
                caught.append(1)
                if len(caught) > 2:
                    raise

    caught: list[int] = []
    with pytest.raises(Overtime), at_most(0.1):
        loop()
    assert len(caught) == 3


@posix
def test_time_that_is_waited_does_not_count() -> None:
    with at_most(0.2):
        threading.Event().wait(0.6)


def test_only_the_main_thread_can_be_interrupted() -> None:
    told = []
    thread = threading.Thread(target=lambda: told.append(can_interrupt()))
    thread.start()
    thread.join()
    assert told == [False]
