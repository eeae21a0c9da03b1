"""``busway events export``: the history as a file for somebody else."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import mkstemp
from typing import TYPE_CHECKING, Any

import click

from busway.cli.events_csv import BOM, EVENT_COLUMNS, csv_line, write_bytes
from busway.cli.events_filters import filter_options, operation_option, selection
from busway.cli.history import open_ledger
from busway.cli.output import emit_result, json_option
from busway.cli.text import plural
from busway.errors import ConfigurationError

if TYPE_CHECKING:
    from busway.events.ledger import Ledger, Selection

__all__ = ["export"]


@click.command()
@click.option("--format", "form", type=click.Choice(["csv", "jsonl"]), default="csv", show_default=True, help="Of it.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="The file; else stdout.")
@click.option("--category", help="Only of this category: change, skip, error, session, digest, system, audit.")
@filter_options
@operation_option
@click.option("--kind", help="Only errors of this kind.")
@click.option("--bom", is_flag=True, help="Begin CSV with a byte order mark: Excel then reads it as UTF-8.")
@json_option
@click.pass_context
def export(
    ctx: click.Context,
    /,
    form: str,
    output: Path | None,
    session: str | None,
    bom: bool,
    as_json: bool,
    **wanted: Any,
) -> None:
    """The history, oldest first. The file is whole or not there: it replaces an older one at the end."""
    if as_json and output is None:
        raise click.UsageError("--json is for what is said of a file, and none is named: add -o FILE", ctx)
    with open_ledger(ctx) as ledger:
        chosen = selection(ledger, session=session, **wanted)
        lines = _csv(ledger, chosen, bom=bom) if form == "csv" else _jsonl(ledger, chosen)
        if output is None:
            write_bytes(lines)
            return
        count = _write(output, lines) - (1 if form == "csv" else 0)
    data = {"file": str(output), "format": form, "events": count}
    text = f"{plural(count, 'event')} in {output}"
    emit_result("busway.export/1", data, as_json=as_json, text=lambda: click.echo(text))


def _csv(ledger: Ledger, chosen: Selection, *, bom: bool) -> Iterator[bytes]:
    yield ((BOM if bom else "") + csv_line(EVENT_COLUMNS)).encode()
    for row in ledger.each(chosen):
        values = row.as_dict()
        yield csv_line([values[name] for name in EVENT_COLUMNS]).encode("utf-8", "replace")


def _jsonl(ledger: Ledger, chosen: Selection) -> Iterator[bytes]:
    for row in ledger.each(chosen):
        yield (json.dumps(row.as_dict(), ensure_ascii=False, default=str) + "\n").encode("utf-8", "replace")


def _write(path: Path, lines: Iterator[bytes]) -> int:
    """Beside the file first, private to this user; how many lines. Raises ``ConfigurationError`` BW1018."""
    try:
        descriptor, draft = mkstemp(dir=path.absolute().parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(descriptor, "wb") as stream:
                count = sum(1 for line in lines if stream.write(line))
                stream.flush()
                os.fsync(stream.fileno())
            Path(draft).replace(path)
        except BaseException:
            with suppress(FileNotFoundError):
                Path(draft).unlink()
            raise
    except OSError as exc:
        raise ConfigurationError(
            "BW1018",
            f"{path.name} cannot be written",
            where=str(path),
            why=exc.strerror or type(exc).__name__,
            fix="name a file in a folder that exists, is yours to write, and has room: -o FILE",
        ) from exc
    return count
