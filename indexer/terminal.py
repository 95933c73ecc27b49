"""What the command line prints: coloured and highlighted on a terminal, plain when piped."""

from __future__ import annotations

import math
import shlex
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta

from rich.console import Console
from rich.filesize import decimal
from rich.markup import escape
from rich.padding import Padding
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from indexer.answers.answers import Answer, Citation, Found, Hits
from indexer.answers.colours import spans
from indexer.asked import Reported
from indexer.checks import Checked
from indexer.evaluation import Evaluation, Measure
from indexer.fixes.fixes import Step
from indexer.index.rebuild import Progress as Advance
from indexer.index.rebuild import Report
from indexer.index.status import Status
from indexer.places import Kept
from indexer.search.snippets import Snippet

_MOST_NAMED, _LONGEST_QUESTION, _LONGEST_CODE = 20, 160, 20_000
# Seconds between two lines about how far a work is.
_EVERY = 5.0


_EXAMPLES = (
    ('fixdex ask "Permission denied (publickey)"', "the fix, from the notes in this folder"),
    ("make 2>&1 | fixdex ask", "the fix for what just failed"),
    ("fixdex serve ~/notes", "a search page for a folder of notes"),
)

# Posts are other people's text: what would steer a terminal is shown instead.
_CONTROLS = {n: f"\\x{n:02x}" for n in (*range(32), *range(127, 160)) if chr(n) not in "\n\t"}


def end_with_reader() -> None:
    """From here on this process ends without a word when its reader does, as `cat` would."""
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)


def shown(text: str) -> str:
    """A text without what would steer a terminal."""
    return text.translate(_CONTROLS)


def _name(text: str) -> str:
    """A title or a path, on one line."""
    return shown(text).replace("\n", "\\n")


_STYLES = {
    "": "", "c": "dim", "k": "magenta", "s": "green", "m": "cyan", "n": "blue",
    "+": "green", "-": "red", "@": "cyan",
}  # fmt: skip


def _changes(diff: str) -> Iterator[tuple[str, str]]:
    """The lines of a diff with the sign that each begins with."""
    for line in diff.splitlines(keepends=True):
        yield line[:1] if line[:1] in ("+", "-", "@") else "", line


