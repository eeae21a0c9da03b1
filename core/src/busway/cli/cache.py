"""``busway cache``: the levels of cached data, its entries, invalidation and warming."""

from __future__ import annotations

import click

from busway.cli.cache_access import finish, open_cache
from busway.cli.output import json_option
from busway.cli.text import plural
from busway.views.cache_answers import incomplete

__all__ = ["cache"]

SHOWN = 100
"""Rows of ``cache keys`` on a terminal, unless it is asked for more."""


@click.group()
def cache() -> None:
    """Cached data: where it is kept, what there is, invalidation, warming.

    Data is named DOMAIN.ENTITY, such as vista.employees, or by a plain domain. What is in the memory of other processes
    is theirs: these commands see what outlives a process.
    """


@cache.command()
@json_option
@click.pass_context
def stats(ctx: click.Context, as_json: bool) -> int:
    """Whether each level answers, and what is cached: entries, sizes, ages. Reads every entry.

    Hits, misses and load times are counted by each process and exported as metrics (busway_cache_*).
    """
    from busway.cli.cache_view import print_stats
    from busway.views.cache_rows import cache_stats

    with open_cache(ctx, whole=False) as app:
        data = cache_stats(app)
    return finish("busway.cache-stats/1", data, app, as_json=as_json, text=lambda: print_stats(data), told=True)


@cache.command()
@click.argument("pattern", default="*")
@click.option("--limit", type=click.IntRange(min=1), help=f"So many rows.  [default: {SHOWN}; all with --json]")
@json_option
@click.pass_context
def keys(ctx: click.Context, pattern: str, limit: int | None, as_json: bool) -> int:
    """The entries on every level: age, how long each is fresh, size. Exit 5 when a level did not answer.

    \b
    PATTERN is what ``busway cache invalidate`` takes:
      vista                 every entity of the domain
      vista.employees       every entry of the entity
      vista.employees/E1    the one entry with this key
      'vista:*:E1*'         a shell pattern over domain:entity:key
    """
    from busway.cli.cache_view import print_entries
    from busway.views.cache_names import check_known
    from busway.views.cache_rows import entry_rows

    with open_cache(ctx) as app:
        rows = entry_rows(app, app.data.keys(pattern))
        if not rows:
            check_known(app, pattern, "keys")
        error = incomplete(app, "the list lacks what it has")
    shown = rows[: limit or (len(rows) if as_json else SHOWN)]
    data = {"pattern": pattern, "total": len(rows), "entries": shown}
    return finish(
        "busway.cache-keys/1", data, app, as_json=as_json, text=lambda: print_entries(shown, len(rows)), error=error
    )


@cache.command()
@click.argument("name")
@click.option("--key", help="The key of the entry; without it the only value of NAME.")
@click.option("--show-value", is_flag=True, help="Print the value, too; never for sensitive domains.")
@json_option
@click.pass_context
def get(ctx: click.Context, name: str, key: str | None, show_value: bool, as_json: bool) -> int:
    """One entry: where it is, where it came from, how old it is. The value only when asked for.

    Loads nothing. Exit 5 when it was not found and a level did not answer.
    """
    from busway.cli.cache_entry import read_entry, refuse_sensitive
    from busway.cli.cache_view import print_entry
    from busway.views.cache_names import check_known

    with open_cache(ctx) as app:
        if show_value:
            refuse_sensitive(app, name)
        data = read_entry(app, name, key, show_value=show_value)
        error = None if data["found"] else incomplete(app, "it may have the entry")
        if not data["found"] and error is None:
            check_known(app, name, "get")
    return finish("busway.cache-entry/1", data, app, as_json=as_json, text=lambda: print_entry(data), error=error)


@cache.command()
@click.argument("target")
@json_option
@click.pass_context
def invalidate(ctx: click.Context, target: str, as_json: bool) -> int:
    """Make entries invalid for every process, at once and for good. Doing it twice does no harm.

    \b
    TARGET:
      vista                 every entity of the domain
      vista.employees       every entry of the entity
      vista.employees/E1    the one entry with this key
      'vista:*:E1*'         a shell pattern over domain:entity:key; quote it for the shell
    Exit 2 for a domain or entity nothing is known of, 5 when a level was not told.
    """
    from busway.views.cache_changes import invalidate_target

    with open_cache(ctx, look=False) as app:
        data, warnings = invalidate_target(app, target)
    # After closing, which tells levels what is left to tell.
    error = incomplete(app, f"it was not told, and has what it had of {target}", f"busway cache invalidate '{target}'")

    def text() -> None:
        if data["removed"]:
            click.echo(f"invalidated {plural(data['removed'], 'entry', 'entries')}: {target}")
        else:
            click.echo(f"nothing was cached under {target}")

    return finish(
        "busway.cache-invalidate/1", data, app, as_json=as_json, text=text, error=error, more_warnings=warnings
    )


@cache.command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="The sources of all selected jobs.")
@json_option
@click.pass_context
def warm(ctx: click.Context, names: tuple[str, ...], everything: bool, as_json: bool) -> int:
    """Load the source records of jobs into the cache, also where fresh ones are there.

    NAME is source.ENTITY, such as source.employee. Exit as the error of a load says: 5 when its source does not answer.
    """
    from busway.cli.cache_view import print_warmed, warmed_line
    from busway.views.cache_changes import chosen_names, warm_one

    if bool(names) == everything:
        raise click.UsageError("name what to load, or say --all for the sources of all jobs")
    with open_cache(ctx, look=False, settings=True) as app:
        chosen = chosen_names(app, names)
        rows = []
        for name in chosen:
            row, failure = warm_one(app, name)
            rows.append((row, failure))
            if not as_json:
                click.echo(warmed_line(row, max(map(len, chosen))))
    failures = [failure for _, failure in rows if failure is not None]
    error = max(failures, key=lambda one: one.exit_code, default=None)
    loaded = [row for row, _ in rows]
    return finish(
        "busway.cache-warm/1",
        {"names": loaded},
        app,
        as_json=as_json,
        text=lambda: print_warmed(loaded),
        error=error,
    )
