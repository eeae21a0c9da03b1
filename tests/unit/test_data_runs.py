"""Snapshots of a run."""

from __future__ import annotations

import gc
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest

from builders.data_managers import open_manager
from busway.contracts.runs import RunData
from busway.errors import UsageError


def test_a_snapshot_is_loaded_once_per_run_and_key() -> None:
    data, calls = open_manager(), []

    def load() -> list[object]:
        calls.append(1)
        return [object()]  # need not be JSON

    with data.begin_run() as run:
        one = run.get_or_populate("vista.employees", loader=load)
        assert run.get_or_populate("vista.employees", loader=load) is one
        assert run.get_or_populate("vista.employees", loader=load, key="office") is not one
    with data.begin_run() as run:
        assert run.get_or_populate("vista.employees", loader=load) is not one
    assert len(calls) == 3
    assert data.get_cached_data("vista.employees") is None


def test_a_generator_serves_every_job() -> None:
    with open_manager().begin_run() as run:
        assert list(run.get_or_populate("d", loader=lambda: iter([1, 2]))) == [1, 2]
        assert list(run.get_or_populate("d", loader=lambda: iter([1, 2]))) == [1, 2]


def test_a_load_that_fails_is_tried_again() -> None:
    with open_manager().begin_run() as run:
        with pytest.raises(ZeroDivisionError):
            run.get_or_populate("d", loader=lambda: 1 // 0)
        assert run.get_or_populate("d", loader=lambda: 1) == 1


def test_jobs_in_many_threads_share_one_load() -> None:
    start, calls = threading.Barrier(16), []

    def load() -> list[int]:
        calls.append(1)
        return [1]

    with open_manager().begin_run() as run, ThreadPoolExecutor(16) as pool:

        def ask(_: int) -> list[int]:
            start.wait(10)
            return run.get_or_populate("d", loader=load)

        answers = list(pool.map(ask, range(16)))
    assert len(calls) == 1
    assert all(answer is answers[0] for answer in answers)


def test_a_run_that_is_over_is_told() -> None:
    with open_manager().begin_run() as run:
        data: RunData = run
        data.get_or_populate("d", loader=lambda: 1)
    with pytest.raises(UsageError, match="BW2009"):
        run.get_or_populate("d", loader=lambda: 1)


def test_names_are_checked() -> None:
    with open_manager().begin_run() as run, pytest.raises(UsageError, match="BW2001"):
        run.get_or_populate("not a name", loader=lambda: 1)


def test_everything_is_released_at_the_end_also_when_a_job_fails() -> None:
    class Rows(list[int]):
        """A list that can be watched."""

    watched: list[weakref.ref[Rows]] = []

    def load() -> Rows:
        rows = Rows([1, 2])
        watched.append(weakref.ref(rows))
        return rows

    def job() -> None:
        with open_manager().begin_run() as run:
            run.get_or_populate("vista.employees", loader=load)
            gc.collect()
            assert watched[0]() is not None
            raise ConnectionError

    with pytest.raises(ConnectionError) as caught:
        job()
    caught.value.__traceback__ = None
    gc.collect()
    assert watched[0]() is None


def test_a_load_that_ends_after_the_run_is_not_kept() -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow() -> list[int]:
        begun.set()
        assert go_on.wait(10)
        return [1]

    with ThreadPoolExecutor(1) as pool:
        with open_manager().begin_run() as run:
            asked = pool.submit(run.get_or_populate, "d", loader=slow)
            assert begun.wait(10)
        go_on.set()
        assert isinstance(asked.exception(10), UsageError)
    assert run._values == {}


def test_one_name_in_two_spellings_is_one_snapshot() -> None:
    with open_manager().begin_run() as run:
        assert run.get_or_populate("vista", loader=lambda: [1]) is run.get_or_populate("vista._", loader=lambda: [2])
