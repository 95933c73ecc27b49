"""fixdex rebuild | search | ask | serve | status | check | eval | report."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import asdict
from importlib.metadata import entry_points, version
from pathlib import Path
from typing import Any, NoReturn, TextIO, TypeVar

import click

from indexer.answers import answer_json, hits_json
from indexer.asked import Asked, AskedError
from indexer.checks import check as check_posts
from indexer.evaluation import QuestionsError, evaluate, read_questions
from indexer.knowledge_base import KnowledgeBase, NoIndex
from indexer.logs import SERVER
from indexer.logs import begin as begin_log
from indexer.memory import share_memory
from indexer.places import choose_folder, choose_place
from indexer.rebuild import File, MuchToDo, Progress, Report
from indexer.settings import SettingsError, load_settings
from indexer.storage import IndexBusy, IndexFault
from indexer.terminal import Terminal, end_with_reader
from indexer.watching import changes

_LOG = logging.getLogger(SERVER)
# What the log tells of a rebuild.
_TOLD = ("indexed", "added", "changed", "removed", "unchanged", "repaired", "skipped", "seconds")
ANSWERED, NOTHING, FAILED, NO_INDEX, INTERRUPTED = 0, 1, 2, 3, 130

_Command = TypeVar("_Command", bound=Callable[..., Any])


def run() -> None:
    """The command `fixdex`: a failure of the user's world is one sentence, never a traceback."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed by whoever started us
            setattr(sys, name, _nowhere())
        else:
            stream.reconfigure(errors="backslashreplace")
    try:
        main.main(prog_name="fixdex", standalone_mode=False)
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "fixdex"
        message = " ".join(error.format_message().split()).rstrip(".")
        _fail(f"{message}; see: {command} --help", FAILED)
    except click.Abort:
        sys.exit(INTERRUPTED)
    except NoIndex as error:
        _fail(str(error), NO_INDEX)
    except (AskedError, IndexFault, QuestionsError, SettingsError) as error:
        _fail(str(error), FAILED)
    except OSError as error:
        if not error.filename:
            # It may be standard output that failed: nothing more is written there.
            sys.stdout = _nowhere()
        where = f"{error.filename}: " if error.filename else ""
        _fail(f"{where}{error.strerror or error}", FAILED)
    finally:
        _flush()


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("fixdex"), message="fixdex %(version)s")
def main() -> None:
    """Paste an error, get the fix, out of your own posts."""


def _knowledge_base_options(command: _Command) -> _Command:
    """The options that say which posts and which index."""
    command = click.option("--kb", metavar="FOLDER", help="Folder of posts.")(command)
    return click.option("--index", metavar="PLACE", help="Folder that holds the index.")(command)


def _open(
    folder: str | None, index: str | None, *, serving: bool = False, **options: Any
) -> KnowledgeBase:
    chosen = choose_folder(folder)
    settings = load_settings(chosen.folder, **options)
    if serving:
        begin_log(settings.log)
    if chosen.note and serving:
        _LOG.warning("%s", chosen.note)
    elif chosen.note:
        click.echo(f"fixdex: {chosen.note}", err=True)
    return KnowledgeBase(chosen.folder, choose_place(chosen.folder, index), settings)


def _nowhere() -> TextIO:
    return Path(os.devnull).open("w", encoding="utf-8")


def _flush() -> None:
    try:
        sys.stdout.flush()
    except OSError as error:
        # What is left cannot be written; without this, Python tries again at its end.
        sys.stdout = _nowhere()
        _fail(f"standard output: {error.strerror}", FAILED)


def _fail(message: str, code: int) -> NoReturn:
    click.echo(f"fixdex: {message}", err=True)
    sys.exit(code)


def _print_json(value: Any) -> None:
    end_with_reader()
    text = json.dumps(value, ensure_ascii=False, indent=2)
    sys.stdout.buffer.write(text.encode("utf-8", "backslashreplace") + b"\n")


@main.command()
@click.argument("folder", required=False)
@_knowledge_base_options
@click.option("--full", is_flag=True, help="Read every post again.")
@click.option("--jobs", type=click.IntRange(min=1), help="Processes that read posts.")
@click.option("--drafts/--no-drafts", default=None, help="Also index drafts.")
@click.option("--watch", is_flag=True, help="Follow the posts until it is stopped.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def rebuild(
    folder: str | None,
    kb: str | None,
    index: str | None,
    full: bool,
    jobs: int | None,
    drafts: bool | None,
    watch: bool,
    as_json: bool,
) -> None:
    """Bring the index up to date with the posts in FOLDER."""
    knowledge_base = _open(kb if folder is None else folder, index, jobs=jobs, drafts=drafts)

    def tell(report: Report) -> None:
        if as_json:
            _print_json(asdict(report))
        else:
            Terminal().report(report, str(knowledge_base.folder))
        _flush()

    with _progress("reading posts", then="writing the index", quiet=as_json) as progress:
        report = knowledge_base.rebuild(full=full, progress=progress)
    tell(report)
    for _ in changes(knowledge_base.folder, knowledge_base.place) if watch else ():
        try:
            report = knowledge_base.rebuild()
        except IndexFault as error:
            # The next change tries again.
            click.echo(f"fixdex: {error}", err=True)
            continue
        if report.added or report.changed or report.removed:
            tell(report)


