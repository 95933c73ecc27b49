"""fixdex ask | search | serve | rebuild | status | forget | check | eval | report."""

from __future__ import annotations

import functools
import json
import logging
import os
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import asdict
from importlib.metadata import entry_points, version
from pathlib import Path
from typing import Any, NoReturn, TextIO

import click

from indexer.answers.answers import answer_json, hits_json
from indexer.asked import Asked, AskedError
from indexer.checks import check as check_posts
from indexer.evaluation import QuestionsError, evaluate, read_questions
from indexer.following import bring_up_to_date, follow, log_rebuild
from indexer.index.rebuild import Progress, Report
from indexer.index.storage import IndexBusy, IndexFault, is_index, remove
from indexer.index.watching import changes
from indexer.knowledge_base import KnowledgeBase, NoIndex
from indexer.logs import SERVER
from indexer.logs import begin as begin_log
from indexer.memory import share_memory
from indexer.options import Asking, Named, knowledge_base_options
from indexer.places import choose_folder, choose_place, read_kept
from indexer.settings import SettingsError, load_settings
from indexer.terminal import Terminal, end_with_reader, shown

_LOG = logging.getLogger(SERVER)
ANSWERED, NOTHING, FAILED, NO_INDEX, INTERRUPTED = 0, 1, 2, 3, 130


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
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(place.filename).name}, line {place.lineno}"
        _fail(f"a fault of Fixdex, please report it: {type(error).__name__} in {where}", FAILED)
    finally:
        _flush()


_HELP: dict[str, Any] = {"help_option_names": ["-h", "--help"]}


@click.group(context_settings=_HELP, invoke_without_command=True)
@click.version_option(version("fixdex"), message="fixdex %(version)s")
@click.pass_context
def main(context: click.Context) -> None:
    """Paste an error, get the fix, out of your own posts."""
    if context.invoked_subcommand is None:
        commands = {name: one.get_short_help_str(70) for name, one in main.commands.items()}
        Terminal().welcome(commands)


def _tell(note: str) -> None:
    """Says something beside the results."""
    click.echo(shown(f"fixdex: {note}"), err=True)


def _log(note: str) -> None:
    """The same in the form of a server's log."""
    _LOG.warning("%s", note)


def _ignore(_: str) -> None:
    pass


def _open(
    named: Named,
    folder: str | None = None,
    tell: Callable[[str], None] = _tell,
    **options: Any,
) -> KnowledgeBase:
    """The knowledge base that is named, or meant; what nobody named is told."""
    chosen = choose_folder(named.kb if folder is None else folder, index=named.index)
    place = choose_place(chosen.folder, named.index)
    notes = [chosen.note] if chosen.note else []
    settings = load_settings(
        chosen.folder, tell=notes.append, trust_index=named.trust_index, **options
    )
    if tell is _log:
        begin_log(settings.log)
    for note in notes:
        tell(note)
    return KnowledgeBase(chosen.folder, place, settings)


def _open_made(named: Named) -> KnowledgeBase:
    """The same with its index, which is made where there is none to be opened."""
    knowledge_base = _open(named)
    with suppress(NoIndex):
        knowledge_base.generation()
        return knowledge_base
    _note_old_index(knowledge_base)
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            with _progress("reading posts", then="writing the index") as progress:
                report = knowledge_base.rebuild(progress=progress)
            posts = "1 post" if report.indexed == 1 else f"{report.indexed:,} posts"
            _tell(f"indexed {posts} of {knowledge_base.folder} ({report.seconds:.1f} s)")
            return knowledge_base
        except IndexBusy as busy:
            # Another process makes it.
            if time.monotonic() > until:
                _fail(str(busy), NO_INDEX)
            time.sleep(0.2)
            with suppress(NoIndex):
                knowledge_base.generation()
                return knowledge_base
        except IndexFault as fault:
            _fail(str(fault), NO_INDEX)


def _note_old_index(knowledge_base: KnowledgeBase, tell: Callable[[str], None] = _tell) -> None:
    old = knowledge_base.folder / ".fixdex"
    if os.path.lexists(old) and knowledge_base.place != old:
        tell(f"{old} is an index of an earlier version: it is not read and can be removed")


# Seconds that another process may take to make an index that is asked for.
_PATIENCE = 120.0


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
    click.echo(shown(f"fixdex: {message}"), err=True)
    sys.exit(code)


def _print_json(value: Any) -> None:
    end_with_reader()
    text = json.dumps(value, ensure_ascii=False, indent=2)
    sys.stdout.buffer.write(text.encode("utf-8", "backslashreplace") + b"\n")


def _progress(
    words: str, things: str = "posts", then: str = "", *, quiet: bool = False
) -> AbstractContextManager[Progress | None]:
    """How far a work is, on standard error; where a program reads along, on a terminal only."""
    if quiet and not sys.stderr.isatty():
        return nullcontext()
    return Terminal(stderr=True).progress(words, things, then)


LONGEST_QUESTION = 64 * 1024


@main.command(cls=Asking)
@click.argument("question", nargs=-1)
@knowledge_base_options
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
def ask(question: tuple[str, ...], named: Named, as_json: bool) -> None:
    """Show the fix for QUESTION, or for what is piped in."""
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
    answer = _open_made(named).ask(_text(text))
    if as_json:
        _print_json(answer_json(answer))
    else:
        Terminal().answer(answer)
    sys.exit(ANSWERED if answer.found else NOTHING)


def _text(words: str) -> str:
    """Words as text: bytes of the command line that are no UTF-8 become replacement signs."""
    return words.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


