"""A secret source of a plugin, called with a time-out; whatever it does, the caller gets an answer or a coded error."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any, TypeVar

from busway.contracts.secrets import SecretSource, SecretValue
from busway.errors import BuswayError, PluginError, Problem, UnreachableError
from busway.plugins.origins import Origin
from busway.plugins.stack import raised_at
from busway.plugins.worker import EscapeError, OverdueError, call_with_timeout, raised_type
from busway.redaction.spellings import spellings
from busway.redaction.values import weakness

__all__ = ["FETCH_SECONDS", "GuardedSource"]

T = TypeVar("T")

FETCH_SECONDS = 3.0
"""For each call; many names are one call."""
MAX_NAMES = 100_000

_log = logging.getLogger("busway.plugins")


class GuardedSource:
    """A :class:`busway.contracts.secrets.SecretSource` around the one a plugin built.

    Every call runs in a daemon worker. One that takes longer than ``seconds`` raises ``UnreachableError`` BW1320, and
    so does every later one, at once: a thread cannot be killed, and a second one would hang beside it. What is no
    ``BuswayError`` becomes BW1321 (``UnreachableError`` for an ``OSError``, else ``PluginError``), and an answer of
    another type than the contract's ``PluginError`` BW1322. None of them repeats what the source said: its text may
    hold a secret.

    :param seconds: how long each call may take.
    """

    def __init__(self, source: SecretSource, origin: Origin, seconds: float = FETCH_SECONDS) -> None:
        self.origin = origin
        self.failure: Problem | None = None
        """Why it is never asked again; ``None`` while it is."""
        self._source = source
        self._seconds = seconds
        self._given: set[str] = set()
        self._spelt: dict[str, frozenset[str]] = {}
        """Of values given, their spellings; made when an error has to be searched for them."""
        self.serves_settings = self._call("serves_settings", lambda: bool(source.serves_settings))

    def fetch(self, name: str) -> SecretValue | None:
        """See the contract. Raises what the source raises, BW1320, BW1321 and BW1322."""
        answer: Any = self._call("fetch", lambda: self._source.fetch(name))
        if answer is not None and not _is_secret_value(answer):
            raise self._misfit("fetch", answer, "SecretValue or None")
        self._given |= {answer.value} if answer is not None else set()
        return answer  # type: ignore[no-any-return]

    def fetch_many(self, names: Iterable[str]) -> Mapping[str, SecretValue | BuswayError]:
        """See the contract; all names together have the time of one call."""
        wanted = list(names)
        answer: Any = self._call("fetch_many", lambda: _copied(self._source.fetch_many(wanted)))
        if not isinstance(answer, dict):
            raise self._misfit("fetch_many", answer, "a mapping")
        for value in answer.values():
            if not (_is_secret_value(value) or isinstance(value, BuswayError)):
                raise self._misfit("fetch_many", value, "SecretValue or BuswayError", "in its mapping ")
        self._given |= {one.value for one in answer.values() if isinstance(one, SecretValue)}
        refused = {name: one for name, one in answer.items() if isinstance(one, BuswayError)}
        return answer | {name: self._checked("fetch_many", error) for name, error in refused.items()}

    def names(self) -> Iterable[str]:
        """See the contract."""
        answer: Any = self._call("names", lambda: _listed(self._source.names()))
        if not isinstance(answer, list):
            raise self._misfit("names", answer, "names")
        for name in answer:
            if not isinstance(name, str):
                raise self._misfit("names", name, "text", "among its names ")
        return answer

    def locate(self, name: str) -> str:
        """See the contract. Never raises, since errors are written with it: a source that fails here is named instead.

        What is wrong with the source is told where its values are asked for.
        """
        try:
            place: object = self._call("locate", lambda: self._source.locate(name))
        except BuswayError:
            return self.origin.label
        return place if isinstance(place, str) and place else self.origin.label

    def close(self) -> None:
        """Closes the source unless it was given up; a failure is logged, so that everything else is closed too."""
        if self.failure is not None:
            return
        try:
            self._call("close", self._source.close)
        except BuswayError as error:
            _log.warning("%s did not close cleanly: %s", self.origin.label, error)

    @property
    def trouble(self) -> str:
        """What is wrong with the source, for people; empty while it is asked."""
        return "" if self.failure is None else f"was abandoned: no answer within {self._seconds:g} s"

    def _call(self, method: str, call: Callable[[], T]) -> T:
        if self.failure is not None:
            raise UnreachableError.of([self.failure])
        error: BuswayError
        try:
            return call_with_timeout(call, self._seconds, label=f"{method}() of {self.origin.label}")
        except BuswayError as told:
            error = self._checked(method, told)
        except OverdueError as overdue:
            error = self._overdue(method, overdue)
        except Exception as raised:
            error = self._broken(method, raised)
        # Outside of the handlers, or the original would hang on as context and its text be in every traceback.
        raise error

    def _checked(self, method: str, told: BuswayError) -> BuswayError:
        """A coded error for people, without what is behind it: errors of libraries quote what they read.

        One that repeats a value this source gave is told as broken.
        """
        told.__cause__ = told.__context__ = None
        vars(told).pop("__notes__", None)
        words = f"{told}\n{told.render()}"
        for value in self._given - self._spelt.keys():
            self._spelt[value] = frozenset() if weakness(value) else spellings(value)
        if any(form in words for forms in list(self._spelt.values()) for form in forms):
            return self._broken(method, told)
        return told

    def _overdue(self, method: str, overdue: OverdueError) -> BuswayError:
        origin = self.origin
        self.failure = Problem(
            "BW1320",
            f"secret source {origin.name} did not answer within {self._seconds:g} s",
            origin.where,
            f"{method}() gave {overdue}; its thread was abandoned, and the source is not asked again in this process",
            f"see whether what it asks is reachable, and start again; else {origin.remedy}",
        )
        _log.error("%s was abandoned: %s() gave %s", origin.label, method, overdue)
        return UnreachableError.of([self.failure])

    def _broken(self, method: str, raised: Exception) -> BuswayError:
        origin, cause = self.origin, raised.__cause__ if isinstance(raised, EscapeError) else raised
        kind = UnreachableError if isinstance(cause, OSError | UnreachableError) else PluginError
        return kind(
            "BW1321",
            f"secret source {origin.name} broke in {method}() with {raised_type(raised)}",
            where=f"{origin.where}, {raised_at(cause or raised)}",
            why="it raised an error that is none of busway.errors, or one that repeats a value; its text is not shown",
            fix=origin.remedy,
        )

    def _misfit(self, method: str, answer: object, wanted: str, place: str = "") -> PluginError:
        return PluginError(
            "BW1322",
            f"secret source {self.origin.name} returned an object of {type(answer).__name__} {place}from {method}(), "
            f"not {wanted}",
            where=self.origin.where,
            why="the answer is not what busway.contracts.secrets asks for",
            fix=self.origin.remedy,
        )


def _copied(answer: object) -> object:
    """A mapping as a plain one, made in the worker: one that is made up on demand would be read by the caller."""
    return dict(answer) if isinstance(answer, Mapping) else answer


def _listed(answer: object) -> object:
    """The names, as far as anybody could want them: one that never ends would fill the memory after its time."""
    if not isinstance(answer, Iterable) or isinstance(answer, str | bytes):
        return answer
    return list(islice(answer, MAX_NAMES))


def _is_secret_value(answer: object) -> bool:
    """Whether `answer` is one, in its parts too: nothing else checks the fields of a plugin's answer."""
    return (
        isinstance(answer, SecretValue)
        and isinstance(answer.value, str)
        and isinstance(answer.where, str)
        and isinstance(answer.version, str)
        and isinstance(answer.expires_at_ns, int | None)
        and isinstance(answer.not_before_ns, int | None)
    )
