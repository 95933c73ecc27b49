"""Following: a server's index is brought up to date with its posts, and kept so."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
from collections.abc import Callable

from indexer.index.rebuild import File, MuchToDo, Report
from indexer.index.storage import IndexFault
from indexer.index.watching import changes
from indexer.knowledge_base import KnowledgeBase, NoIndex
from indexer.logs import SERVER

_LOG = logging.getLogger(SERVER)
# Without `-P` a process imports what lies in the current folder, which may be a folder of posts.
_PYTHON = (sys.executable, "-P")
# What the log tells of a rebuild.
_TOLD = ("indexed", "added", "changed", "removed", "unchanged", "repaired", "skipped", "seconds")
# A server brings its index up to date with so many posts itself.
_FEW = 200


def bring_up_to_date(knowledge_base: KnowledgeBase, tell: Callable[[Report], None]) -> None:
    """Rebuilds and tells the report; where much is to be done, another process does both.

    Much takes memory that a process does not give back, and time that its visitors would wait.
    """
    try:
        tell(knowledge_base.rebuild(most=_FEW))
        return
    except MuchToDo:
        place, folder = str(knowledge_base.place), str(knowledge_base.folder)
        command = [*_PYTHON, "-m", "indexer.cli", "rebuild", folder, "--index", place]
        command.append("--for-server")
    if knowledge_base.settings.trust_index:
        command.append("--trust-index")
    as_json = knowledge_base.settings.log == "json"
    if as_json:
        done = subprocess.run([*command, "--json"], capture_output=True)
    else:
        done = subprocess.run(command, stdout=sys.stderr.fileno())
    if done.returncode != 0:
        said = (done.stderr or b"see what it says above").decode("utf-8", "replace").strip()
        raise IndexFault(f"the rebuild of {folder} failed; {said}")
    if as_json:
        report = json.loads(done.stdout)
        tell(Report(**{**report, "files": tuple(File(**file) for file in report["files"])}))


def follow(knowledge_base: KnowledgeBase, stop: threading.Event) -> None:
    """Rebuilds whenever posts change, and opens what was made, until it is to stop."""

    def tell(report: Report) -> None:
        if report.added or report.changed or report.removed:
            log_rebuild(report)

    for _ in changes(knowledge_base.folder, knowledge_base.place, stop):
        try:
            bring_up_to_date(knowledge_base, tell)
            # Whoever asks meanwhile is answered out of the one before.
            knowledge_base.warm_up()
        except (IndexFault, NoIndex, OSError) as error:
            # The next change tries again.
            _LOG.warning("not rebuilt: %s", error)
        except Exception:
            # A fault of ours with what was written must not end the site; the log names the place.
            _LOG.exception("not rebuilt")


def log_rebuild(report: Report) -> None:
    """A line of the log about a rebuild."""
    told = {name: getattr(report, name) for name in _TOLD}
    changes = [f"{told[name]} {name}" for name in ("added", "changed", "removed") if told[name]]
    what = ", ".join(changes) or "nothing changed"
    _LOG.info("rebuilt: %s (%.1f s)", what, report.seconds, extra={"fields": told})
