"""``busway events tail``: the latest events, and with ``-f`` those that follow."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import click

from busway.cli.events_csv import BOM, EVENT_COLUMNS, csv_line, print_csv
from busway.cli.events_filters import csv_options, filter_options, operation_option, selection
from busway.cli.events_view import event_line
from busway.cli.history import open_ledger
from busway.cli.invocation import invocation_of
from busway.cli.output import emit_result, json_option

if TYPE_CHECKING:
    from busway.events.follower import Follower
    from busway.events.ledger import Ledger, Selection

__all__ = ["tail"]

POLL_SECONDS = 0.2
RECENT = 500
"""Rows of the ledger that are looked at for what the journals do not have any more."""
REMEMBERED = 20_000
"""Ids of what was printed; more than :data:`RECENT` by far."""
Row = Mapping[str, Any]


@click.command()
@click.option("-n", "--lines", type=click.IntRange(0, 100_000), default=20, show_default=True, help="So many.")
@click.option("-f", "--follow", is_flag=True, help="Go on with what is journalled, until Ctrl-C.")
@click.option("--category", help="Only of this category: change, skip, error, session, digest, system, audit.")
@filter_options
@operation_option
@csv_options
@json_option
@click.pass_context
def tail(
    ctx: click.Context,
    /,
    lines: int,
    follow: bool,
    session: str | None,
    as_json: bool,
    as_csv: bool,
    bom: bool,
    **wanted: Any,
) -> None:
    """The latest events, oldest first. With ``-f`` and ``--json``, one JSON object a line."""
    if follow:
        _follow(ctx, lines, session, _as_json if as_json else _as_csv(bom) if as_csv else event_line, wanted)
        return
    with open_ledger(ctx) as ledger:
        chosen = selection(ledger, session=session, **wanted)
        rows = [row.as_dict() for row in ledger.tail(lines, chosen)]
    if as_csv and not as_json:
        print_csv(EVENT_COLUMNS, rows, bom=bom)
        return

    def text() -> None:
        for row in rows:
            click.echo(event_line(row))
        if not rows:
            click.echo("No event recorded that fits.")

    emit_result("busway.events/1", rows, as_json=as_json, text=text)


def _follow(
    ctx: click.Context, lines: int, session: str | None, shown: Callable[[Row], str], wanted: dict[str, Any]
) -> None:
    follower = _follower(ctx)  # before the history is read, so that nothing falls between the two
    with open_ledger(ctx) as ledger:
        chosen = selection(ledger, session=session, **wanted)
        told = _Told(shown)
        begun = told.begin([row.as_dict() for row in ledger.tail(lines, chosen)])
        jobs: dict[str, str | None] = {}
        while True:
            news = [row for record in follower.news() if (row := _row(record, jobs)) and _fits(row, chosen)]
            told.tell(news)
            # A journal that was written, delivered and deleted between two looks is in the ledger.
            told.tell([row for row in _recent(ledger, chosen) if row["event_id"] > begun])
            time.sleep(POLL_SECONDS)


class _Told:
    """Prints each event once, whichever way it came."""

    def __init__(self, shown: Callable[[Row], str]) -> None:
        self._shown = shown
        self._ids: dict[str, None] = {}

    def begin(self, rows: list[dict[str, Any]]) -> str:
        """Prints the history; an id that is greater than all before."""
        from busway.events.ids import new_event_id

        self.tell(rows)
        return max([new_event_id(), *(str(row["event_id"]) for row in rows)])

    def tell(self, rows: list[dict[str, Any]]) -> None:
        for row in rows:
            if row["event_id"] not in self._ids:
                click.echo(self._shown(row))
                self._ids[row["event_id"]] = None
        while len(self._ids) > REMEMBERED:
            self._ids.pop(next(iter(self._ids)))


def _recent(ledger: Ledger, chosen: Selection) -> list[dict[str, Any]]:
    return [row.as_dict() for row in ledger.tail(RECENT, chosen)]


def _follower(ctx: click.Context) -> Follower:
    from busway.events.follower import Follower
    from busway.events.journal_reader import JournalFolder
    from busway.stores.state_dir import JOURNAL

    return Follower(JournalFolder(invocation_of(ctx).boot().state_dir / JOURNAL))


def _row(record: Row, jobs: dict[str, str | None]) -> dict[str, Any] | None:
    """The record as the ledger would show it; ``None`` for what is no event."""
    from busway.events.times import iso_time

    try:
        facts, error = dict(record["attributes"]), record["error"] or {}
        session = record["session_id"]
        if record["category"] == "session" and session is not None:
            jobs[session] = facts.get("name")
        operation = facts.get("operation")
        return {
            **{name: record[name] for name in ("event_id", "severity", "category", "entity_type", "entity_id")},
            "at_ns": int(record["timestamp"]),
            "at": iso_time(int(record["timestamp"])),
            "operation": operation if isinstance(operation, str) else None,
            "session_id": session,
            "error_kind": error.get("kind"),
            "error_message": error.get("message"),
            "error_code": error.get("code"),
            "job": jobs.get(session) if session is not None else None,
            "attributes": facts,
        }
    except (KeyError, TypeError, ValueError):
        return None


def _fits(row: Row, chosen: Selection) -> bool:
    wanted = {
        "category": chosen.category,
        "entity_type": chosen.entity,
        "entity_id": chosen.entity_id,
        "operation": chosen.operation,
        "job": chosen.job,
        "session_id": chosen.session,
    }
    return all(value is None or row[name] == value for name, value in wanted.items())


def _as_csv(bom: bool) -> Callable[[Row], str]:
    """Prints the heading; then a line per row."""
    click.echo((BOM if bom else "") + csv_line(EVENT_COLUMNS), nl=False)
    return lambda row: csv_line([row[name] for name in EVENT_COLUMNS]).rstrip("\r\n")


def _as_json(row: Row) -> str:
    return json.dumps(row, ensure_ascii=False, default=str)