class Terminal:
    """Standard output or standard error, for a person to read."""

    def __init__(self, *, stderr: bool = False) -> None:
        if not stderr:
            end_with_reader()
        # Piped text is not wrapped: a line of a post stays a line.
        self._console = Console(stderr=stderr, highlight=False, soft_wrap=True, emoji=False)

    def _print(self, text: str = "", style: str = "") -> None:
        self._console.print(Text(shown(text), style=style))

    def welcome(self, commands: Mapping[str, str]) -> None:
        """What Fixdex is, three examples, and its commands with what each does."""
        self._print("Paste an error, get the fix, out of your own posts.\n", "bold")
        for command, does in _EXAMPLES:
            self._print(f"  {command.ljust(44)}  {does}")
        self._print("\nCommands", "bold")
        for name, does in commands.items():
            self._print(f"  {name.ljust(8)}  {does}")
        self._print("\nEach says more with --help.", "dim")

    def answer(self, answer: Answer) -> None:
        """The fix with where it stands; else what may help, or that nothing does."""
        if answer.found is not None:
            self._found(answer.found, answer.confidence)
            if answer.alternatives:
                self._print("\nSee also", "dim")
        elif answer.state == "related":
            self._print("No post has a fix to vouch for; these may help:", "bold yellow")
        else:
            self._print("Nothing matches.", "bold yellow")
            if answer.unmatched:
                self._print("No post has: " + ", ".join(answer.unmatched), "dim")
            return
        shown = answer.alternatives[: 3 if answer.found else 10]
        for other in shown:
            self._post(other.post, other.anchor)
            if answer.found is None:
                self._snippet(other.snippet)

    def _found(self, found: Found, sure: float) -> None:
        self._console.print(Text(_name(found.post.title), style="bold"))
        details = [_name(found.post.path), *([found.post.date] if found.post.date else [])]
        self._print(f"{'  '.join(details)}  ({sure:.0%} sure)", "dim")
        if found.fix.lead:
            self._print("\n" + found.fix.lead)
        for step in found.fix.steps:
            self._print()
            self._step(step)
        if found.fix.diff:
            self._print("\nWhat changes", "bold")
            self._code(found.fix.diff, "diff")
        place = found.fix.steps[0].line
        self._print(f"\n{found.post.link or _name(found.post.path)}, line {place}", "dim")

    def _step(self, step: Step) -> None:
        if step.kind == "text":
            self._print(step.text)
        else:
            self._code(step.text, step.language)

    def _code(self, code: str, language: str) -> None:
        code = shown(code)
        if not self._console.is_terminal or len(code) > _LONGEST_CODE:
            # Laid out and coloured, megabytes take minutes.
            self._console.out(code, highlight=False)
            return
        pieces = _changes(code) if language == "diff" else spans(code, language)
        text = Text.assemble(*((piece, _STYLES[kind]) for kind, piece in pieces))
        self._console.print(Padding(text, (0, 0, 0, 2)))

    def hits(self, hits: Hits) -> None:
        """A list of hits with their passages."""
        if not hits.hits:
            self._print("Nothing matches.", "bold yellow")
        if hits.suggestion:
            self._print(f"Did you mean: {hits.suggestion}", "yellow")
        for number, hit in enumerate(hits.hits, hits.per_page * (hits.page - 1) + 1):
            self._console.print(Text.assemble(f"{number}. ", (_name(hit.post.title), "bold")))
            place = f"{hit.post.path}#{hit.anchor}" if hit.anchor else hit.post.path
            self._print(f"   {_name(place)}{'  has a fix' if hit.has_fix else ''}", "dim")
            self._snippet(hit.snippet)
            if hit.why is not None:
                added = ", ".join(f"{term} {value:.2f}" for term, value in hit.why[:12])
                self._print(f"   score {hit.score:.2f} = {added}", "dim")
        if hits.total > len(hits.hits):
            self._print(f"{len(hits.hits)} of {hits.total} posts", "dim")

    def _post(self, post: Citation, anchor: str) -> None:
        place = f"{post.path}#{anchor}" if anchor else post.path
        title, place = _name(post.title), _name(place)
        self._console.print(Text.assemble("- ", (title, "bold"), (f"  {place}", "dim")))

    def _snippet(self, snippet: Snippet) -> None:
        # One character for one: the ranges still fit.
        text = Text(snippet.text.translate(dict.fromkeys(_CONTROLS, "\ufffd")))
        for start, end in snippet.ranges:
            text.stylize("bold cyan", start, end)
        line = Text("   ")
        line.append_text(text)
        line.plain = line.plain.replace("\n", " ")
        self._console.print(line)

    def report(self, report: Report, folder: str) -> None:
        """What a rebuild did, with every file that was skipped or repaired and why."""
        parts = [f"{report.indexed} posts of {folder} are indexed"]
        for name in ("added", "changed", "removed", "unchanged", "repaired", "skipped"):
            if count := getattr(report, name):
                parts.append(f"{count} {name}")
        self._print(", ".join(parts) + f" ({report.seconds:.1f} s)")
        told = [f for f in report.files if f.reason]
        told.sort(key=lambda file: file.state != "skipped")
        for file in told[:_MOST_NAMED]:
            what = "skipped" if file.state == "skipped" else "repaired"
            self._console.print(
                f"  [yellow]{what}[/] {escape(_name(file.path))}: {escape(file.reason or '')}"
            )
        if len(told) > _MOST_NAMED:
            self._print(
                f"  and {len(told) - _MOST_NAMED} more; all of them: fixdex rebuild --json", "dim"
            )

    def status(self, status: Status) -> None:
        """What is indexed, and what changed since."""
        languages = ", ".join(f"{lang} {count:,}" for lang, count in status.languages.items())
        stands = [
            ("posts", f"{status.posts:,} in {_name(status.folder)} ({languages or 'none'})"),
            ("problems", f"{status.problems:,}"),
            ("index", f"{_name(status.place)} ({decimal(status.size_bytes)})"),
            ("build", f"{status.build}, {_ago(status.age_seconds)} ({status.built_at})"),
        ]
        if status.repaired:
            stands.append(("repaired", f"{len(status.repaired):,}; why: fixdex status --json"))
        if status.skipped:
            stands.append(("skipped", f"{len(status.skipped):,}"))
        self._table(stands)
        self._files("skipped", [f"{one.path}: {one.reason}" for one in status.skipped], "dim")
        changes = []
        for name in ("added", "changed", "removed"):
            paths: tuple[str, ...] = getattr(status, name)
            self._files(name, paths, "yellow")
            if paths:
                changes.append(f"{len(paths):,} {name}")
        if status.stale:
            again = f"fixdex rebuild {shlex.quote(status.folder)}"
            self._print(f"stale: {', '.join(changes)}; bring it up to date with: {again}", "bold")
        else:
            self._print("up to date", "bold green")

    def kept(self, kept: Sequence[Kept]) -> None:
        """Every index in the cache, by the folder it was made from."""
        for one in kept:
            self._print(_name(one.folder), "bold")
            there = (
                ""
                if one.there
                else "; the folder is gone: fixdex forget " + shlex.quote(one.folder)
            )
            size = decimal(one.size_bytes)
            self._print(f"  {one.posts:,} posts, {size}, built {one.built_at}{there}", "dim")
        if not kept:
            self._print("no folder is indexed yet")

    def _table(self, rows: Sequence[tuple[str, str]]) -> None:
        """Rows of a name and what stands for it; on a narrow terminal this goes on below itself."""
        if not self._console.is_terminal:
            width = max(len(name) for name, _ in rows)
            for name, value in rows:
                self._print(f"{name.ljust(width)}  {value}")
            return
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(style="dim", no_wrap=True)
        table.add_column(overflow="fold")
        for name, value in rows:
            table.add_row(name, Text(shown(value)))
        self._console.print(table, soft_wrap=False)

    def _files(self, what: str, files: Sequence[str], style: str) -> None:
        for file in files[:_MOST_NAMED]:
            self._print(f"  {what} {_name(file)}", style)
        if len(files) > _MOST_NAMED:
            more = f"{len(files) - _MOST_NAMED:,} more {what}; all of them: fixdex status --json"
            self._print(f"  and {more}", "dim")

    def asked(self, rows: Sequence[Reported]) -> None:
        """What was asked and wants a post, most wanted first."""
        for row in rows:
            why = ", ".join(reason.replace("_", " ") for reason in row.reasons)
            helped = f", did not help {row.did_not_help} times" if row.did_not_help else ""
            outcome = {"answer": "answered", "none": "nothing found"}.get(row.outcome, row.outcome)
            self._print(_name(row.question)[:_LONGEST_QUESTION])
            told = f"  asked {row.times} times, {outcome}{helped}{f' ({why})' if why else ''}"
            self._print(told, "dim")
        if not rows:
            self._print("nothing asked lately wants a post")

    def checked(self, checked: Checked) -> None:
        """Every finding, post by post."""
        path = None
        for one in checked.findings:
            if one.path != path:
                path = one.path
                self._print(path, "bold")
            place = f"line {one.line}: " if one.line else ""
            self._console.print(
                Text.assemble(f"  {place}", (one.kind, "yellow"), f": {one.reason}")
            )
        found = len({one.path for one in checked.findings})
        self._print(f"{checked.posts} posts checked, {found} of them with findings")

    def evaluation(self, evaluation: Evaluation) -> None:
        """A table by kind of question, the measures with their 95 % intervals."""
        names = ("kind", "n", "hit@1", "95 %", "hit@3", "MRR@10", "Fix@1", "95 %", "given",
                 "answered", "median ms", "95th ms")  # fmt: skip
        rows = [names]
        rows += [
            (
                one.kind, str(one.count), _figure(one.hit1), _interval(one.hit1),
                _figure(one.hit3), _figure(one.mrr10), _figure(one.fix1), _interval(one.fix1),
                _figure(one.given), _figure(one.answered),
                f"{one.median_ms:.1f}", f"{one.p95_ms:.1f}",
            )
            for one in evaluation.kinds
        ]  # fmt: skip
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows if evaluation.kinds else ():
            kind, *figures = (cell.rjust(width) for cell, width in zip(row, widths, strict=True))
            self._print("  ".join([kind.lstrip().ljust(widths[0]), *figures]))
        if (none := evaluation.abstention) is not None:
            self._print(
                f"{none.count} questions without an answer: {_figure(none.answered)} of them"
                f" answered ({_interval(none.answered)}),"
                f" AUROC {_figure(none.auroc)} ({_interval(none.auroc)})"
            )
        for missed in evaluation.missed[:_MOST_NAMED]:
            question = " ".join(missed.question.split())[:80]
            place = f"place {missed.place}" if missed.place else "not in the first ten"
            wanted = f"wanted {missed.wanted[0]} ({place}), got {missed.first or 'none'}"
            self._print(f"  {question}: {wanted}", "dim")
        if len(evaluation.missed) > _MOST_NAMED:
            self._print(f"  and {len(evaluation.missed) - _MOST_NAMED} more; all: --json", "dim")
        for path in evaluation.unknown[:_MOST_NAMED]:
            self._print(f"  no such post in the index: {path}", "yellow")

    @contextmanager
    def progress(
        self, words: str, things: str, then: str = "", every: float = _EVERY
    ) -> Iterator[Advance]:
        """Says how far a long work is, how fast it goes and when it may be done.

        A bar on a terminal; elsewhere a line every so many seconds. `then` is what still comes
        when all things are done.
        """
        if not self._console.is_terminal or self._console.is_dumb_terminal:
            yield self._lines(words, things, every)
            return
        columns = (TextColumn("{task.description}"), BarColumn(24), MofNCompleteColumn(),
                   TextColumn("{task.fields[pace]}"))  # fmt: skip
        started = time.monotonic()
        with Progress(*columns, console=self._console, transient=True) as bars:
            task = bars.add_task(words, total=None, pace="")

            def advance(done: int, total: int) -> None:
                pace = _pace(done, total, time.monotonic() - started, things)
                told = then if then and done >= total else words
                bars.update(task, completed=done, total=total, pace=pace, description=told)

            yield advance

    def _lines(self, words: str, things: str, every: float) -> Advance:
        started = told = time.monotonic()

        def advance(done: int, total: int) -> None:
            nonlocal told
            now = time.monotonic()
            if now - told >= every:
                told = now
                pace = _pace(done, total, now - started, things)
                self._print(f"{words}: {done:,} of {total:,} ({done / total:.0%}), {pace}")

        return advance


def _pace(done: int, total: int, seconds: float, things: str) -> str:
    """How fast a work goes, and what is left of it at this pace."""
    if not done:
        return ""
    rate = done / max(seconds, 1e-9)
    pace = f"{rate:,.0f} {things}/s" if rate >= 10 else f"{rate:.1f} {things}/s"
    left = round((total - done) / rate)
    return f"{pace}, {timedelta(seconds=left)} left" if done < total else pace


_UNITS = (("day", 86400), ("hour", 3600), ("minute", 60))


def _ago(seconds: int) -> str:
    """A time that passed, in its largest unit."""
    for unit, length in _UNITS:
        if (count := seconds // length) > 0:
            return f"{count:,} {unit}{'s' if count > 1 else ''} ago"
    return "just now"


def _figure(measure: Measure | None) -> str:
    return "-" if measure is None or math.isnan(measure.value) else f"{measure.value:.3f}"


def _interval(measure: Measure | None) -> str:
    return "-" if measure is None else f"{measure.low:.2f}-{measure.high:.2f}"
