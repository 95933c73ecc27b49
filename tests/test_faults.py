"""Nothing that fails leaves a broken index: damage, full disks, errors of writing, sudden ends.

FIXDEX_LONG=1 (`make faults`) tries each of them far more often.
"""

from __future__ import annotations

import builtins
import errno
import functools
import io
import json
import os
import random
import shutil
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from conftest import ROOT, MakeKnowledgeBase, until, write_posts
from indexer import IndexFault, KnowledgeBase, NoIndex, choose_place
from indexer.index.index import NextGeneration, open_current
from indexer.index.postings import merge
from indexer.index.storage import read_current
from load import put_load, serving
from posts_for_tests import POSTS

LONG = os.environ.get("FIXDEX_LONG") == "1"
posix = pytest.mark.skipif(sys.platform == "win32", reason="processes and limits of POSIX")
# What NumPy multiplies with has threads of its own, which hold nothing that a child needs.
forks = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")


def again(knowledge_base: KnowledgeBase) -> KnowledgeBase:
    """The same knowledge base, as another process would open it."""
    return KnowledgeBase(knowledge_base.folder, knowledge_base.place)


def make_parts(make_kb: MakeKnowledgeBase) -> KnowledgeBase:
    """A knowledge base whose index has two segments and a post that is gone."""
    many = {f"many/{n}.md": f"# note {n}\n\nquokka number{n}\n" for n in range(80)}
    knowledge_base = make_kb({**POSTS, **many})
    write_posts(knowledge_base.folder, {"many/7.md": "# note 7\n\nwombat\n", "new.md": "# gyro\n"})
    (knowledge_base.folder / "many/8.md").unlink()
    knowledge_base.rebuild()
    index = open_current(knowledge_base.place)
    assert index is not None
    assert [len(part.gone) for part in index.parts] == [2, 0]
    return knowledge_base


def word(number: int) -> str:
    """A word that shares no part with that of another number, and is no slip of one."""
    return "".join(chr(ord("a") + int(digit)) * 3 for digit in str(number)) + "zeppo"


# Damage