def _progress(
    words: str, things: str = "posts", then: str = "", *, quiet: bool = False
) -> AbstractContextManager[Progress | None]:
    """How far a work is, on standard error; where a program reads along, on a terminal only."""
    if quiet and not sys.stderr.isatty():
        return nullcontext()
    return Terminal(stderr=True).progress(words, things, then)


@main.command()
@click.argument("words", nargs=-1, required=True)
@_knowledge_base_options
@click.option("-n", "count", type=click.IntRange(1, 100), default=10, help="How many hits.")
@click.option("--tag", help="Only posts with this tag.")
@click.option("--lang", help="Only posts in this language: en, zh or zh-Hant.")
@click.option("--json", "as_json", is_flag=True, help="Print the hits as JSON.")
@click.option("--explain", is_flag=True, help="Say what each word added to the score.")
def search(
    words: tuple[str, ...],
    kb: str | None,
    index: str | None,
    count: int,
    tag: str | None,
    lang: str | None,
    as_json: bool,
    explain: bool,
) -> None:
    """List the posts that hold WORDS, best first."""
    knowledge_base = _open(kb, index)
    hits = knowledge_base.search(
        _text(" ".join(words)), per_page=count, tag=tag, lang=lang, explain=explain
    )
    if as_json:
        _print_json(hits_json(hits))
    else:
        Terminal().hits(hits)
    sys.exit(ANSWERED if hits.hits else NOTHING)


LONGEST_QUESTION = 64 * 1024


@main.command()
@click.argument("question", nargs=-1)
@_knowledge_base_options
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
def ask(question: tuple[str, ...], kb: str | None, index: str | None, as_json: bool) -> None:
    """Show the fix for QUESTION, or for the error that is piped in."""
    text = " ".join(question)
    if not question:
        if sys.stdin is None:
            _fail("there is neither a question nor standard input to read one from", FAILED)
        if sys.stdin.isatty():
            click.echo("Paste the error, then press Ctrl-D:", err=True)
        # The end of a long log holds what went wrong.
        text = sys.stdin.buffer.read()[-LONGEST_QUESTION:].decode("utf-8", "replace")
    if not text.strip() and not as_json:
        _fail("nothing was asked; name a question, or pipe in what failed", NOTHING)
    answer = _open(kb, index).ask(_text(text))
    if as_json:
        _print_json(answer_json(answer))
    else:
        Terminal().answer(answer)
    sys.exit(ANSWERED if answer.found else NOTHING)


def _text(words: str) -> str:
    """Words as text: bytes of the command line that are no UTF-8 become replacement signs."""
    return words.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


@main.command()
@click.argument("folder", required=False)
@_knowledge_base_options
@click.option("--host", help="Address to listen on (default 127.0.0.1).")
@click.option("--port", type=click.IntRange(0, 65535), help="Port (default 8000; 0: a free one).")
@click.option("--watch", is_flag=True, help="Follow the posts while serving.")
@click.option("--log", type=click.Choice(["off", "text", "json"]), help="A line per request.")
def serve(
    folder: str | None,
    kb: str | None,
    index: str | None,
    host: str | None,
    port: int | None,
    watch: bool,
    log: str | None,
) -> None:
    """Answer on a web page: bring the index of FOLDER up to date, then serve it."""
    knowledge_base = _open(
        kb if folder is None else folder, index, host=host, port=port, log=log, serving=True
    )

    def tell(report: Report) -> None:
        Terminal(stderr=True).report(report, str(knowledge_base.folder))

    as_json = knowledge_base.settings.log == "json"
    share_memory()
    # Threads that answer take turns more often: a rebuild waits for one at each call of the system.
    sys.setswitchinterval(_TURN)
    with suppress(NoIndex):
        # What is open by now is not opened again.
        knowledge_base.generation()
    try:
        _bring_up_to_date(knowledge_base, _log_rebuild if as_json else tell)
    except IndexBusy:
        built_at = knowledge_base.info().built_at
        _LOG.warning("another rebuild runs; serving the index of %s", built_at)
    follow = threading.Thread(target=_follow, args=(knowledge_base,), daemon=True)
    # The one step up: by entry point, so that no module here imports the web.
    (site,) = entry_points(group="fixdex.site")
    site.load()(knowledge_base, follow.start if watch else None)


