"""Events by mail, an event sink for Busway."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from busway.contracts.health import HealthCheck
from busway.contracts.plugins import PluginContext
from busway.hookspecs import hookimpl

if TYPE_CHECKING:
    from busway_sink_email.settings import EmailSettings
    from busway_sink_email.sink import EmailSink

__version__ = "0.1.0"


@hookimpl
def busway_settings() -> type[EmailSettings]:
    """The settings of this sink."""
    from busway_sink_email.settings import EmailSettings

    return EmailSettings


@hookimpl
def busway_event_sink(context: PluginContext[EmailSettings]) -> EmailSink:
    """Builds the sink; the mail server is first talked to when there is something to send."""
    from busway_sink_email.sink import EmailSink

    return EmailSink(context.settings, app=context.app, root=context.root, clock=context.clock, logger=context.logger)


@hookimpl
def busway_health_checks(context: PluginContext[EmailSettings]) -> Sequence[HealthCheck]:
    """One online check: greet the server, secure the connection and log in, without sending anything."""
    from busway_sink_email.health import checks

    return checks(context.settings, context.root)
