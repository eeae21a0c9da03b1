"""The queue of runs: what a person or the schedule asks for, kept before it is promised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import uuid_utils

from busway.contracts.coordination import Lease
from busway.errors import HeldError, UsageError
from busway.stores.run_requests import RunRequest
from busway.sync.graph import select
from busway.sync.pausing import paused_problem

if TYPE_CHECKING:
    from busway.app import App

__all__ = ["BusyError", "RunQueue", "find_request", "new_run_id"]


@dataclass(frozen=True, slots=True)
class Busy:
    """What a new run would have to wait for."""

    who: str
    since_ns: int
    run_id: str = ""
    """Empty for a run that this service did not begin."""


class BusyError(HeldError):
    """A run was not accepted, because another one is going on or waits."""

    def __init__(self, code: str, what: str, busy: Busy, why: str, fix: str) -> None:
        super().__init__(code, what, where=f"run {busy.run_id}" if busy.run_id else busy.who, why=why, fix=fix)
        self.busy = busy


class RunQueue:
    """Accepts runs. Safe to use from many threads and processes.

    :param most: how many may wait.
    """

    def __init__(self, app: App, most: int) -> None:
        self._app = app
        self._requests = app.state.run_requests
        self._most = most

    def ask(self, jobs: Sequence[str], actor: str, reason: str, *, may_wait: bool) -> RunRequest:
        """Accepts a run of ``jobs`` (none = all); it is kept when this returns.

        :param may_wait: accept it also while another run is going on or waits.

        Raises ``UsageError`` BW4003 for an unknown job; ``HeldError`` BW7004 for a paused one; :class:`BusyError`
        BW7002 while a run is going on, BW8120 when a run of the same jobs waits, or too many do;
        ``UnreachableError`` when nobody can say who runs.
        """
        chosen = tuple(job.name for job in select(self._app.jobs, jobs))
        self._refuse_paused(jobs)
        # Asked outside the transaction: the coordinator may be a remote.
        lease = None if may_wait else self._app.sync.running()
        with self._app.state.transaction():
            opened = self._requests.open()
            if not may_wait:
                _refuse_busy(opened, lease)
            self._refuse_waiting(chosen, [one for one in opened if one.state == "waiting"])
            request = RunRequest(new_run_id(), chosen, "trigger", actor, reason, self._app.clock.now_ns())
            self._requests.add(request)
        return request

    def _refuse_paused(self, jobs: Sequence[str]) -> None:
        now_ns = self._app.clock.now_ns()
        for job in jobs or ("",):
            pause = self._app.state.pauses.of(job, now_ns)
            if pause is not None:
                found = paused_problem(pause)
                raise HeldError(found.code, found.what, where=found.where, why=found.why, fix=found.fix)

    def _refuse_waiting(self, jobs: tuple[str, ...], waiting: Sequence[RunRequest]) -> None:
        same = next((one for one in waiting if set(one.jobs) == set(jobs)), None)
        if same is None and len(waiting) < self._most:
            return
        one = same or waiting[0]
        what = "a run of the same jobs waits already" if same else f"{len(waiting)} runs wait already"
        why = f"asked for by {one.actor}; it will do what this one would have done" if same else "no more may wait"
        raise BusyError("BW8120", what, Busy(one.actor, one.requested_ns, one.run_id), why, "see GET /api/v1/runs")


def find_request(app: App, text: str) -> RunRequest:
    """The request whose id begins with ``text``. Raises ``UsageError`` BW8121 for none or several."""
    found = app.state.run_requests.find(text) if len(text) >= 4 else []
    if len(found) != 1:
        why = f"{len(found)} ids begin so" if found else "no id begins so"
        raise UsageError("BW8121", f"there is no run {text[:40]!r}", why=why, fix="see GET /api/v1/runs")
    return found[0]


def new_run_id() -> str:
    """A UUIDv7: ids of later runs are greater."""
    return str(uuid_utils.uuid7())


def _refuse_busy(opened: Sequence[RunRequest], lease: Lease | None) -> None:
    if opened:
        one = opened[0]
        busy = Busy(one.actor, one.started_ns or one.requested_ns, one.run_id)
        doing = "is going on" if one.state == "running" else "waits to begin"
        what, why = f"another run {doing}", f"{', '.join(one.jobs)}, asked for by {one.actor}"
    elif lease is not None:
        busy = Busy(lease.holder, lease.since_ns)
        what, why = "another run is going on", f"{lease.holder} has begun it"
    else:
        return
    fix = 'wait until it ends, or ask with "when_busy": "queue"'
    raise BusyError("BW7002", what, busy, why, fix)
