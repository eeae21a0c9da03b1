"""``busway safetyamp load-vista``: a Vista made from a list of people."""

from __future__ import annotations

from pathlib import Path

import click

from busway.cli.output import emit_result, json_option

__all__ = ["load_vista_command"]


@click.command("load-vista")
@click.option("--csv", "csv_path", required=True, type=click.Path(path_type=Path), help="The list of people.")
@click.option("--to", "url", required=True, metavar="URL|PATH", help="The SQLite Vista to make: sqlite:///vista.db")
@click.option("--replace", is_flag=True, help="Put it in the place of a Vista that is there.")
@json_option
def load_vista_command(csv_path: Path, url: str, replace: bool, as_json: bool) -> None:
    """Makes a Vista from a CSV file of people.

    The columns needed are Employee, LastName, FirstName, MidName, Title and Department.
    """
    from busway_safetyamp.sandbox.load_vista import load_vista

    report = load_vista(csv_path, url, replace=replace)

    def text() -> None:
        click.echo(f"loaded {report.people:,} people, {report.titles:,} titles, {report.departments:,} departments")
        click.echo(f"  into  {report.url}")
        click.echo(f"  next  busway safetyamp sandbox --vista {url} --no-quota")

    emit_result("busway.safetyamp.load-vista/1", report.as_dict(), as_json=as_json, text=text)
