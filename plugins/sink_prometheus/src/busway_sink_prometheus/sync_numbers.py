"""Numbers about synchronisation, counted from events: rate, errors and duration of each job."""

from __future__ import annotations

from collections.abc import Iterable

from busway.contracts.events import Event
from busway_sink_prometheus.totals import Totals, labelled

__all__ = ["HELP", "count_events"]

HELP = {
    "busway_sync_records_total": "Records by job and what was done with them.",
    "busway_sync_sessions_total": "Sessions that ended, by job and outcome.",
    "busway_sync_duration_seconds": "Duration of the last session of the job.",
    "busway_sync_last_success_timestamp_seconds": "When the job last ended without an error.",
    "busway_events_total": "Events by category and severity.",
}
ACTIONS = ("created", "updated", "deleted", "skipped", "errors")


def count_events(totals: Totals, events: Iterable[Event]) -> None:
    """Counts every event that was not counted before."""
    for event in events:
        if totals.is_new(event.event_id):
            labels = {"category": event.category, "severity": event.severity.name.lower()}
            totals.add(labelled("busway_events_total", **labels))
            if event.category == "session":
                _session(totals, event)


def _session(totals: Totals, event: Event) -> None:
    told = event.attributes
    job = str(told.get("name", ""))
    if told.get("operation") == "interrupted":
        totals.add(labelled("busway_sync_sessions_total", job=job, outcome="interrupted"))
    elif told.get("operation") == "ended":
        _ended(totals, job, event)


def _ended(totals: Totals, job: str, event: Event) -> None:
    told = event.attributes
    for action in ACTIONS:
        totals.add(labelled("busway_sync_records_total", job=job, action=action), _number(told.get(action)))
    failed = _number(told.get("errors")) > 0
    totals.add(labelled("busway_sync_sessions_total", job=job, outcome="errors" if failed else "ok"))
    totals.gauges[labelled("busway_sync_duration_seconds", job=job)] = _number(told.get("duration_seconds"))
    if not failed:
        when = labelled("busway_sync_last_success_timestamp_seconds", job=job)
        totals.gauges[when] = max(totals.gauges.get(when, 0.0), event.timestamp / 1e9)


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