def test_a_flipped_byte_anywhere_is_noticed_and_the_index_made_again(
    make_kb: MakeKnowledgeBase,
) -> None:
    knowledge_base = make_parts(make_kb)
    current = read_current(knowledge_base.place)
    assert current is not None
    generation = knowledge_base.place / "generations" / current.name
    files = [file for file in generation.rglob("*") if file.is_file()]
    assert len(files) > 20
    chance = random.Random(5)
    for file in [*files, knowledge_base.place / "current"]:
        whole = file.read_bytes()
        places = {0, len(whole) // 2, len(whole) - 1}
        if LONG:
            places |= {chance.randrange(len(whole)) for _ in range(60)}
        for place in places:
            damaged = bytearray(whole)
            damaged[place] ^= 1 << chance.randrange(8)
            if file.name == "current" and damaged.strip() == whole.strip():
                continue
            file.write_bytes(damaged)
            if file.parent.name == "whoosh":
                # No question needs it; a rebuild makes it again.
                assert open_current(knowledge_base.place) is not None
                assert open_current(knowledge_base.place, entirely=True) is None
            else:
                with pytest.raises(NoIndex, match="no index"):
                    again(knowledge_base).search("quokka")
        file.write_bytes(whole)
    assert again(knowledge_base).search("quokka").total == 78
    file = generation / "manifest.json"
    file.write_bytes(file.read_bytes().replace(b"fingerprint", b"fingerprinT"))
    assert again(knowledge_base).rebuild().added == len(POSTS) + 80
    assert again(knowledge_base).search("quokka").total == 78


# Errors of writing


class _Raw(io.FileIO):
    """A file whose writing may fail."""

    count: Callable[[], None]

    def write(self, data: Any) -> int:
        type(self).count()
        return super().write(data)


@contextmanager
def failing(at: int, code: int) -> Iterator[Callable[[], bool]]:
    """Lets the call numbered `at` of all that change the disk fail; says whether one did."""
    calls = 0
    failed = False

    def count(*_: Any, **__: Any) -> None:
        nonlocal calls, failed
        calls += 1
        if calls == at:
            failed = True
            raise OSError(code, os.strerror(code))

    class Raw(_Raw):
        pass

    Raw.count = staticmethod(count)
    whole_open = io.open

    def opened(file: Any, mode: str = "r", *rest: Any, **named: Any) -> Any:
        if not set(mode) & set("wax"):
            return whole_open(file, mode, *rest, **named)
        count()
        raw = io.BufferedWriter(Raw(file, mode.replace("b", "").replace("t", "")))
        return raw if "b" in mode else io.TextIOWrapper(raw, *rest[1:2] or [named.get("encoding")])

    def counted(call: Callable[..., Any]) -> Callable[..., Any]:
        def inner(*values: Any, **named: Any) -> Any:
            count()
            return call(*values, **named)

        return inner

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(io, "open", opened)
        patch.setattr(builtins, "open", opened)
        for name in ("fsync", "mkdir", "link", "rename", "replace"):
            patch.setattr(os, name, counted(getattr(os, name)))
        yield lambda: failed


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO] if LONG else [errno.ENOSPC])
def test_an_error_of_any_call_that_writes_leaves_the_index_that_answers(
    make_kb: MakeKnowledgeBase, code: int
) -> None:
    knowledge_base = make_parts(make_kb)
    place = knowledge_base.place
    # Sweeps away what was there before the last.
    knowledge_base.rebuild()
    tried = 0
    for at in range(1, 1000):
        write_posts(knowledge_base.folder, {"new.md": f"# gyro\n\n{word(at)}\n"})
        before = read_current(place)
        try:
            with failing(at, code) as failed:
                again(knowledge_base).rebuild()
        except IndexFault as fault:
            assert os.strerror(code) in str(fault) and "\n" not in str(fault)
        if not failed():
            break
        tried += 1
        fresh = again(knowledge_base)
        assert fresh.search("quokka").total == 78
        current = read_current(place)
        assert current is not None
        # Only where the new one was in place already may it answer.
        assert fresh.search(word(at)).total == (current != before)
        left = {file.name for file in (place / "generations").iterdir()}
        assert current.name in left and len(left) <= (1 if current == before else 2)
        assert not (place / "current.next").exists()
        fresh.close()
        # With room again, all goes well.
        again(knowledge_base).rebuild()
        assert again(knowledge_base).search(word(at)).total == 1
    assert tried > 30


@posix
@forks
@pytest.mark.parametrize("limit", [0, 1_000, 20_000, 70_000])
def test_a_full_disk_is_told_in_one_sentence(make_kb: MakeKnowledgeBase, limit: int) -> None:
    import resource

    knowledge_base = make_parts(make_kb)
    posts = {f"more/{n}.md": f"# more {n}\n\n{word(n)} {'word ' * 500}\n" for n in range(50)}
    write_posts(knowledge_base.folder, posts)

    def rebuild_with_little_room() -> int:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        try:
            again(knowledge_base).rebuild()
        except IndexFault as fault:
            return 0 if "File too large" in str(fault) else 2
        return 3

    assert in_a_child(rebuild_with_little_room) == 0
    assert again(knowledge_base).search("quokka").total == 78
    assert again(knowledge_base).search(word(7)).total == 0
    assert len(list((knowledge_base.place / "generations").iterdir())) == 1
    assert again(knowledge_base).rebuild().added == 50
    assert again(knowledge_base).search(word(7)).total == 1


def begin(work: Callable[[], int]) -> int:
    """The number of a forked process that does the work, and exits with what that gives."""
    process = os.fork()
    if process == 0:
        code = 9
        # Rather ended by the clock than waited for without end.
        signal.alarm(1200)
        try:
            code = work()
        finally:
            os._exit(code)
    return process


def in_a_child(work: Callable[[], int]) -> int:
    """How a forked process ends that does the work: its exit code, or less than 0 for a signal."""
    return os.waitstatus_to_exitcode(os.waitpid(begin(work), 0)[1])


# Sudden ends

