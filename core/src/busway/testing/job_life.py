"""Checks of a job's life: built, called from several threads, closed."""
# ruff: noqa: S101, D102 - a check is an assertion with its own message, and its name is its documentation.

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pytest

from busway.contracts.jobs import Job
from busway.testing.job_trials import Sample, Trial, error_of, is_empty, shown

__all__ = ["LifeChecks"]

T = TypeVar("T")


class LifeChecks:
    """From building to closing."""

    def test_building_connects_to_nothing(self, build: Callable[[], Job] | None) -> None:
        if build is None:
            pytest.skip("define the fixture 'build' to have it checked that building connects to nothing")
        attempts: list[object] = []

        def refuse(*arguments: object, **options: object) -> None:
            attempts.append(arguments)
            raise ConnectionRefusedError("building a job connects to nothing")

        with pytest.MonkeyPatch.context() as patch:
            for owner, call in ((socket.socket, "connect"), (socket.socket, "connect_ex"), (socket, "getaddrinfo")):
                patch.setattr(owner, call, refuse)
            built: list[Job] = []
            error = error_of(lambda: built.append(build()))
        assert not attempts, "building a job reached for the network; every command would wait for it"
        assert error is None, f"building a job failed with {type(error).__name__}"
        error_of(built[0].close)

    def test_other_threads_may_call_it(self, trial: Trial) -> None:
        """The engine runs a job in a thread of its own; the application that built it closes it."""
        samples = _elsewhere(trial.samples)
        _elsewhere(lambda: trial.create(samples[0]))
        held = _elsewhere(lambda: trial.held(samples[0].key))
        assert len(held) == 1, "what one thread created, another does not read"
        _elsewhere(trial.job.close)

    def test_several_threads_may_write(self, trial: Trial) -> None:
        width = trial.job.concurrency
        if width <= 1:
            pytest.skip("the job's concurrency is 1: it is never called by two threads at once")
        samples = trial.samples()
        together = threading.Barrier(min(width, len(samples)))

        def create(sample: Sample) -> object:
            if sample in samples[: together.parties]:
                together.wait(10)
            return trial.id_of(trial.create(sample))

        with ThreadPoolExecutor(width) as threads:
            ids = list(threads.map(create, samples))
        assert not any(map(is_empty, ids)), "a create that ran beside others answered without an id"
        assert len(set(map(str, ids))) == len(ids), "two creates that ran side by side answered with the same id"
        for sample in samples:
            mixed = trial.change_of(trial.only(sample.key), sample.record).fields
            assert not mixed, f"creates that ran side by side mixed up {shown(one.name for one in mixed)}"

    def test_closing_twice_is_harmless(self, trial: Trial) -> None:
        trial.target()
        trial.job.close()
        trial.job.close()

    def test_closing_before_the_first_read_is_harmless(self, trial: Trial) -> None:
        trial.job.close()


def _elsewhere(call: Callable[[], T]) -> T:
    """The result of ``call`` in a thread of its own."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(call).result()
