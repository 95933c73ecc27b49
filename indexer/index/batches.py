"""Batch: what some files hold, read and counted, ready to be a segment."""

from __future__ import annotations

import functools
import gc
import hashlib
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from indexer.fixes.worth import weigh, worth_of_fix
from indexer.index.index import Entry, Skipped
from indexer.index.postings import Postings
from indexer.index.records import to_record
from indexer.index.storage import IndexFault
from indexer.index.tally import Said, Tally
from indexer.posts.budget import Overtime, at_most, can_interrupt
from indexer.posts.folder import DRAFT, Found, NotText, read_file
from indexer.posts.plain import plain
from indexer.posts.posts import Post, read_plain, read_post
from indexer.posts.problems import Problem, find_problems
from indexer.posts.roles import Role, tells_of_trouble
from indexer.text.bilingual import Pair, find_pairs
from indexer.text.pasted import may_name, read_pasted

# Files read by one call of a worker, and from how many on workers are worth starting.
_BATCH = 100
# Batches that wait to be written, at the most; while a segment is written, the workers go on.
_AHEAD = 32
_WORKERS_FROM = 200


@dataclass(frozen=True, slots=True)
class Batch:
    """The posts of some files, why others are none, and postings and records of the problems."""

    entries: tuple[Entry, ...]
    skipped: tuple[Skipped, ...]
    postings: Postings
    records: tuple[str, ...]


def read_batches(
    files: Sequence[Found], jobs: int, drafts: bool, seconds: float
) -> Iterator[Batch]:
    """What the files hold, batch by batch in their order; many are read by several processes.

    So is what could not be interrupted here: no file may take longer than so many seconds.
    Raises IndexFault where one of these processes is ended from outside.
    """
    pieces = [files[i : i + _BATCH] for i in range(0, len(files), _BATCH)]
    few = jobs <= 1 or len(files) < _WORKERS_FROM
    if not files or (few and (can_interrupt() or os.name != "posix")):
        tally = Tally()
        yield from (_read_batch(piece, drafts, seconds, tally) for piece in pieces)
        return
    # Not by fork: a server's threads may hold locks at that moment.
    context = multiprocessing.get_context("spawn")
    workers = 1 if few else jobs
    with _safe_path():
        pool = ProcessPoolExecutor(workers, context, initializer=_begin_worker)
        coming: deque[Future[Batch]] = deque()
        try:
            for piece in pieces:
                coming.append(pool.submit(_read_in_worker, piece, drafts, seconds))
                if len(coming) > _AHEAD + 2 * jobs:
                    yield coming.popleft().result()
            while coming:
                yield coming.popleft().result()
        except BrokenProcessPool:
            raise IndexFault(
                "a process that reads posts was ended from outside (memory?); try --jobs 1"
            ) from None
        except BaseException:
            # Nobody waits for what was not begun, nor for what is being read.
            for process in pool._processes.values():
                process.kill()
            raise
        finally:
            pool.shutdown(cancel_futures=True)


@contextmanager
def _safe_path() -> Iterator[None]:
    """Meanwhile processes that are started import nothing from the current folder.

    That may be a folder of posts, and hold a `struct.py`.
    """
    before = os.environ.get(_SAFE_PATH)
    os.environ[_SAFE_PATH] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_SAFE_PATH]
        else:
            os.environ[_SAFE_PATH] = before


_SAFE_PATH = "PYTHONSAFEPATH"


def _begin_worker() -> None:
    """Makes ready a process that reads, and ends it when the one that started it is killed."""
    # Posts are read into many small objects that stay: looking for rubbish among them again and
    # again takes an eighth of the time.
    gc.disable()
    # Ctrl-C reaches all processes of a terminal; the parent ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def wait() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def _read_in_worker(files: Sequence[Found], drafts: bool, seconds: float) -> Batch:
    batch = _read_batch(files, drafts, seconds, _tally_of_worker())
    gc.collect(0)
    return batch


@functools.cache
def _tally_of_worker() -> Tally:
    """The tally of a process that reads: it knows the tokens of the batches before."""
    return Tally()


