"""The application for commands about cached data, and how these commands end."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from busway.cli.invocation import invocation_of
from busway.cli.output import emit_error, emit_result
from busway.errors import BuswayError, ConfigurationError, PluginError

if TYPE_CHECKING:
    from busway.app import App

__all__ = ["finish", "open_cache"]


@contextmanager
def open_cache(ctx: click.Context, *, look: bool = True, whole: bool = True, settings: bool = False) -> Iterator[App]:
    """The application, closed at the end.

    :param look: the command changes nothing, so nothing it meets becomes an event.
    :param whole: raise ``PluginError`` or ``ConfigurationError`` when a selected level that is required cannot be used.
    :param settings: raise for everything that is missing or wrong: the command uses the jobs, too.
    """
    with _unlogged(), invocation_of(ctx).app(require=settings) as app:
        if look:
            app.look_only()
        if whole:
            _require_levels(app)
        yield app


def finish(
    schema: str,
    data: dict[str, Any],
    app: App,
    *,
    as_json: bool,
    text: Callable[[], None],
    error: BuswayError | None = None,
    more_warnings: Sequence[str] = (),
    told: bool = False,
) -> int:
    """Prints the result, and on stderr the error where there is one; the exit code.

    :param told: the text or the error tells which levels are away, so that no warning has to.
    """
    away = tuple(f"cache level {level} is away" for level in app.levels_away())
    silent = away if (told or error is not None) and not as_json else ()
    warnings = [*more_warnings, *(one for one in app.warnings() if not one.startswith(silent))]
    problem = error.problem if error is not None else None
    emit_result(schema, data, as_json=as_json, text=text, warnings=warnings, ok=error is None, problem=problem)
    if error is None:
        return 0
    if not as_json:
        emit_error(error, as_json=False)
    return error.exit_code


def _require_levels(app: App) -> None:
    app.objects("caches")
    rows = [row for row in app.plugins.statuses() if row.kind == "caches" and row.failed and row.required]
    broken = [row.problem() for row in rows if not row.details]
    problems = [*broken, *(problem for row in rows for problem in row.details)]
    if problems:
        raise (PluginError if broken else ConfigurationError).of(problems)


@contextmanager
def _unlogged() -> Iterator[None]:
    """What the levels would log, these commands tell themselves."""
    logger = logging.getLogger("busway.data")
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before