KILLS = 300 if LONG else 18
PHASES = ("writing", "switching", "cleaning up")


def rebuild_until_killed(knowledge_base: KnowledgeBase, phase: str, at: int) -> int:
    """Rebuilds, and kills its own process at a call of a phase that changes the disk."""
    now = "writing"
    calls = 0

    def entering(name: str, after: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def inner(*values: Any, **named: Any) -> Any:
            nonlocal now
            now = name
            result = call(*values, **named)
            now = after
            return result

        return inner

    def counted(call: Callable[..., Any]) -> Callable[..., Any]:
        def inner(*values: Any, **named: Any) -> Any:
            nonlocal calls
            calls += now == phase
            if calls == at:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*values, **named)

        return inner

    from indexer.index import rebuild, storage

    storage.switch = entering("switching", "switching", storage.switch)
    rebuild.sweep = entering("cleaning up", "writing", rebuild.sweep)
    for module, name in (
        (os, "fsync"), (os, "mkdir"), (os, "link"), (os, "rename"), (os, "replace"),
        (os, "unlink"), (os, "rmdir"), (os, "scandir"), (os, "listdir"), (io, "open"),
        (builtins, "open"),
    ):  # fmt: skip
        setattr(module, name, counted(getattr(module, name)))
    knowledge_base.rebuild(full=at % 3 == 0, jobs=1)
    return 0