def _read_batch(files: Sequence[Found], drafts: bool, seconds: float, tally: Tally) -> Batch:
    entries, skipped, records = [], [], []
    for file in files:
        try:
            entry, problems, said = _read_in_time(file, drafts, seconds)
            tally.add(said)
        except NotText as error:
            skipped.append(Skipped(file.path, str(error)))
        except OSError as error:
            skipped.append(Skipped(file.path, f"cannot be read: {error.strerror}"))
        except Exception as error:  # a fault of ours with one post must not cost the others
            skipped.append(Skipped(file.path, _our_fault(error)))
        else:
            entries.append(entry)
            records += problems
    return Batch(tuple(entries), tuple(skipped), tally.take(), tuple(records))


# What is known of a post; each of its problems as a record, and what it says.
_Read = tuple[Entry, list[str], list[list[Said]]]


def _read_in_time(file: Found, drafts: bool, seconds: float) -> _Read:
    """What a post holds; read as plain text where reading its Markdown fails or takes too long.

    Raises NotText where it holds no text, is a draft, or takes longer even so.
    """
    data = read_file(file.file)
    try:
        with at_most(seconds):
            return _read(data, read_post(file.path, data), drafts)
    except NotText:
        raise
    except Overtime:
        reason = f"reading it takes longer than {seconds:g} seconds"
    except Exception as error:
        reason = _our_fault(error)
    try:
        with at_most(seconds):
            post = replace(read_plain(file.path, data), repairs=(f"{reason}; read as plain text",))
            return _read(data, post, drafts)
    except Overtime:
        raise NotText(reason) from None


def _our_fault(error: Exception) -> str:
    return f"reading it fails with {type(error).__name__}; please report it: our fault"


def _read(data: bytes, post: Post, drafts: bool) -> _Read:
    if post.draft and not drafts:
        raise NotText(DRAFT)
    problems = [*map(weigh, find_problems(post))]
    entry = Entry(
        post.path,
        post.title,
        post.date,
        post.tags,
        post.lang,
        post.link,
        hashlib.sha256(data).hexdigest(),
        tuple(map(worth_of_fix, problems)),
        post.repairs,
        _pairs(problems),
        tells_of_trouble(post.title),
        post.plain,
    )
    return entry, [*map(to_record, problems)], [_said(post, problem) for problem in problems]


def _pairs(problems: Sequence[Problem]) -> tuple[Pair, ...]:
    """What a post says in both languages side by side."""
    told = (part.block for problem in problems for part in problem.parts)
    return find_pairs("\n".join(plain(block.text) for block in told if block.kind != "code"))


# The field a block counts in, by its role; what tells of no role counts as plain text.
_FIELD_OF = {
    Role.PROBLEM: "problem",
    Role.ERROR: "problem",
    Role.ENVIRONMENT: "text",
    Role.CAUSE: "cause",
    Role.FIX: "fix",
    Role.CHECK: "text",
    Role.REFERENCE: "text",
    Role.FAILING: "problem",
    None: "text",
}


def _said(post: Post, problem: Problem) -> list[Said]:
    """What a problem says in each field, in order."""
    said = [Said("title", post.title)]
    if problem.title != post.title:
        said.append(Said("title", problem.title))
    said.append(Said("head", _file_words(post.path), half=True))
    said += [Said("head", text) for text in (*problem.headings, *post.extra)]
    said += [Said("tags", tag) for tag in post.tags]
    for number, part in enumerate(problem.parts):
        text = part.block.text
        if part.block.kind == "code":
            said.append(Said("problem" if part.role is Role.ERROR else "code", text, number))
        else:
            text = plain(text)
            said.append(Said(_FIELD_OF[part.role], text, number))
        if part.role in (Role.ERROR, Role.PROBLEM, None):
            said += [Said("error", line, number) for line in _error_lines(text, part.role)]
    return said


def _error_lines(text: str, role: Role | None) -> tuple[str, ...]:
    """The lines of a block that say what went wrong; of other roles only where one is named."""
    if role is not Role.ERROR and not may_name(text):
        return ()
    found = read_pasted(text)
    return found.errors[:3] if role is Role.ERROR or found.exceptions or found.codes else ()


def _file_words(path: str) -> str:
    return Path(path).stem.replace("-", " ")
