"""``busway migrate shims``: keeps old names alive for one release."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from busway.cli.output import emit_result, json_option, style
from busway.cli.text import plural
from busway.errors import UsageError

if TYPE_CHECKING:
    from busway_migrate.files import FileList
    from busway_migrate.shims import ShimPlan

__all__ = ["shims"]


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="PATH...")
@click.option("--write", is_flag=True, help="Move the old modules and write the shims; without it they are listed.")
@click.option("--allow-dirty", is_flag=True, help="Write although git has changes that are not committed.")
@click.option("--rules", type=click.Path(path_type=Path), multiple=True, metavar="FILE", help="More rules.")
@json_option
def shims(paths: tuple[Path, ...], write: bool, allow_dirty: bool, rules: tuple[Path, ...], as_json: bool) -> int:
    """Put a shim in the place of each old module: x.py becomes x_legacy.py, and a new x.py chooses by flag.

    ENABLE_UNIFIED_CONFIG, ENABLE_UNIFIED_DATA and ENABLE_UNIFIED_EVENTS are on unless set to off: on is Busway, off is
    the old code, and on,off@employees is the old code for the job employees. Each use of an old name warns once.
    """
    from busway_migrate.files import list_files
    from busway_migrate.journal import journal_of
    from busway_migrate.packs import load_rules
    from busway_migrate.shims import plan_shims
    from busway_migrate.writer import write_all
    from busway_migrate.writing import make_ready

    if not paths:
        raise UsageError("BW7501", "name where the old modules are", where="busway migrate shims",
                         fix="busway migrate shims .")  # fmt: skip
    book, listing = load_rules(rules), list_files(paths)
    notices = make_ready(listing, paths, write=write, allow_dirty=allow_dirty)
    plans = plan_shims(listing, book)
    entries = [entry for plan in plans for entry in plan.entries()]
    if write and entries:
        write_all(journal_of(listing.top), entries)
    emit_result(
        "busway.migration-shims/1",
        {"written": write, "shims": [_as_dict(plan, listing) for plan in plans]},
        as_json=as_json,
        text=lambda: _print(plans, listing, written=write),
        warnings=notices,
    )
    return 0


def _as_dict(plan: ShimPlan, listing: FileList) -> dict[str, object]:
    return {
        "module": plan.module,
        "file": plan.path.relative_to(listing.top).as_posix(),
        "old_code": plan.legacy.relative_to(listing.top).as_posix(),
        "already_done": plan.is_done,
    }


def _print(plans: list[ShimPlan], listing: FileList, *, written: bool) -> None:
    for plan in plans:
        path, legacy = (one.relative_to(listing.top).as_posix() for one in (plan.path, plan.legacy))
        if plan.is_done:
            click.echo(f"{style('in place', dim=True)}  {path}")
        else:
            verb = style("written", fg="green") if written else "to write"
            click.echo(f"{verb}  {path}  (old code: {legacy})")
    new = sum(not plan.is_done for plan in plans)
    click.echo(f"\n{plural(len(plans), 'old module')}, {plural(new, 'shim')} {'written' if written else 'to write'}")
    if new and not written:
        click.echo("nothing was written. Write them:  busway migrate shims --write PATH")
