"""Checks that a secret source shows its values to nobody but who fetches them."""
# ruff: noqa: S101, D102 - a check is an assertion with its own message, and its name is its documentation.

from __future__ import annotations

import copy
import io
import json
import logging
import pickle
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from functools import partial
from typing import TypeVar

from busway.contracts.secrets import SecretSource
from busway.errors import BuswayError
from busway.redaction.spellings import spellings
from busway.testing.secret_answers import HOSTILE_NAMES, MISSING

__all__ = ["SilenceChecks", "everything_said", "overheard"]

T = TypeVar("T")


def everything_said(error: BaseException) -> str:
    """All that anybody can read of ``error`` and of every error behind it, suppressed ones included."""
    texts: list[str] = []
    seen: set[int] = set()
    suppressed: list[BaseException | None] = []
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        waiting += [one.__cause__, one.__context__, *getattr(one, "exceptions", ())]
        texts += [str(one), repr(one), repr(one.args), repr(vars(one))]
        if one is error or one in suppressed:  # the traceback of an error tells those behind it as well
            texts += traceback.format_exception(one)
        suppressed += [one.__context__] * one.__suppress_context__
        if isinstance(one, BuswayError):
            texts += [one.render(), json.dumps([problem.as_dict() for problem in one.problems])]
    return "\n".join(texts)


def shown_in(text: str | bytes, values: Mapping[str, str]) -> list[str]:
    """The names whose values occur in ``text``, as they are or as URLs, JSON, HTML, hex or base64 write them."""
    data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    return [
        name
        for name, value in values.items()
        if any(form.encode("utf-8", "surrogatepass") in data for form in (value, *spellings(value)) if form)
    ]


class SilenceChecks:
    """Values are in no place, repr, error, log or serialised form."""

    def test_places_never_show_values(self, source: SecretSource, known: Mapping[str, str]) -> None:
        for name in known:
            found = source.fetch(name)
            place = source.locate(name)
            assert place, "locate tells where a name is looked up; it is empty"
            told = f"{place}\n{found!r}\n{found.where}\n{found.version}" if found is not None else place
            assert not shown_in(told, known), f"the value of {name} can be read in its place, repr or version"

    def test_its_own_text_never_shows_values(self, source: SecretSource, known: Mapping[str, str]) -> None:
        source.fetch_many(known)
        text = "\n".join((repr(source), str(source), f"{source}", json.dumps([source], default=str)))
        assert not shown_in(text, known), "values can be read in repr or str of the source"

    def test_it_is_not_serialised_with_values(self, source: SecretSource, known: Mapping[str, str]) -> None:
        source.fetch_many(known)
        pickled = _attempt(lambda: pickle.dumps(source), b"")
        assert not shown_in(pickled, known), "a pickle of the source holds values; let __reduce__ raise TypeError"
        copied = _attempt(lambda: repr(copy.copy(source)) + repr(copy.deepcopy(source)), "")
        assert not shown_in(copied, known), "values can be read in a copy of the source"

    def test_errors_never_show_values(
        self,
        source: SecretSource,
        known: Mapping[str, str],
        refused: Mapping[str, str],
        unreachable_source: SecretSource | None,
    ) -> None:
        values = {**known, **{name: value for name, value in refused.items() if value}}
        for error in _errors(source, (*refused, *HOSTILE_NAMES)):
            leaked = shown_in(everything_said(error), values)
            assert not leaked, f"an error ({type(error).__name__}) or one behind it shows the value of {leaked}"
        for error in _errors(unreachable_source, (*known, MISSING)):
            leaked = shown_in(everything_said(error), values)
            assert not leaked, f"the error of an outage or one behind it shows the value of {leaked}"

    def test_it_logs_and_prints_no_values(
        self,
        source: SecretSource,
        known: Mapping[str, str],
        refused: Mapping[str, str],
        unreachable_source: SecretSource | None,
    ) -> None:
        values = {**known, **{name: value for name, value in refused.items() if value}}
        with overheard() as heard:
            source.fetch_many([*known, MISSING])
            _errors(source, (*known, MISSING, *refused, *HOSTILE_NAMES))
            _errors(unreachable_source, known)
        leaked = shown_in("\n".join(heard), values)
        assert not leaked, f"with every logger at DEBUG the value of {leaked} is logged or printed"


def _attempt(call: Callable[[], T], otherwise: T) -> T:
    try:
        return call()
    except Exception:
        # To refuse is the best answer; which error says so is the source's own affair.
        return otherwise


def _errors(source: SecretSource | None, names: Mapping[str, str] | tuple[str, ...]) -> list[Exception]:
    """The errors that asking for each of ``names``, and for all of them, ends with."""
    caught: list[Exception] = []
    if source is None:
        return caught
    calls: list[Callable[[], object]] = [partial(source.fetch, name) for name in names]
    calls.append(partial(source.fetch_many, names))
    for call in calls:
        try:
            answer = call()
        except Exception as error:
            caught.append(error)
        else:
            answers = answer.values() if isinstance(answer, Mapping) else ()
            caught += [one for one in answers if isinstance(one, BuswayError)]
    return caught


class _Ear(logging.Handler):
    """Keeps everything of every record."""

    def __init__(self, heard: list[str]) -> None:
        super().__init__(logging.DEBUG)
        self._heard = heard

    def emit(self, record: logging.LogRecord) -> None:
        self._heard += [logging.Formatter().format(record), repr(record.args), repr(vars(record))]
        if record.exc_info and record.exc_info[1] is not None:
            self._heard.append(everything_said(record.exc_info[1]))


@contextmanager
def overheard() -> Iterator[list[str]]:
    """All that is logged, whatever the levels are, and all that is printed."""
    heard: list[str] = []
    ear, out = _Ear(heard), io.StringIO()
    loggers = [logging.getLogger(), *(one for one in logging.root.manager.loggerDict.values() if _is_logger(one))]
    before = [(one, one.level, one.disabled) for one in loggers if isinstance(one, logging.Logger)]
    hidden = logging.root.manager.disable
    logging.disable(logging.NOTSET)
    for logger, _, _ in before:
        logger.setLevel(logging.DEBUG)
        logger.disabled = False
        logger.addHandler(ear)
    try:
        with redirect_stdout(out), redirect_stderr(out):
            yield heard
    finally:
        heard.append(out.getvalue())
        logging.disable(hidden)
        for logger, level, disabled in before:
            logger.removeHandler(ear)
            logger.setLevel(level)
            logger.disabled = disabled


def _is_logger(one: object) -> bool:
    return isinstance(one, logging.Logger)
