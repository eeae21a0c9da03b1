"""The built-in sink ``log``: the audit trail of this process, to a file or to standard error."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from busway.contracts.events import Event, Severity
from busway.contracts.plugins import PluginContext
from busway.contracts.sinks import Delivery
from busway.events.log_format import as_json, as_text
from busway.hookspecs import hookimpl
from busway.stores.file_lock import PRIVATE_FILE

__all__ = ["LogSink", "busway_event_sink"]

STANDARD_ERROR = "-"
AUDIT_LOG = "audit.log"


class LogSink:
    """Appends a line per event to ``path`` (mode 0600), or writes it to standard error when there is none.

    The file is opened for every batch: after a rotation by somebody else, the next batch goes to the new file.
    """

    batch_size = 500
    scope = "process"
    receives = frozenset({"events", "digests"})
    atomic = True

    def __init__(
        self, path: Path | None, *, text: bool = False, level: Severity = Severity.INFO, app: str = ""
    ) -> None:
        """
        :param text: a line of text for each event, else a JSON object.
        :param level: events below it are taken and not written.
        :param app: the name of the deployment, for the JSON.
        """
        self._path = path
        self._app = app
        self._render = as_text if text else as_json
        self._level = level

    def deliver(self, events: list[Event]) -> Delivery:
        """Writes the batch with one append."""
        lines = b"".join(self._render(event, app=self._app) for event in events if event.severity >= self._level)
        if lines:
            self._write(lines)
        return Delivery.done(events)

    def close(self) -> None:
        """Nothing is kept open."""

    def _write(self, lines: bytes) -> None:
        if self._path is None:
            sys.stderr.write(lines.decode())
            sys.stderr.flush()
            return
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        descriptor = os.open(self._path, flags, PRIVATE_FILE)
        try:
            _append(descriptor, lines)
        finally:
            os.close(descriptor)


def _append(descriptor: int, lines: bytes) -> None:
    """All of ``lines``, or none of them: the batch comes again, and half a line would spoil the next one."""
    begun, written = os.fstat(descriptor).st_size, 0
    try:
        while written < len(lines):
            written += os.write(descriptor, memoryview(lines)[written:])
    except OSError:
        # Only where nobody else has appended behind it: their lines are not ours to cut off.
        if written and os.fstat(descriptor).st_size == begun + written:
            os.ftruncate(descriptor, begun)
        raise


@hookimpl
def busway_event_sink(context: PluginContext[Any]) -> LogSink:
    """Reads ``log_file`` (empty: ``audit.log`` in the state folder; ``-``: standard error), format and level."""
    settings = context.settings
    log_file = str(getattr(settings, "log_file", "") or "")
    level = str(getattr(settings, "log_level", "") or "INFO").upper()
    return LogSink(
        _path(log_file, context),
        text=str(getattr(settings, "log_format", "json")) == "text",
        level=Severity.__members__.get(level, Severity.INFO),
        app=context.app,
    )


def _path(log_file: str, context: PluginContext[Any]) -> Path | None:
    if log_file == STANDARD_ERROR:
        return None
    return context.root / log_file if log_file else context.state_dir / AUDIT_LOG
