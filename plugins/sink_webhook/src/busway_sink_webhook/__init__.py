"""Events to a signed webhook, an event sink for Busway."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from busway.contracts.health import HealthCheck
from busway.contracts.plugins import PluginContext
from busway.hookspecs import hookimpl

if TYPE_CHECKING:
    from busway_sink_webhook.backend import Resolve
    from busway_sink_webhook.settings import WebhookSettings
    from busway_sink_webhook.sink import WebhookSink

__version__ = "0.1.0"


@hookimpl
def busway_settings() -> type[WebhookSettings]:
    """The settings of this sink."""
    from busway_sink_webhook.settings import WebhookSettings

    return WebhookSettings


@hookimpl
def busway_event_sink(context: PluginContext[WebhookSettings]) -> WebhookSink:
    """Builds the sink; nothing is resolved or connected before the first delivery."""
    from busway_sink_webhook.backend import resolve
    from busway_sink_webhook.sink import WebhookSink

    resolver = cast("Resolve", context.doubles.get("resolver", resolve))
    return WebhookSink(
        context.settings,
        app=context.app,
        root=context.root,
        clock=context.clock,
        resolve=resolver,
        logger=context.logger,
    )


@hookimpl
def busway_health_checks(context: PluginContext[WebhookSettings]) -> Sequence[HealthCheck]:
    """One online check: the address resolves, and may be connected to. Nothing is sent."""
    from busway_sink_webhook.health import checks

    return checks(context.settings)
