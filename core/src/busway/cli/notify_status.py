"""What ``busway notify status`` shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from busway.cli.events_view import shown
from busway.cli.output import print_table
from busway.cli.text import duration, local_time, plural
from busway.views.history import event_policy

if TYPE_CHECKING:
    from busway.app import App
    from busway.events.digest_status import AudienceStatus
    from busway.events.policy import EventPolicy, Route

__all__ = ["print_status", "status_data"]


def status_data(app: App) -> dict[str, Any]:
    """All of it, for ``--json``. Errors are counted up to now; nothing is sent."""
    from busway.events.digest_content import shown_group

    state, policy = app.events.notifications(), event_policy(app.boot)
    pending = app.events.pending()
    audiences = {audience.name: audience for audience in state.audiences}
    return {
        "next_ns": state.due_ns,
        "digest_seconds": policy.digest_seconds,
        "errors": state.errors,
        "sinks": [
            _sink(one.name, one.object, policy, audiences, pending.get(one.name, 0)) for one in app.objects("sinks")
        ],
        "groups": [shown_group(group) for group in state.groups],
    }


def print_status(data: Mapping[str, Any]) -> None:
    """The same for people."""
    if data["next_ns"] is None:
        click.echo("No error since the last digest.")
    else:
        groups = plural(len(data["groups"]), "group")
        click.echo(f"next digest {local_time(data['next_ns'])}: {plural(data['errors'], 'error')} in {groups}")
    print_table(
        ("SINK", "DIGESTS", "LAST DIGEST", "AT ONCE", "NOT TOLD AT ONCE", "PENDING", "ROUTE"),
        [_sink_row(sink) for sink in data["sinks"]],
        right=(3, 4, 5),
    )
    if data["groups"]:
        click.echo()
        print_table(
            ("COUNT", "LAST", "KIND", "RECORD", "JOB", "MESSAGE"),
            [_group_row(group) for group in data["groups"][:20]],
            right=(0,),
        )
        for step in dict.fromkeys(group["next_step"] for group in data["groups"][:20]):
            click.echo(f"next:  {step}")
    if len(data["groups"]) > 20:
        click.echo(f"and {len(data['groups']) - 20:,} more groups: busway notify status --json")


def _sink(
    name: str, sink: object, policy: EventPolicy, audiences: Mapping[str, AudienceStatus], pending: int
) -> dict[str, Any]:
    from busway.contracts.sinks import SinkTraits

    route = policy.route(name)
    takes = "digests" in SinkTraits.of(sink).receives and route.takes("digest", 0, None)
    audience = audiences.get(name) or audiences.get("*")
    told: dict[str, Any] = {"last": None, "groups": 0, "errors": 0, "suppressed": 0, "messages": 0}
    if takes and audience is not None:
        told = {field: getattr(audience, field) for field in told}
    return {"sink": name, "digests": takes, "pending": pending, "route": _route(route), **told}


def _route(route: Route) -> dict[str, Any]:
    return {
        "severity": route.severity.name.lower(),
        "categories": sorted(route.categories),
        "jobs": sorted(route.jobs),
        "first": route.first,
        "repeat_seconds": route.repeat_seconds,
    }


def _sink_row(sink: Mapping[str, Any]) -> tuple[str, ...]:
    last = sink["last"]
    return (
        sink["sink"],
        "yes" if sink["digests"] else "no",
        f"{last['kind']} {local_time(last['at_ns'])}" if last else "-",
        f"{sink['messages']:,}",
        f"{sink['suppressed']:,}",
        f"{sink['pending']:,}",
        _route_text(sink["route"], digests=sink["digests"]),
    )


def _route_text(route: Mapping[str, Any], *, digests: bool) -> str:
    parts = ["everything" if route["severity"] == "debug" else f"{route['severity']} and above"]
    parts += [f"only {', '.join(route['categories'])}"] if route["categories"] else []
    parts += [f"jobs {', '.join(route['jobs'])}"] if route["jobs"] else []
    if digests:
        again = duration(route["repeat_seconds"])
        parts.append(f"first at once, again after {again}" if route["first"] else "in digests only")
    return "; ".join(parts)


def _group_row(group: Mapping[str, Any]) -> tuple[str, ...]:
    texts = (group["kind"], group["entity_type"], group["job"], group["message"])
    return (f"{group['count']:,}", local_time(group["last_ns"]), *(shown(text) for text in texts))