# Seconds.
_TURN = 0.0005
# A server brings its index up to date with so many posts itself.
_FEW = 200


def _bring_up_to_date(knowledge_base: KnowledgeBase, tell: Callable[[Report], None]) -> None:
    """Rebuilds and tells the report; where much is to be done, another process does both.

    Much takes memory that a process does not give back, and time that its visitors would wait.
    """
    try:
        tell(knowledge_base.rebuild(most=_FEW))
        return
    except MuchToDo:
        place, folder = str(knowledge_base.place), str(knowledge_base.folder)
        command = [sys.executable, "-m", "indexer.cli", "rebuild", folder, "--index", place]
    as_json = knowledge_base.settings.log == "json"
    if as_json:
        done = subprocess.run([*command, "--json"], capture_output=True)
    else:
        done = subprocess.run(command, stdout=sys.stderr.fileno())
    if done.returncode != ANSWERED:
        said = (done.stderr or b"see what it says above").decode("utf-8", "replace").strip()
        raise IndexFault(f"the rebuild of {folder} failed; {said}")
    if as_json:
        report = json.loads(done.stdout)
        tell(Report(**{**report, "files": tuple(File(**file) for file in report["files"])}))


def _follow(knowledge_base: KnowledgeBase) -> None:
    """Rebuilds whenever posts change, and opens what was made."""

    def tell(report: Report) -> None:
        if report.added or report.changed or report.removed:
            _log_rebuild(report)

    for _ in changes(knowledge_base.folder, knowledge_base.place):
        try:
            _bring_up_to_date(knowledge_base, tell)
            # Whoever asks meanwhile is answered out of the one before.
            knowledge_base.warm_up()
        except (IndexFault, NoIndex, OSError) as error:
            # The next change tries again.
            _LOG.warning("not rebuilt: %s", error)


def _log_rebuild(report: Report) -> None:
    told = {name: getattr(report, name) for name in _TOLD}
    changes = [f"{told[name]} {name}" for name in ("added", "changed", "removed") if told[name]]
    what = ", ".join(changes) or "nothing changed"
    _LOG.info("rebuilt: %s (%.1f s)", what, report.seconds, extra={"fields": told})


@main.command()
@_knowledge_base_options
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def status(kb: str | None, index: str | None, as_json: bool) -> None:
    """Say what is indexed, and what changed since."""
    found = _open(kb, index).status()
    if as_json:
        _print_json({**asdict(found), "stale": found.stale})
    else:
        Terminal().status(found)


@main.command()
@_knowledge_base_options
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def check(kb: str | None, index: str | None, as_json: bool) -> None:
    """Name the posts that will not answer, and why."""
    knowledge_base = _open(kb, index)
    with _progress("asking for every post", quiet=as_json) as progress:
        checked = check_posts(knowledge_base, progress)
    if as_json:
        _print_json(asdict(checked))
    else:
        Terminal().checked(checked)
    sys.exit(NOTHING if checked.findings else ANSWERED)


@main.command("eval")
@click.argument("questions", type=click.Path(path_type=Path))
@_knowledge_base_options
@click.option("--json", "as_json", is_flag=True, help="Print the measures as JSON.")
def evaluation(questions: Path, kb: str | None, index: str | None, as_json: bool) -> None:
    """Measure how well the posts answer QUESTIONS, a file with a line of JSON per question."""
    asked = read_questions(questions)
    knowledge_base = _open(kb, index)
    with _progress("asking", "questions", quiet=as_json) as progress:
        evaluated = evaluate(knowledge_base, asked, progress)
    if as_json:
        _print_json(asdict(evaluated))
    else:
        Terminal().evaluation(evaluated)


@main.command()
@_knowledge_base_options
@click.option("--days", type=click.FloatRange(min=0), default=90, help="How far to look back.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def report(kb: str | None, index: str | None, days: float, as_json: bool) -> None:
    """Say what was asked and wants a post: not found, or found and of no help."""
    settings = _open(kb, index).settings
    if not settings.asked:
        raise SettingsError("nothing is kept of what was asked; name a file with the setting asked")
    rows = Asked(Path(settings.asked)).report(days)
    if as_json:
        _print_json([asdict(row) for row in rows])
    else:
        Terminal().asked(rows)
    sys.exit(ANSWERED if rows else NOTHING)


if __name__ == "__main__":
    run()