@posix
@forks
def test_a_rebuild_that_is_killed_at_any_point_loses_and_breaks_nothing(
    make_kb: MakeKnowledgeBase, tmp_path: Path
) -> None:
    count = 1000 if LONG else 120
    posts = {f"{n:04}.md": f"# note {n}\n\nquokka number{n}\n" for n in range(count)}
    knowledge_base = make_kb(posts)
    stop, told = tmp_path / "stop", tmp_path / "told"

    def read() -> int:
        kept, searches, failures = again(knowledge_base), 0, []
        while not stop.exists():
            for reader in (kept, again(knowledge_base)):
                searches += 1
                try:
                    found = reader.search("quokka").total
                    if found != count:
                        failures.append(f"{found} posts")
                except Exception as error:
                    failures.append(repr(error))
        told.write_text(json.dumps([searches, failures]))
        return 0

    killed: Counter[str] = Counter()
    chance = random.Random(11)
    reader = begin(read)
    try:
        for number in range(KILLS):
            phase = PHASES[number % 3]
            changed = f"{chance.randrange(count):04}.md"
            write_posts(knowledge_base.folder, {changed: f"# again\n\nquokka {word(number)}\n"})
            at = 1 + number // 3 % {"writing": 60, "switching": 4, "cleaning up": 20}[phase]
            # What another rebuild left behind when it was killed.
            current = read_current(knowledge_base.place)
            assert current is not None
            generations = knowledge_base.place / "generations"
            shutil.copytree(generations / current.name, generations / "000000", dirs_exist_ok=True)
            end = in_a_child(
                functools.partial(rebuild_until_killed, again(knowledge_base), phase, at)
            )
            assert end in (0, -signal.SIGKILL)
            killed[phase] += end == -signal.SIGKILL
            fresh = again(knowledge_base)
            assert fresh.search("quokka").total == count
            assert fresh.search(word(number)).total in (0, 1)
    finally:
        stop.touch()
        os.waitpid(reader, 0)
    searches, failures = json.loads(told.read_text())
    assert not failures, failures[:5]
    assert searches > KILLS
    report = knowledge_base.rebuild()
    assert (report.indexed, report.skipped) == (count, 0)
    assert again(knowledge_base).search(word(KILLS - 1)).total == 1
    assert len(list((knowledge_base.place / "generations").iterdir())) <= 2
    assert all(killed[phase] >= KILLS // 6 for phase in PHASES), killed
    if LONG:
        log = ROOT / "build" / "faults.txt"
        log.parent.mkdir(exist_ok=True)
        log.write_text(f"killed while {dict(killed)}; {searches} searches, 0 failed\n")


# Readers


@posix
def test_a_generation_that_is_read_is_not_swept_away(make_kb: MakeKnowledgeBase) -> None:
    knowledge_base = make_kb(POSTS)
    held = open_current(knowledge_base.place)
    assert held is not None
    for word in ("one", "two"):
        write_posts(knowledge_base.folder, {"new.md": f"# {word}\n"})
        again(knowledge_base).rebuild()
        assert held.folder.is_dir()
    held.close()
    write_posts(knowledge_base.folder, {"new.md": "# three\n"})
    again(knowledge_base).rebuild()
    assert not held.folder.exists()


@posix
def test_what_was_open_is_read_after_its_generation_was_swept_away(
    make_kb: MakeKnowledgeBase,
) -> None:
    knowledge_base = make_kb({f"{n}.md": f"# note {n}\n\nquokka\n" for n in range(80)})
    reader = again(knowledge_base)
    first = reader.generation().index.folder
    for turn in (1, 2):
        write_posts(knowledge_base.folder, {"new.md": f"# note\n\n{word(turn)}\n"})
        again(knowledge_base).rebuild()
        # It takes over what it has open, and lets the generation go.
        reader.generation()
    write_posts(knowledge_base.folder, {"new.md": f"# note\n\n{word(3)}\n"})
    again(knowledge_base).rebuild()
    assert not first.exists()
    assert reader.search("quokka").total == 80
    assert reader.search(word(3)).total == 1


def test_a_generation_left_half_made_is_cleared_away(make_kb: MakeKnowledgeBase) -> None:
    knowledge_base = make_kb(POSTS)
    with pytest.raises(KeyboardInterrupt), NextGeneration(knowledge_base.place) as following:
        following.add((), *_nothing())
        raise KeyboardInterrupt
    half = knowledge_base.place / "generations" / "000777"
    (half / "whoosh").mkdir(parents=True)
    assert knowledge_base.rebuild().unchanged == len(POSTS)
    assert [file.name for file in (knowledge_base.place / "generations").iterdir()] == ["000001"]


def _nothing() -> tuple[Any, list[str]]:
    return merge(()), []


def test_searches_go_on_while_one_rebuild_follows_another(make_kb: MakeKnowledgeBase) -> None:
    knowledge_base = make_kb(POSTS)
    failures: list[str] = []
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            try:
                if not knowledge_base.ask("502 Permission denied nginx").found:
                    failures.append("nothing found")
            except Exception as error:
                failures.append(repr(error))

    askers = [threading.Thread(target=ask) for _ in range(4)]
    for asker in askers:
        asker.start()
    until = time.monotonic() + (60 if LONG else 3)
    rebuilds = 0
    while time.monotonic() < until or rebuilds < 3:
        rebuilds += 1
        write_posts(knowledge_base.folder, {"new.md": f"# note\n\n{word(rebuilds)}\n"})
        again(knowledge_base).rebuild()
    done.set()
    for asker in askers:
        asker.join()
    assert not failures, failures[:3]
    assert knowledge_base.search(word(rebuilds)).total == 1


def test_no_client_of_a_server_whose_posts_change_is_refused(tmp_path: Path) -> None:
    folder = write_posts(tmp_path / "posts", POSTS)
    load = put_load(folder, ["502 Permission denied nginx", "refusing to merge"], 20, 4)
    assert not load.failed, load.failed
    assert len(load.took) > 100
    assert len(load.builds) > 1


def test_several_servers_share_an_index_and_all_notice_the_next(tmp_path: Path) -> None:
    folder = write_posts(tmp_path / "posts", POSTS)

    def found(port: int) -> int:
        with urlopen(f"http://127.0.0.1:{port}/api/search?q={word(3)}") as answer:
            return int(json.load(answer)["total"])

    with serving(folder) as one, serving(folder) as other:
        assert [found(one), found(other)] == [0, 0]
        write_posts(folder, {"new.md": f"# note\n\n{word(3)}\n"})
        KnowledgeBase(folder, choose_place(folder, None)).rebuild()
        assert until(lambda: [found(one), found(other)] == [1, 1])
