"""Logs of a process: one line a record, JSON for machines or text for people, to standard error.

A line says which request it belongs to, and never what only its client may know: no key, no prompt, no body, no query
string. Only our own loggers and the server's follow the level that was asked for; libraries speak from warnings up,
since some of theirs quote what they were given.
"""

import json
import logging
import sys
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

from aiprod_server.redaction import redacted

Form = Literal["json", "text"]
REQUEST_ID: ContextVar[str | None] = ContextVar("request_id", default=None)
OURS = ("aiprod_core", "aiprod_pipelines", "aiprod_server", "aiprod_cloud", "uvicorn")
MESSAGE_CHARS, TRACE_CHARS = 2000, 20_000


def configure(level: str, form: Form, stream: TextIO | None = None) -> None:
    """Send all logs of this process to `stream`, by default standard error; whatever was set up before is replaced.

    Args:
        level: debug, info, warning or error.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter({"json": JsonLine, "text": TextLine}[form]())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for logger in map(logging.getLogger, OURS):
        logger.handlers.clear()
        logger.propagate = True
        logger.setLevel(level.upper())
    logging.getLogger("uvicorn.access").disabled = True  # it writes paths with ids and query strings


def facts_of(record: logging.LogRecord) -> dict[str, Any]:
    """What a record says besides its message: `logger.info("…", extra={"facts": {…}})`."""
    facts: Mapping[str, Any] = getattr(record, "facts", {})
    return {name: redacted(value) if isinstance(value, str) else value for name, value in facts.items()}


class JsonLine(logging.Formatter):
    """One JSON object: time (RFC 3339, UTC), level, logger, message, request_id, trace, and the record's facts."""

    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _message(record),
        }
        if (request_id := REQUEST_ID.get()) is not None:
            entry["request_id"] = request_id
        if record.exc_info:
            entry["trace"] = _trace(self, record)
        return json.dumps(facts_of(record) | entry, default=str)


class TextLine(logging.Formatter):
    """The same for a terminal: local time, level, message; a trace below it."""

    def format(self, record: logging.LogRecord) -> str:
        clock = datetime.fromtimestamp(record.created).strftime("%H:%M:%S")
        line = f"{clock} {record.levelname.lower():<7} {_message(record)}"
        return f"{line}\n{_trace(self, record)}" if record.exc_info else line


def _message(record: logging.LogRecord) -> str:
    said = redacted(record.getMessage())
    return said if len(said) <= MESSAGE_CHARS else said[: MESSAGE_CHARS - 1] + "…"


def _trace(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    assert record.exc_info
    return redacted(formatter.formatException(record.exc_info))[-TRACE_CHARS:]
