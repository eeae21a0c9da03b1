"""Events as signed JSON lines in a file, for a pager that watches it."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from pathlib import Path

from busway import Delivery, Event, HealthCheck, HealthResult, PluginContext, Secret, Settings, hookimpl, setting


class PagerSettings(Settings):
    """Where the lines go, and what they are signed with."""

    file: Path = setting(Path("pager.jsonl"), env="ACME_PAGER_FILE", doc="The file, relative to busway.toml.")
    key: Secret = setting(env="ACME_PAGER_KEY", doc="Signs every line with HMAC-SHA256.")


class PagerSink:
    """Appends a line for each event. One thread calls it, in order; an event may come a second time, with its id."""

    batch_size = 50

    def __init__(self, path: Path, key: Secret) -> None:
        self._path = path
        self._key = key

    def deliver(self, events: list[Event]) -> Delivery:
        """Appends the batch. What this raises means that nothing arrived: the core keeps the events and comes back."""
        with self._path.open("a", encoding="ascii") as file:
            file.writelines(self._line(event) for event in events)
        return Delivery.done(events)

    def close(self) -> None:
        """Nothing is kept open between batches."""

    def _line(self, event: Event) -> str:
        told = {
            "id": event.event_id,
            "severity": event.severity.name,
            "category": event.category,
            "entity": event.entity_type,
            "message": event.error.message if event.error else "",
        }
        body = json.dumps(told)
        key = self._key.get_secret_value().encode()  # asked for each time, so that a new key counts at once
        return json.dumps({"body": body, "signature": hmac.digest(key, body.encode(), hashlib.sha256).hex()}) + "\n"


@hookimpl
def busway_settings() -> type[PagerSettings]:
    return PagerSettings


@hookimpl
def busway_event_sink(context: PluginContext[PagerSettings]) -> PagerSink:
    return PagerSink(context.root / context.settings.file, context.settings.key)


@hookimpl
def busway_health_checks(context: PluginContext[PagerSettings]) -> list[HealthCheck]:
    folder = (context.root / context.settings.file).parent

    def check() -> HealthResult:
        if os.access(folder, os.W_OK):
            return HealthResult("ok", f"lines go to {folder}")
        return HealthResult("failed", f"{folder} cannot be written to", "set ACME_PAGER_FILE")

    return [HealthCheck("pager.file", check)]
