"""Logs: what a server says on standard error of what it does, as text or as lines of JSON."""

from __future__ import annotations

import json
import logging
import traceback
from datetime import UTC, datetime
from typing import Any

# What a server tells of itself, and of the requests it answers.
SERVER = "fixdex"
REQUESTS = "fixdex.requests"


def begin(form: str) -> None:
    """From here on whatever logs in this process does so on standard error, in one form.

    `json` is a line of JSON each; `text` and `off` are text, and `off` tells of no request but
    those that failed.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(_Json() if form == "json" else _Text())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.captureWarnings(True)
    # It warns of every request that waits for a thread: under load, hundreds of lines a second.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    logging.getLogger(SERVER).setLevel(logging.INFO)
    logging.getLogger(REQUESTS).setLevel(logging.WARNING if form == "off" else logging.INFO)


def trace(error: BaseException | None) -> tuple[str, ...]:
    """Where an exception was raised, and what caused it, by kind and place.

    Not what it says: that may hold what a visitor asked.
    """
    told: list[str] = []
    for _ in range(_DEEPEST):
        if error is None:
            break
        frames = traceback.walk_tb(error.__traceback__)
        places = [f"{f.f_code.co_filename}:{line} in {f.f_code.co_name}" for f, line in frames]
        told = [*places[-_MOST_FRAMES:], type(error).__qualname__, *told]
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return tuple(told)


_DEEPEST, _MOST_FRAMES = 5, 40


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    fields = dict(getattr(record, "fields", {}))
    if record.exc_info and "trace" not in fields:
        fields["trace"] = trace(record.exc_info[1])
    return fields


def _message(record: logging.LogRecord) -> str:
    message = record.getMessage()
    if record.name.startswith("waitress"):
        # It names the address it was serving, which may be anything that a visitor typed.
        message = message.partition(" while serving ")[0]
    return message


def _time(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class _Json(logging.Formatter):
    """A record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _message(record),
            **_fields(record),
        }
        return json.dumps(line, default=str)


class _Text(logging.Formatter):
    """A record as a line for a person, and below it where a fault was raised."""

    def format(self, record: logging.LogRecord) -> str:
        fields = _fields(record)
        level = "" if record.levelno == logging.INFO else f"{record.levelname.lower()}: "
        request = f" ({fields['request_id']})" if "request_id" in fields else ""
        line = f"{_time(record)} {level}{_message(record)}{request}"
        return "\n    ".join([line.replace("\n", " "), *fields.get("trace", ())])
