"""The runner: carries out what waits, one run at a time, and accounts for each."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from busway.cli.deciding import ACTOR
from busway.contracts.events import EventError, Severity
from busway.errors import BuswayError
from busway.stores.run_requests import RunRequest
from busway.sync.lease import holder
from busway_service.clockwork import SCHEDULE
from busway_service.left_over import settle_left_over
from busway_service.run_process import Ending, RunProcess, command_of

if TYPE_CHECKING:
    from busway.app import App
    from busway.operation.schedule_policy import SchedulePolicy

__all__ = ["MOST_ATTEMPTS", "Runner"]

MOST_ATTEMPTS = 3
"""A run whose process dies so often is not begun again by itself."""
LOOK_SECONDS = 1.0
"""How often a queue that cannot go on is looked at; a new request is seen at once."""
NOT_BEGUN = frozenset({"BW7002", "BW7004"})
"""Another run was going on, or all jobs were paused: the run waits on."""

_log = logging.getLogger("busway.service")


@dataclass(slots=True)
class Current:
    """The run that is under way."""

    request: RunRequest
    process: RunProcess
    stopping: bool = False
    """The service asked it to stop."""
    overdue: bool = False
    """It took longer than it may."""


class Runner:
    """Takes what waits, as long as the service is to run.

    :param grace_seconds: what a run that is asked to stop gets to finish the record in hand.
    """

    def __init__(
        self, app: App, policy: SchedulePolicy, grace_seconds: float, told: Callable[[RunRequest, str], None]
    ) -> None:
        self._app = app
        self._policy = policy
        self._grace_seconds = grace_seconds
        self._told = told
        self._requests = app.state.run_requests
        self._wake = asyncio.Event()
        self._stopped = False
        self.current: Current | None = None
        self.trouble = ""
        """Why nothing can be begun; empty while all is well."""

    def wake(self) -> None:
        """Something waits. To be called in the loop's thread."""
        self._wake.set()

    async def run(self) -> None:
        """Until it is stopped, and the run that was under way has ended."""
        while not self._stopped:
            request = await asyncio.to_thread(self._take)
            if request is None:
                await self._rest()
            else:
                await self._carry_out(request)

    def stop(self) -> None:
        """Begins nothing more, and asks the run that is under way to stop after the record in hand."""
        self._stopped = True
        self._wake.set()
        if self.current is not None:
            self.current.stopping = True
            self.current.process.stop()

    def kill(self) -> None:
        """Ends the run that is under way at once; it waits again, and its record in hand is read back."""
        if self.current is not None:
            self.current.process.kill()

    def _take(self) -> RunRequest | None:
        """The next run, begun; ``None`` while there is none, or it may not begin."""
        try:
            found = self._next()
        except (BuswayError, OSError) as error:
            # Without the coordinator nobody knows who else runs, and without state.db nothing is accounted for.
            self.trouble = f"{error.problem.what} [{error.code}]" if isinstance(error, BuswayError) else str(error)
            return None
        self.trouble = ""
        return found

    def _next(self) -> RunRequest | None:
        opened = self._requests.open()
        if not opened or self._stopped or self._app.state.pauses.of("", self._app.clock.now_ns()):
            return None
        if self._app.sync.running() is not None:
            return None
        for one in opened:
            if one.state == "running":
                self._settle(one)
                return None
        first = opened[0]
        return first if self._requests.take(first.run_id, holder(), self._app.clock.now_ns()) else None

    def _settle(self, left: RunRequest) -> None:
        """A run whose service was killed, and which has ended since."""
        outcome = settle_left_over(self._app, left, MOST_ATTEMPTS)
        if outcome:
            self._told(left, outcome)

    async def _carry_out(self, request: RunRequest) -> None:
        try:
            process = await RunProcess.start(*self._command(request))
        except OSError as error:
            self.trouble = f"no process could be started: {error.strerror}"
            await asyncio.to_thread(self._requests.wait_again, request.run_id, counted=False)
            await self._rest()
            return
        current = self.current = Current(request, process)
        if self._stopped:
            self.stop()
        try:
            ending = await self._watched(current, self._longest(request))
        finally:
            self.current = None
        await asyncio.to_thread(self._account, current, ending)
        if ending.code in NOT_BEGUN:
            await self._rest()

    def _command(self, request: RunRequest) -> tuple[list[str], dict[str, str]]:
        stage = self._app.boot
        actor = {} if request.origin == SCHEDULE else {ACTOR: request.actor}
        return command_of(request, stage.deployment.root, safe=stage.safe), {**stage.environ, **actor}

    async def _watched(self, current: Current, longest: float | None) -> Ending:
        """Its end; what exceeds its time is asked to stop, and then made to."""
        ending = asyncio.ensure_future(current.process.ended())
        if longest is not None and not (await asyncio.wait({ending}, timeout=longest))[0]:
            current.overdue = True
            current.process.stop()
            if not (await asyncio.wait({ending}, timeout=self._grace_seconds))[0]:
                current.process.kill()
        return await ending

    def _longest(self, request: RunRequest) -> float | None:
        """Seconds the run may take: those of its jobs together; ``None`` when one has no limit."""
        limits = [self._policy.of(job).stop_seconds for job in request.jobs]
        return sum(limits) if limits and all(limits) else None

    def _account(self, current: Current, ending: Ending) -> None:
        request, outcome = current.request, ending.outcome
        if ending.code in NOT_BEGUN:
            self._requests.wait_again(request.run_id, counted=False)
            return
        cut_short = outcome in ("stopped", "crashed")
        if cut_short and current.stopping:
            # The service's own stop did it: the next start goes on with the run.
            self._requests.wait_again(request.run_id, counted=outcome == "crashed")
            self._told(request, "put off")
            return
        if cut_short and current.overdue:
            self._tell("overdue", "BW8125", request, "took longer than it may, and was ended")
            outcome = "overdue"  # it would take as long again
        if outcome == "crashed":
            self._tell("crash", "BW8122", request, f"died ({_how(ending.exit_code)})")
            if request.attempts + 1 < MOST_ATTEMPTS:
                self._requests.wait_again(request.run_id)
                self._told(request, outcome)
                return
            outcome = "abandoned"
        self._requests.end(request.run_id, outcome, self._app.clock.now_ns(), ending.result_code, ending.report())
        self._told(request, outcome)

    def _tell(self, kind: str, code: str, request: RunRequest, what: str) -> None:
        message = f"the process of a run of {', '.join(request.jobs)} {what}"
        attributes = {"run_id": request.run_id, "attempt": request.attempts + 1}
        error = EventError(kind, message, code=code)
        self._app.events.emit("error", severity=Severity.ERROR, attributes=attributes, error=error)

    async def _rest(self) -> None:
        self._wake.clear()
        if self._stopped:
            return
        try:
            await asyncio.wait_for(self._wake.wait(), LOOK_SECONDS)
        except TimeoutError:
            return


def _how(exit_code: int) -> str:
    return f"signal {-exit_code}" if exit_code < 0 else f"exit {exit_code}"
