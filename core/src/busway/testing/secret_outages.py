"""Checks of a secret source whose vault, server or file is away, and of one that is built or closed."""
# ruff: noqa: S101, D102 - a check is an assertion with its own message, and its name is its documentation.

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Mapping

import pytest

from busway.contracts.secrets import SecretSource, SecretValue
from busway.errors import BuswayError, UnreachableError
from busway.testing.secret_answers import MISSING

__all__ = ["LifeChecks", "OutageChecks"]

UNDEFINED = "define the fixture 'unreachable_source' to have outages checked"


class OutageChecks:
    """An outage is told as what it is, in time, and it ends."""

    def test_an_outage_is_not_a_missing_name(self, unreachable_source: SecretSource | None) -> None:
        if unreachable_source is None:
            pytest.skip(UNDEFINED)
        error = _error_of(lambda: unreachable_source.fetch(MISSING))
        assert error is not None, "an outage was taken for a missing name: the next source would be asked"
        assert isinstance(error, UnreachableError), f"an outage is UnreachableError, not {type(error).__name__}"
        assert error.problem.fix, "the error tells the operator what to do"

    def test_many_in_an_outage_are_not_missing(
        self, unreachable_source: SecretSource | None, known: Mapping[str, str]
    ) -> None:
        if unreachable_source is None:
            pytest.skip(UNDEFINED)
        answers: list[object] = []
        error = _error_of(lambda: answers.append(unreachable_source.fetch_many([*known, MISSING])))
        told = [error] if error is not None else [_of(answer, name) for answer in answers for name in (*known, MISSING)]
        assert all(isinstance(one, UnreachableError) for one in told), (
            "an outage is UnreachableError for many names too"
        )

    def test_an_outage_ends_within_the_call_time(
        self, unreachable_source: SecretSource | None, known: Mapping[str, str], call_seconds: float
    ) -> None:
        if unreachable_source is None:
            pytest.skip(UNDEFINED)
        names = [*known, *(f"{MISSING}_{number}" for number in range(20))]
        _within(call_seconds, lambda: unreachable_source.fetch_many(names), "many names in an outage")
        _within(call_seconds, lambda: unreachable_source.fetch(MISSING), "one name in an outage")

    def test_an_outage_ends_when_the_source_is_back(
        self,
        unreachable_source: SecretSource | None,
        known: Mapping[str, str],
        recover: Callable[[], object] | None,
    ) -> None:
        if unreachable_source is None or recover is None:
            pytest.skip("define the fixtures 'unreachable_source' and 'recover' to have the end of outages checked")
        name = next(iter(known))
        _error_of(lambda: unreachable_source.fetch(name))
        recover()
        found = unreachable_source.fetch(name)
        assert found is not None, "it is back, and the name is missing"
        assert found.value == known[name], "it is back, and the value is another"


class LifeChecks:
    """From building to closing."""

    def test_building_connects_to_nothing(self, build: Callable[[], SecretSource] | None) -> None:
        if build is None:
            pytest.skip("define the fixture 'build' to have it checked that building connects to nothing")
        attempts: list[object] = []

        def refuse(*arguments: object, **options: object) -> None:
            attempts.append(arguments)
            raise ConnectionRefusedError("building a source connects to nothing")

        with pytest.MonkeyPatch.context() as patch:
            for owner, call in ((socket.socket, "connect"), (socket.socket, "connect_ex"), (socket, "getaddrinfo")):
                patch.setattr(owner, call, refuse)
            built = _result_of(build)
        if isinstance(built, SecretSource):
            built.close()
        assert not attempts, "building a source reached for the network; every command would wait for it"

    def test_closing_an_unused_source_twice_is_harmless(
        self, source: SecretSource, build: Callable[[], SecretSource] | None
    ) -> None:
        unused = build() if build is not None else source
        assert _error_of(unused.close) is None, "closing an unused source failed"
        assert _error_of(unused.close) is None, "closing it again failed"

    def test_closing_a_used_source_twice_is_harmless(self, source: SecretSource, known: Mapping[str, str]) -> None:
        source.fetch(next(iter(known)))
        assert _error_of(source.close) is None, "closing a used source failed"
        assert _error_of(source.close) is None, "closing it again failed"

    def test_a_closed_source_answers_or_says_so(
        self, source: SecretSource, known: Mapping[str, str], call_seconds: float
    ) -> None:
        name = next(iter(known))
        source.close()
        answer = _within(call_seconds, lambda: source.fetch(name), "a closed source")
        assert answer is not None, "a closed source has no names: that would be taken for a missing secret"
        assert isinstance(answer, BuswayError | SecretValue), f"a closed source raised {type(answer).__name__}, no code"


def _result_of(call: Callable[[], object]) -> object:
    """What the call returns, or the error it raises."""
    try:
        return call()
    except Exception as error:
        return error


def _error_of(call: Callable[[], object]) -> Exception | None:
    result = _result_of(call)
    return result if isinstance(result, Exception) else None


def _of(answer: object, name: str) -> object:
    return answer.get(name) if isinstance(answer, Mapping) else None


def _within(seconds: float, call: Callable[[], object], what: str) -> object:
    """The result of ``call``; the core gives a source up that takes longer, and so does the check."""
    results: list[object] = []
    worker = threading.Thread(target=lambda: results.append(_result_of(call)), daemon=True)
    worker.start()
    worker.join(seconds)
    assert results, f"{what}: no answer within {seconds:g} s"
    return results[0]
