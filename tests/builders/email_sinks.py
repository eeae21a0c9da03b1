"""Email sinks for the mail server of the tests, built as the host builds them."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from builders.smtp_server import SmtpServer
from busway.contracts.plugins import PluginContext
from busway_sink_email import busway_event_sink
from busway_sink_email.settings import EmailSettings
from busway_sink_email.sink import EmailSink

__all__ = ["NIGHT", "OPS", "EmailSinks", "context_for"]

OPS, NIGHT = "ops@example.test", "night@example.test"


def context_for(server: SmtpServer, /, **changes: Any) -> PluginContext[EmailSettings]:
    """What the host hands to the plugin, with settings that lead to ``server``."""
    values: dict[str, Any] = {
        "server": "localhost",
        "port": server.port,
        "tls": server.tls,
        "ca_file": server.ca_file,
        "sender": "busway@example.test",
        "recipients": (OPS, NIGHT),
    }
    return PluginContext("email", EmailSettings(**{**values, **changes}), app="acme")


class EmailSinks:
    """Makes sinks, and closes them at the end."""

    def __init__(self) -> None:
        self._made: list[EmailSink] = []

    def __call__(self, server: SmtpServer, /, **changes: Any) -> EmailSink:
        self._made.append(busway_event_sink(context_for(server, **changes)))
        return self._made[-1]

    def __enter__(self) -> EmailSinks:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for sink in self._made:
            sink.close()
