"""Why one plugin cannot be used: the error that ends its loading, with cause and remedy for people."""

from __future__ import annotations

import traceback
from collections.abc import Sequence

from busway.errors import BuswayError, ConfigurationError, Problem
from busway.plugins.index import IndexEntry
from busway.plugins.worker import EscapeError, OverdueError

__all__ = ["LoadError", "call_fault", "describe", "import_fault", "settings_fault"]

LONGEST_TEXT = 300


class LoadError(Exception):
    """One plugin failed at one stage. The host turns it into that plugin's status; it never leaves the host."""

    def __init__(self, code: str, cause: str, remedy: str, details: Sequence[Problem] = ()) -> None:
        super().__init__(f"{code}: {cause}")
        self.code = code
        self.cause = cause
        self.remedy = remedy
        self.details = tuple(details)


def import_fault(entry: IndexEntry, error: Exception) -> LoadError:
    """The import of `entry` raised `error`."""
    if isinstance(error, OverdueError):
        return _overdue(entry, f"import of {entry.value}", error)
    cause = describe(error)
    if isinstance(error, ModuleNotFoundError) and isinstance(error.name, str) and error.name:
        return LoadError("BW1304", cause, _install_missing(entry, error.name))
    if isinstance(error, EscapeError):
        remedy = f"pip install -U {entry.distribution}   (a module must not end the process when it is imported)"
        return LoadError("BW1304", cause, remedy)
    return LoadError("BW1304", cause, _upgrade_or_remove(entry))


def call_fault(entry: IndexEntry, code: str, hook: str, error: Exception) -> LoadError:
    """The hook `hook` of `entry` raised `error`; `code` says what it was called for."""
    if isinstance(error, OverdueError):
        return _overdue(entry, f"{hook}()", error)
    problems = _problems(error)
    if problems:  # raised on purpose, with a remedy that knows more than we do
        remedy = problems[0].fix or _upgrade_or_remove(entry)
        return LoadError(code, "; ".join(each.what for each in problems), remedy, problems)
    return LoadError(code, f"{hook}() raised {describe(error)}", _upgrade_or_remove(entry))


def settings_fault(entry: IndexEntry, error: BaseException) -> LoadError:
    """The settings of `entry` could not be made: they are wrong, or code in their model raised `error`."""
    problems = _problems(error) if isinstance(error, ConfigurationError) else ()
    if problems:
        cause = "; ".join(problem.what for problem in problems)
        return LoadError("BW1310", cause, problems[0].fix or "see `busway config status`", problems)
    # Its text is left out: a model handles secrets, and what it says about them is not known to be safe.
    cause = f"its settings model raised {type(error).__name__} ({_place(error)})"
    return LoadError("BW1310", cause, _upgrade_or_remove(entry))


def describe(error: BaseException) -> str:
    """Type, text and place of `error` in one line; for what a worker held back, of the original."""
    if isinstance(error, EscapeError) and error.__cause__ is not None:
        error = error.__cause__
    text = f"{type(error).__name__}: {_text(error)}".removesuffix(": ")
    place = "" if isinstance(error, SyntaxError) else _place(error)
    return f"{text} ({place})" if place else text


def _problems(error: BaseException) -> tuple[Problem, ...]:
    """The problems of an error of ours; none for that of a subclass which does not call our constructor."""
    return error.problems if isinstance(error, BuswayError) and "problem" in vars(error) else ()


def _text(error: BaseException) -> str:
    try:
        text = " ".join(str(error).split())
    except (Exception, SystemExit) as broken:  # a plugin's own exception class may break while it is shown
        return f"its text cannot be shown ({type(broken).__name__})"
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…"


def _place(error: BaseException) -> str:
    """File and line that raised, as far as they say more than the import machinery."""
    frames = traceback.extract_tb(error.__traceback__)
    if not frames or frames[-1].filename.startswith("<frozen") or not frames[-1].lineno:
        return ""
    if frames[-1].filename.endswith(("importlib/__init__.py", "importlib/metadata/__init__.py")):
        return ""
    return f"{frames[-1].filename}:{frames[-1].lineno}"


def _install_missing(entry: IndexEntry, missing: str) -> str:
    package = missing.partition(".")[0]
    repair = f"pip install --force-reinstall {entry.distribution}"
    if package == entry.value.partition(":")[0].partition(".")[0]:
        return f"{repair}   (a module of its own is gone; an editable install whose folder moved does this)"
    if package == "busway":
        return f"pip install -U busway {entry.distribution}"
    return f"pip install {package}   (or {repair}, which installs what it declares)"


def _upgrade_or_remove(entry: IndexEntry) -> str:
    return f'pip install -U {entry.distribution}, or take "{entry.name}" out of plugins.{entry.kind}'


def _overdue(entry: IndexEntry, doing: str, error: OverdueError) -> LoadError:
    return LoadError(
        "BW1305",
        f"{doing} gave {error}; its thread was abandoned",
        f"pip install -U {entry.distribution}   (imports and hooks must not wait for a remote), "
        f'or take "{entry.name}" out of plugins.{entry.kind}',
    )
