"""Redaction of the standard library's logging, at the last moment: on the finished text.

A filter is too early: it sees neither the joined message nor tracebacks. Two ways, and their limits:

``guard_logging(redactor)``
    Every handler of the process, those made later too, because all of them are asked for their text through
    ``logging.Handler.format``. Not reached: handlers with a ``format`` of their own, and those that send the record
    itself (``SocketHandler``, ``HTTPHandler``, handlers that keep records in memory).
``guard_logging(redactor, logger)``
    The handlers that this logger has now, and no others.

Whoever logs finds the record unchanged. Line breaks and other control characters in a message, in ``extra`` and in
the names of loggers and threads are written as escapes, and the lines of a traceback are indented: no text from
outside begins a line that looks like a record.
"""

from __future__ import annotations

import copy
import logging
import re
import threading
from collections.abc import Callable
from typing import Any

from busway.redaction.redactor import Redactor

__all__ = ["RedactingFormatter", "guard_logging"]

_CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_LAID_OUT = frozenset(("msg", "args", "exc_info", "exc_text", "stack_info"))
_CONTAINERS = (dict, list, tuple, set, frozenset)


class RedactingFormatter(logging.Formatter):
    """Formats with ``inner`` and redacts what comes out.

    When ``inner`` raises, or a message does not fit its arguments, the text is dropped: a marker takes its place, and
    :attr:`Redactor.failures` counts it.
    """

    def __init__(self, inner: logging.Formatter | None, redactor: Redactor) -> None:
        super().__init__()
        self.inner = inner or logging.Formatter()
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        """The finished text of ``record``, redacted. Never raises for what is in the record."""
        try:
            text = self.inner.format(self._harmless(record))
        except Exception:
            return self._redactor.dropped()
        return self._redactor.redact_text(text)

    def _harmless(self, record: logging.LogRecord) -> logging.LogRecord:
        """A copy with everything in place that ``inner`` may ask for."""
        shown = copy.copy(record)
        shown.msg, shown.args = _one_line(self._message(record)), None
        for name, value in vars(record).items():
            if name not in _LAID_OUT:
                setattr(shown, name, self._attribute(name, value))
        if record.exc_info or record.exc_text:
            # Formatters take this text when it is there, and would keep their own in the record.
            shown.exc_text = _indented(record.exc_text or self.inner.formatException(_exc_info(record.exc_info)))
        if record.stack_info:
            shown.stack_info = _indented(str(record.stack_info))
        return shown

    def _message(self, record: logging.LogRecord) -> str:
        if not record.args:
            return record.getMessage()
        joined = copy.copy(record)
        joined.args = self._arguments(record.args)
        try:
            return joined.getMessage()
        except (TypeError, ValueError, KeyError):
            # A marker in the place of a number (%d): the text as it was meant, without what the keys told.
            return record.getMessage()

    def _arguments(self, args: Any) -> Any:
        """Containers lose what their keys give away; single values keep their type for the format."""
        if isinstance(args, tuple):
            return tuple(self._redactor.redact(one) if isinstance(one, _CONTAINERS) else one for one in args)
        return self._redactor.redact(args)

    def _attribute(self, name: str, value: Any) -> Any:
        if name not in _STANDARD:
            (value,) = self._redactor.redact({name: value}).values()
        return _one_line(value) if isinstance(value, str) else value


def _exc_info(found: Any) -> Any:
    return found if isinstance(found, tuple) else (type(found), found, getattr(found, "__traceback__", None))


def _one_line(text: str) -> str:
    """``text`` without anything that ends a line or steers a terminal; such characters as Python writes them."""
    return _CONTROL.sub(lambda found: ascii(found[0])[1:-1], str(text))


def _indented(text: str) -> str:
    return "\n".join("  " + _CONTROL.sub("?", line) for line in text.splitlines())


_guards: list[tuple[object, Redactor]] = []
_changing = threading.Lock()
_plain_format = logging.Handler.format


def _guarded_format(self: logging.Handler, record: logging.LogRecord) -> str:
    formatter = self.formatter
    for _, redactor in tuple(_guards):
        formatter = RedactingFormatter(formatter, redactor)
    return formatter.format(record) if formatter is not None else _plain_format(self, record)


def guard_logging(redactor: Redactor, logger: logging.Logger | None = None) -> Callable[[], None]:
    """Redacts what is logged from now on, see the module for what it reaches; the answer undoes it.

    Guards of several redactors add up, and each is undone alone, in any order.
    """
    return _guard_all(redactor) if logger is None else _guard_handlers(redactor, logger)


def _guard_all(redactor: Redactor) -> Callable[[], None]:
    guard = (object(), redactor)
    with _changing:
        _guards.append(guard)
        logging.Handler.format = _guarded_format  # type: ignore[method-assign]

    def undo() -> None:
        with _changing:
            _guards[:] = [one for one in _guards if one is not guard]
            if not _guards and logging.Handler.format is _guarded_format:
                logging.Handler.format = _plain_format  # type: ignore[method-assign]

    return undo


def _guard_handlers(redactor: Redactor, logger: logging.Logger) -> Callable[[], None]:
    guarded = []
    for handler in logger.handlers:
        formatter = RedactingFormatter(handler.formatter, redactor)
        guarded.append((handler, handler.formatter, formatter))
        handler.setFormatter(formatter)

    def undo() -> None:
        for handler, before, formatter in guarded:
            if handler.formatter is formatter:
                handler.setFormatter(before)

    return undo
