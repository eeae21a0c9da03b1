"""``busway migrate``: moves code from old imports to Busway, or says what stands in the way."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from busway.cli.output import emit_result, json_option
from busway.errors import Problem, UsageError

if TYPE_CHECKING:
    from busway_migrate.files import FileList
    from busway_migrate.rule_book import RuleBook
    from busway_migrate.tree import Migration

__all__ = ["migrate"]

CHANGES_PRESENT = 10
"""As ``busway plan --detailed-exitcode``: there is something to do."""
SHIMS = "busway_migrate.shims_arguments"


class _WithShims(click.Command):
    """A command that takes paths, and the command ``shims`` in their place."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args[:1] != ["shims"]:
            return super().parse_args(ctx, args)
        ctx.meta[SHIMS] = args[1:]
        return []

    def invoke(self, ctx: click.Context) -> Any:
        if SHIMS not in ctx.meta:
            return super().invoke(ctx)
        from busway_migrate.shims_command import shims

        # The paths of this command have no place in the usage of the other.
        with shims.make_context(f"{ctx.info_name} shims", list(ctx.meta[SHIMS]), parent=ctx.parent) as inner:
            return shims.invoke(inner)


@click.command(cls=_WithShims)
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="PATH...")
@click.option("--write", is_flag=True, help="Change the files; without it a diff is shown.")
@click.option("--check", is_flag=True, help="For CI: list what is left, and exit 10 when it is anything.")
@click.option("--allow-dirty", is_flag=True, help="Write although git has changes that are not committed.")
@click.option("--unsafe", is_flag=True, help="Make changes after which the code does nearly the same, too.")
@click.option("--rules", type=click.Path(path_type=Path), multiple=True, metavar="FILE", help="More rules.")
@click.option("--emit", type=click.Choice(["ruff"]), help="Print the guard as a configuration of another tool.")
@json_option
def migrate(
    paths: tuple[Path, ...],
    write: bool,
    check: bool,
    allow_dirty: bool,
    unsafe: bool,
    rules: tuple[Path, ...],
    emit: str | None,
    as_json: bool,
) -> int:
    """Move code from old imports to Busway. Without an option it shows a diff and writes nothing.

    Files are those that git tracks, even if ignored, and new ones; in a folder without git, all of them. A name is
    changed with all its uses, or left as it is and reported.

    \b
    busway migrate shims PATH    keeps the old names alive for one release
    """
    from busway_migrate.packs import load_rules

    book = load_rules(rules)
    if emit is not None:
        return _emit(book, as_json=as_json)
    if not paths:
        raise UsageError("BW7501", "name what to migrate", where="busway migrate", fix="busway migrate .")
    return _migrate(paths, book, write=write, check=check, allow_dirty=allow_dirty, unsafe=unsafe, as_json=as_json)


def _emit(book: RuleBook, *, as_json: bool) -> int:
    from busway_migrate.ruff_rules import ruff_configuration

    text = ruff_configuration(book)
    data = {"tool": "ruff", "text": text}
    emit_result("busway.migration-guard/1", data, as_json=as_json, text=lambda: click.echo(text.rstrip()))
    return 0


def _migrate(
    paths: tuple[Path, ...], book: RuleBook, *, write: bool, check: bool, allow_dirty: bool, unsafe: bool, as_json: bool
) -> int:
    from busway_migrate.files import list_files
    from busway_migrate.findings import remaining
    from busway_migrate.tree import Tree
    from busway_migrate.writing import make_ready, write_changes

    listing = list_files(paths)
    notices = make_ready(listing, paths, write=write, allow_dirty=allow_dirty)
    migration = Tree(listing, book, allow_unsafe=unsafe).migrate()
    if write:
        write_changes(listing, migration)
    left = remaining(migration.findings, written=write)
    code = CHANGES_PRESENT if check and left else 0
    emit_result(
        "busway.migration/1",
        _as_dict(migration, listing, written=write),
        as_json=as_json,
        text=lambda: _print(migration, listing, written=write, check=check),
        warnings=notices,
        ok=not code,
        problem=_work_remains(len(left)) if code else None,
    )
    return code


def _work_remains(places: int) -> Problem:
    return Problem(
        "BW7508",
        f"old names are still in use: places to see to: {places}",
        "busway migrate --check",
        fix="busway migrate --write PATH, then change by hand what it reports",
    )


def _print(migration: Migration, listing: FileList, *, written: bool, check: bool) -> None:
    from busway_migrate.report_view import print_changes, print_diff, print_findings, print_summary

    if written:
        print_changes(migration.changes, listing.top)
    elif not check:
        print_diff(migration.changes, listing.top)
    print_findings(migration.findings, listing.top, with_changes=check and not written)
    print_summary(migration, written=written)


def _as_dict(migration: Migration, listing: FileList, *, written: bool) -> dict[str, Any]:
    from busway_migrate.diffs import diff_lines
    from busway_migrate.findings import counts
    from busway_migrate.report_view import shown

    top = listing.top
    return {
        "top": str(top),
        "files": migration.files,
        "written": written,
        "counts": counts(migration.findings),
        "changes": [
            {
                "file": shown(change.path, top).as_posix(),
                "diff": "\n".join(diff_lines(shown(change.path, top), change.old, change.new)),
            }
            for change in migration.changes
        ],
        "findings": [finding.as_dict(top) for finding in migration.findings],
    }
