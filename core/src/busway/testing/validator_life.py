"""Checks of a validator at work: in proportion, from several threads, without asking anybody."""
# ruff: noqa: S101, D102 - a check is an assertion with its own message, and its name is its documentation.

from __future__ import annotations

import copy
import socket
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from types import FrameType
from typing import Any

import pytest

from busway.contracts.records import Record
from busway.contracts.validators import Validator
from busway.testing.validator_samples import fields_of
from busway.testing.validator_verdicts import Told

__all__ = ["LifeChecks"]

THREADS, ROUNDS = 4, 25
SHORT, LONG = 10, 100
"""Repetitions in a short and in a long text."""


class LifeChecks:
    """It is asked for every record of every run."""

    def test_big_values_cost_in_proportion(self, validator: Validator, valid: Sequence[Record]) -> None:
        """Counted in calls, not in seconds, so that the answer is the same on any machine."""
        for name in fields_of(valid):
            short, long = (_calls_for(validator, {**valid[0], name: "a b " * size}) for size in (SHORT, LONG))
            ratio = LONG // SHORT
            assert long <= 2 * ratio * short + 200, (
                f"a {name} that is {ratio} times as long takes {long} calls instead of {short}"
            )

    def test_it_does_not_slow_down(self, validator: Validator, valid: Sequence[Record]) -> None:
        record = valid[0]
        for _ in range(3):  # what it prepares at first use
            validator.validate(copy.deepcopy(record))
        first = _calls_for(validator, record)
        for number in range(300):
            validator.validate({**copy.deepcopy(record), "busway_unknown": number})
        last = _calls_for(validator, record)
        assert last <= 1.5 * first + 10, f"after 300 records the same one takes {last} calls instead of {first}"

    def test_several_threads_may_ask_it(self, validator: Validator, valid: Sequence[Record], invalid: Told) -> None:
        records = [*valid, *(record for _, record in invalid)]
        records = [{**record, "busway_unknown": number} for number, record in enumerate(records * 2)]
        expected = [repr(validator.validate(copy.deepcopy(record))) for record in records]
        together = threading.Barrier(THREADS)

        def ask(offset: int) -> int:
            together.wait(10)
            return sum(
                repr(validator.validate(copy.deepcopy(records[at]))) != expected[at]
                for turn in range(ROUNDS)
                for at in [(offset + turn) % len(records)]
            )

        interval = sys.getswitchinterval()
        sys.setswitchinterval(1e-6)
        try:
            with ThreadPoolExecutor(THREADS) as threads:
                wrong = sum(threads.map(ask, range(THREADS)))
        finally:
            sys.setswitchinterval(interval)
        assert not wrong, f"asked by {THREADS} threads at once, {wrong} verdicts were others than asked by one"

    def test_it_asks_no_remote(
        self, validator: Validator, valid: Sequence[Record], invalid: Told, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The same record must give the same verdict, and a run must not wait for a validator."""
        attempts: list[object] = []

        def refuse(*arguments: object, **options: object) -> None:
            attempts.append(arguments)
            raise ConnectionRefusedError("a validator asks no remote")

        for owner, call in ((socket.socket, "connect"), (socket.socket, "connect_ex"), (socket, "getaddrinfo")):
            monkeypatch.setattr(owner, call, refuse)
        for record in (*valid, *(record for _, record in invalid)):
            validator.validate(copy.deepcopy(record))
        assert not attempts, "validate() reached for the network"


def _calls_for(validator: Validator, record: Record) -> int:
    """How many functions, in Python and in C, it takes to judge ``record``."""
    record, count = copy.deepcopy(record), 0

    def note(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        validator.validate(record)
    finally:
        sys.setprofile(before)
    return count
