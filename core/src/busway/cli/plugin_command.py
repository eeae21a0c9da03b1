"""Commands that plugins contribute: imported when invoked, and named when they break."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial, reduce, wraps
from importlib import import_module
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import click

from busway.errors import BuswayError, PluginError

if TYPE_CHECKING:
    from busway.plugins.index import CommandEntry

__all__ = ["IMPORT_SECONDS", "load_plugin_command"]

IMPORT_SECONDS = 10.0
"""As long as any other import of a plugin."""

P = ParamSpec("P")
R = TypeVar("R")


def load_plugin_command(entry: CommandEntry) -> click.Command:
    """Imports the command behind ``entry``, guarded so that what it raises is told as its own.

    Raises ``PluginError``: BW1012 when another distribution offers the name too, BW1010 when the import fails in any
    way. The command itself raises ``BuswayError`` BW1011 in place of an exception that is nobody's on purpose.
    """
    _refuse_two_owners(entry)
    found = _imported(entry)
    if not isinstance(found, click.Command):
        raise _broken(entry, f"{entry.value} is {_called(found)}, not a Click command")
    return _guarded(found, entry)


def _refuse_two_owners(entry: CommandEntry) -> None:
    from busway.plugins.index import load_index

    owners = sorted({(one.distribution, one.version) for one in load_index().commands() if one.name == entry.name})
    if len(owners) < 2:
        return
    named = [f"{distribution} {version}" for distribution, version in owners]
    raise PluginError(
        "BW1012",
        f"the command {entry.name!r} is offered by more than one distribution",
        where=f"entry-point group busway.v1.commands: {entry.name}",
        why=f"{' and '.join(named)} both offer it, and a guess could run the wrong one",
        fix="\nor ".join(f"pip uninstall {distribution}" for distribution, _ in owners),
    )


def _imported(entry: CommandEntry) -> object:
    from busway.plugins.faults import describe
    from busway.plugins.worker import OverdueError, call_with_timeout

    module, _, attribute = entry.value.partition(":")
    if not module or not attribute:
        raise _broken(entry, f"{entry.value!r} is not of the form module:command")
    try:
        # In a thread of its own: a module may call sys.exit or wait for ever when it is imported.
        return call_with_timeout(partial(_find, module, attribute), IMPORT_SECONDS, label=f"busway-import-{entry.name}")
    except OverdueError as error:
        raise _broken(entry, f"import of {module} gave {error}; its thread was abandoned") from error
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        own = package == module.partition(".")[0]
        raise _broken(entry, describe(error), "" if own or not package else f"pip install {package}") from error
    except Exception as error:
        raise _broken(entry, describe(error)) from error


def _find(module: str, attribute: str) -> object:
    return reduce(getattr, attribute.split("."), import_module(module))


def _guarded(command: click.Command, entry: CommandEntry) -> click.Command:
    """A copy of ``command`` whose parsing and running are told as those of its distribution.

    A wrapper around the command would be passed over: Click runs the command that its context names.
    """
    guarded = copy.copy(command)
    guarded.make_context = _telling(guarded.make_context, entry)  # type: ignore[method-assign]
    guarded.invoke = _telling(guarded.invoke, entry)  # type: ignore[method-assign]
    return guarded


def _telling(call: Callable[P, R], entry: CommandEntry) -> Callable[P, R]:
    @wraps(call)
    def told(*args: P.args, **options: P.kwargs) -> R:
        with _told_as_its_own(entry):
            return call(*args, **options)

    return told


@contextmanager
def _told_as_its_own(entry: CommandEntry) -> Iterator[None]:
    try:
        yield
    except SystemExit as end:
        raise click.exceptions.Exit(_exit_code(end)) from end
    except (BuswayError, click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
        raise  # meant as it is: a coded error, a usage error, an end on purpose, a reader that went away
    except Exception as error:
        raise _failed(entry, error) from error


def _exit_code(end: SystemExit) -> int:
    """As the interpreter understands it: nothing is 0, and a text is printed and 1."""
    if end.code is None or isinstance(end.code, int):
        return end.code or 0
    click.echo(end.code, err=True)
    return 1


def _failed(entry: CommandEntry, error: Exception) -> BuswayError:
    # The text of an exception that nobody meant for people may hold data or a secret; --debug shows it.
    return BuswayError(
        "BW1011",
        f"the command {entry.name!r} of {entry.distribution} failed",
        where=_where(entry),
        why=f"{type(error).__name__} at {_place(entry, error)}",
        fix=f"pip install -U {entry.distribution}; the traceback for its authors: busway --debug {entry.name} ...",
    )


def _place(entry: CommandEntry, error: Exception) -> str:
    """The innermost frame in the command's own package; that of a library it uses says less."""
    package = entry.value.partition(":")[0].partition(".")[0]
    places: list[tuple[str, str]] = []
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        module = str(trace.tb_frame.f_globals.get("__name__", ""))
        places.append((module.partition(".")[0], f"{code.co_filename}:{trace.tb_lineno} in {code.co_name}()"))
        trace = trace.tb_next
    own = [place for home, place in places if home == package]
    return (own or [place for _, place in places])[-1]


def _called(found: object) -> str:
    return f"the class {found.__qualname__}" if isinstance(found, type) else f"an object of {type(found).__qualname__}"


def _broken(entry: CommandEntry, why: str, remedy: str = "") -> PluginError:
    repair = f"pip install --force-reinstall {entry.distribution}"
    return PluginError(
        "BW1010",
        f"the command {entry.name!r} cannot be loaded",
        where=_where(entry),
        why=why,
        fix=f"{remedy}   (or {repair}, which installs what it declares)" if remedy else f"{repair}, or remove it",
    )


def _where(entry: CommandEntry) -> str:
    point = f"entry point busway.v1.commands: {entry.name} = {entry.value}"
    return f"{entry.distribution} {entry.version}, {point}"
