"""``busway migrate``: moves code from old imports to Busway, or says what stands in the way."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from busway.cli.output import emit_result, json_option
from busway.errors import UsageError

if TYPE_CHECKING:
    from busway_migrate.files import FileList
    from busway_migrate.tree import Migration

__all__ = ["migrate"]

CHANGES_PRESENT = 10


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="PATH...")
@click.option("--write", is_flag=True, help="Change the files; without it a diff is shown.")
@click.option("--check", is_flag=True, help="For CI: exit 10 when anything is left to do.")
@click.option("--unsafe", is_flag=True, help="Make changes after which the code does nearly the same, too.")
@click.option("--rules", type=click.Path(path_type=Path), multiple=True, metavar="FILE", help="More rules.")
@json_option
def migrate(
    paths: tuple[Path, ...], write: bool, check: bool, unsafe: bool, rules: tuple[Path, ...], as_json: bool
) -> int:
    """Move code from old imports to Busway. Without an option it shows a diff and writes nothing.

    Files are those that git tracks, even if ignored, and new ones; in a folder without git, all of them.
    """
    from busway_migrate.files import list_files
    from busway_migrate.packs import load_rules
    from busway_migrate.tree import Tree

    if not paths:
        raise UsageError("BW7501", "name what to migrate", where="busway migrate", fix="busway migrate .")
    book = load_rules(rules)
    listing = list_files(paths)
    migration = Tree(listing, book, allow_unsafe=unsafe).migrate()
    emit_result(
        "busway.migration/1",
        _as_dict(migration, listing, written=write),
        as_json=as_json,
        text=lambda: _print(migration, listing, written=write),
    )
    return 0


def _print(migration: Migration, listing: FileList, *, written: bool) -> None:
    from busway_migrate.report_view import print_changes, print_diff, print_findings, print_summary

    (print_changes if written else print_diff)(migration.changes, listing.top)
    print_findings(migration.findings, listing.top)
    print_summary(migration, written=written)


def _as_dict(migration: Migration, listing: FileList, *, written: bool) -> dict[str, Any]:
    from busway_migrate.diffs import diff_lines
    from busway_migrate.report_view import shown
    from busway_migrate.tree import summary

    top = listing.top
    return {
        "top": str(top),
        "files": migration.files,
        "written": written,
        "counts": summary(migration.findings),
        "changes": [
            {
                "file": shown(change.path, top).as_posix(),
                "diff": "\n".join(diff_lines(shown(change.path, top), change.old, change.new)),
            }
            for change in migration.changes
        ],
        "findings": [finding.as_dict(top) for finding in migration.findings],
    }