@main.command(cls=Asking)
@click.argument("words", nargs=-1, required=True)
@knowledge_base_options
@click.option("-n", "count", type=click.IntRange(1, 100), default=10, help="How many hits.")
@click.option("--tag", help="Only posts with this tag.")
@click.option("--lang", help="Only posts in this language: en, zh or zh-Hant.")
@click.option("--json", "as_json", is_flag=True, help="Print the hits as JSON.")
@click.option("--explain", is_flag=True, help="Say what each word added to the score.")
def search(
    words: tuple[str, ...],
    named: Named,
    count: int,
    tag: str | None,
    lang: str | None,
    as_json: bool,
    explain: bool,
) -> None:
    """List the posts that hold WORDS, best first."""
    knowledge_base = _open_made(named)
    hits = knowledge_base.search(
        _text(" ".join(words)), per_page=count, tag=tag, lang=lang, explain=explain
    )
    if as_json:
        _print_json(hits_json(hits))
    else:
        Terminal().hits(hits)
    sys.exit(ANSWERED if hits.hits else NOTHING)


@main.command()
@click.argument("folder", required=False)
@knowledge_base_options
@click.option("--host", help="Address to listen on (default 127.0.0.1).")
@click.option("--port", type=click.IntRange(0, 65535), help="Port (default 8000; 0: a free one).")
@click.option("--watch", is_flag=True, help="Follow the posts while serving.")
@click.option("--log", type=click.Choice(["off", "text", "json"]), help="A line per request.")
def serve(
    folder: str | None,
    named: Named,
    host: str | None,
    port: int | None,
    watch: bool,
    log: str | None,
) -> None:
    """Bring the index up to date, then answer on a web page."""
    knowledge_base = _open(named, folder, host=host, port=port, log=log, tell=_log)
    _note_old_index(knowledge_base, _log)

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
        bring_up_to_date(knowledge_base, log_rebuild if as_json else tell)
    except IndexBusy:
        built_at = knowledge_base.info().built_at
        _LOG.warning("another rebuild runs; serving the index of %s", built_at)
    # The one step up: by entry point, so that no module here imports the web.
    (site,) = entry_points(group="fixdex.site")
    site.load()(knowledge_base, functools.partial(follow, knowledge_base) if watch else None)


# Seconds.
_TURN = 0.0005


@main.command()
@click.argument("folder", required=False)
@knowledge_base_options
@click.option("--full", is_flag=True, help="Read every post again.")
@click.option("--jobs", type=click.IntRange(min=1), help="Processes that read posts.")
@click.option("--drafts/--no-drafts", default=None, help="Also index drafts.")
@click.option("--watch", is_flag=True, help="Follow the posts until it is stopped.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.option("--for-server", is_flag=True, hidden=True, help="Notes are told already.")
def rebuild(
    folder: str | None,
    named: Named,
    full: bool,
    jobs: int | None,
    drafts: bool | None,
    watch: bool,
    as_json: bool,
    for_server: bool,
) -> None:
    """Bring the index up to date with the posts."""
    tell_note = _ignore if for_server else _tell
    knowledge_base = _open(named, folder, tell_note, jobs=jobs, drafts=drafts)
    _note_old_index(knowledge_base, tell_note)

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


@main.command()
@knowledge_base_options
@click.option("--all", "every", is_flag=True, help="List every index in the cache.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def status(named: Named, every: bool, as_json: bool) -> None:
    """Say what is indexed, and what changed since."""
    if every:
        kept = read_kept()
        if as_json:
            _print_json([asdict(one) for one in kept])
        else:
            Terminal().kept(kept)
        return
    found = _open(named).status()
    if as_json:
        _print_json({**asdict(found), "stale": found.stale})
    else:
        Terminal().status(found)


@main.command()
@click.argument("folder")
def forget(folder: str) -> None:
    """Remove the index of FOLDER; its posts stay as they are."""
    path = Path(folder).expanduser().absolute()
    place = choose_place(path, None, {**os.environ, "FIXDEX_INDEX": ""})
    if not is_index(place):
        _fail(f"there is no index of {path} in the cache; see fixdex status --all", NOTHING)
    remove(place)
    click.echo(f"the index of {path} is removed")


@main.command()
@knowledge_base_options
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def check(named: Named, as_json: bool) -> None:
    """Name the posts that will not answer, and why."""
    knowledge_base = _open_made(named)
    with _progress("asking for every post", quiet=as_json) as progress:
        checked = check_posts(knowledge_base, progress)
    if as_json:
        _print_json(asdict(checked))
    else:
        Terminal().checked(checked)
    sys.exit(NOTHING if checked.findings else ANSWERED)


@main.command("eval")
@click.argument("questions", type=click.Path(path_type=Path))
@knowledge_base_options
@click.option("--json", "as_json", is_flag=True, help="Print the measures as JSON.")
def evaluation(questions: Path, named: Named, as_json: bool) -> None:
    """Measure how well the posts answer QUESTIONS, a file of JSON lines."""
    asked = read_questions(questions)
    knowledge_base = _open_made(named)
    with _progress("asking", "questions", quiet=as_json) as progress:
        evaluated = evaluate(knowledge_base, asked, progress)
    if as_json:
        _print_json(asdict(evaluated))
    else:
        Terminal().evaluation(evaluated)


@main.command()
@knowledge_base_options
@click.option("--days", type=click.FloatRange(min=0), default=90, help="How far to look back.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def report(named: Named, days: float, as_json: bool) -> None:
    """Say what was asked on the site and wants a post."""
    settings = _open(named).settings
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
