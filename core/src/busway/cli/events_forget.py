"""``busway events forget``: erase a record from what Busway keeps of events."""

from __future__ import annotations

import click

from busway.cli.confirming import confirmed
from busway.cli.invocation import invocation_of
from busway.cli.output import emit_result, json_option
from busway.cli.text import plural
from busway.contracts.events import Severity

__all__ = ["forget"]

NOT_ERASED = (
    "not erased: what sinks have passed on (the file of the log sink, mail, webhooks), and messages that name the "
    "record without being about it"
)


@click.command()
@click.argument("entity_type")
@click.argument("entity_id")
@click.option("--dry-run", is_flag=True, help="Only count.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@click.pass_context
def forget(ctx: click.Context, entity_type: str, entity_id: str, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Erase the record ENTITY_ID of the kind ENTITY_TYPE from ledger, journals and dead letters.

    That something happened stays: time, kind of record, operation, session. An audit event says how much was erased,
    and not of whom.
    """
    from busway.events.forgetting import forget as erase

    with invocation_of(ctx).app(require=False) as app:
        found = erase(app.state, entity_type, entity_id, dry_run=True)
        if not dry_run and found.total:
            question = f"erase this record from {plural(found.total, 'place')}?"
            confirmed(question, yes=yes, again="busway events forget")
            found = erase(app.state, entity_type, entity_id)
        counts = {"ledger": found.ledger, "journals": found.journals, "dead_letters": found.dead_letters}
        if not dry_run:
            attributes = {"operation": "forgotten", **counts}
            app.events.emit("audit", severity=Severity.WARNING, entity_type=entity_type, attributes=attributes)
        warnings = [f"{name} may still hold it: delete it" for name in found.copies] + app.warnings()

    def text() -> None:
        verb = "would be erased" if dry_run else "erased"
        where = ", ".join(f"{number:,} in {name.replace('_', ' ')}" for name, number in counts.items() if number)
        click.echo(f"{verb}: {where}" if where else "nothing is kept of this record")
        click.echo(NOT_ERASED)

    data = {"entity_type": entity_type, "dry_run": dry_run, **counts, "copies": list(found.copies)}
    emit_result("busway.forget/1", data, as_json=as_json, text=text, warnings=warnings)
