"""The service: schedule, runs, probes and API of one deployment, from start to stop."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from busway.contracts.events import Severity
from busway.errors import BuswayError
from busway.stores.run_requests import RunRequest
from busway.views.jobs import schedule_of
from busway_service import __version__
from busway_service.checks import Check, make_checks
from busway_service.clockwork import Clockwork
from busway_service.numbers import Numbers
from busway_service.orphans import bury_orphans
from busway_service.run_queue import RunQueue
from busway_service.runner import Runner
from busway_service.standing import BEAT_SECONDS, Phase, Standing

if TYPE_CHECKING:
    from busway_service.startup import Validated

__all__ = ["Service"]

TICK_SECONDS = 1.0
CHECK_SECONDS = 5.0
CLOSING_SECONDS = 7.0
"""What is kept of the grace for the delivery of the last events (5 s), and for what answers still have to say."""
SWITCH_SECONDS = 0.0002
"""How long a thread that computes may keep the interpreter from the one that answers probes: several deliver events
here while a large run writes them."""

_log = logging.getLogger("busway.service")


class Service:
    """Everything of one process. Made in the loop's thread; :meth:`run` returns the exit code."""

    def __init__(self, parts: Validated, *, tick_seconds: float = TICK_SECONDS) -> None:
        self.app, self.policy = parts.app, parts.policy
        self._listener = parts.listener
        self._tick_seconds = tick_seconds
        schedule = schedule_of(self.app)
        self.standing = Standing()
        self.numbers = Numbers(self.app.metrics)
        self.queue = RunQueue(self.app, self.policy.waiting_runs)
        self.clockwork = Clockwork(self.app, schedule)
        grace = max(1.0, self.policy.grace_seconds - CLOSING_SECONDS)
        self.runner = Runner(self.app, schedule, grace, self._run_ended)
        self._grace_seconds = grace
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        self._signal = 0

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._listener.getsockname()[1])

    @property
    def alive(self) -> bool:
        """Whether the clockwork is looked after."""
        return self.app.clock.monotonic() - self.clockwork.ticked < self._beat_seconds

    @property
    def _beat_seconds(self) -> float:
        return max(BEAT_SECONDS, 10 * self._tick_seconds)

    async def run(self) -> int:
        """Serves until a signal, or :meth:`stop`; returns 128 + signal, or 0."""
        from busway_service.web.server import Server

        sys.setswitchinterval(SWITCH_SECONDS)
        server = Server(self, self._listener)
        self._listen_to_signals()
        serving = asyncio.create_task(server.run())
        work = asyncio.create_task(self._work())
        stopped = asyncio.create_task(self._stopping.wait())
        try:
            done, _ = await asyncio.wait({serving, work, stopped}, return_when=asyncio.FIRST_COMPLETED)
            for task in done - {stopped}:
                task.result()  # neither ends by itself but by an error
            await self._end_run(work)
        finally:
            self.standing.phase = Phase.STOPPING
            server.stop()
            work.cancel()
            with suppress(asyncio.CancelledError):
                await work
            await serving
            self._forget_signals()
        return 128 + self._signal if self._signal else 0

    def stop(self) -> None:
        """Begins to stop. To be called in the loop's thread, or by a signal handler of the loop."""
        self.standing.phase = Phase.STOPPING
        self.runner.stop()
        self._stopping.set()

    def wake(self) -> None:
        """Something waits to run; from any thread."""
        self._loop.call_soon_threadsafe(self.runner.wake)

    async def _work(self) -> None:
        await asyncio.to_thread(self._begin)
        if self.standing.phase is Phase.STARTING:
            self.standing.phase = Phase.RUNNING
        await asyncio.gather(
            self.runner.run(),
            self._repeatedly(self._tick, self._tick_seconds),
            self._repeatedly(self._check, CHECK_SECONDS),
            self._bury(),
        )

    def _begin(self) -> None:
        """What has to be done before anything else: events that a killed process left are on their way from here on."""
        attributes = {"operation": "service started", "version": __version__, "pid": os.getpid()}
        self.standing.started_ns = self.app.clock.now_ns()
        self.app.events.emit("system", severity=Severity.INFO, attributes=attributes)
        self._check()

    def _tick(self) -> None:
        if self.clockwork.tick() is not None:
            self.wake()
        self.numbers.jobs(self.clockwork.upcoming(), self.clockwork.late())

    def _check(self) -> None:
        self.standing.checks = make_checks(self.app, self.policy, self.runner)
        self.standing.checked_ns = self.app.clock.now_ns()
        opened = self.app.state.run_requests.open()
        running = next((one for one in opened if one.state == "running"), None)
        self.numbers.standing(
            ready=self.standing.ready,
            degraded=self.standing.degraded,
            waiting=sum(one.state == "waiting" for one in opened),
            since_ns=running.started_ns if running else 0,
        )

    async def _repeatedly(self, action: Callable[[], None], seconds: float) -> None:
        while not self._stopping.is_set():
            await asyncio.to_thread(self._guarded, action)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), seconds)

    def _guarded(self, action: Callable[[], None]) -> None:
        """The service outlives a store that is away for a while: it is unready meanwhile, and says why."""
        try:
            action()
        except (BuswayError, OSError) as error:
            what = error.problem.what if isinstance(error, BuswayError) else type(error).__name__
            _log.warning("%s failed: %s", action.__name__.strip("_"), what)
            self.standing.checks = [Check("state", "failed", what, "busway doctor")]

    async def _bury(self) -> None:
        while os.getpid() == 1 and not self._stopping.is_set():
            current = self.runner.current
            bury_orphans({current.process.pid} if current else ())
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), self._tick_seconds)

    async def _end_run(self, work: asyncio.Task[None]) -> None:
        """Waits for the run under way, which was asked to stop; past the grace it is made to."""
        if not (await asyncio.wait({work}, timeout=self._grace_seconds))[0]:
            _log.warning("the run did not stop within %.0f s: it is ended", self._grace_seconds)
            self.runner.kill()
            await asyncio.wait({work}, timeout=1.0)

    def _run_ended(self, request: RunRequest, outcome: str) -> None:
        self.numbers.run_ended(request.origin, outcome)
        _log.info("run %s of %s: %s", request.run_id, ", ".join(request.jobs), outcome)

    def _listen_to_signals(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            with suppress(ValueError, RuntimeError):  # not in a thread of a test
                self._loop.add_signal_handler(number, self._signalled, number)

    def _forget_signals(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            with suppress(ValueError, RuntimeError):
                self._loop.remove_signal_handler(number)

    def _signalled(self, number: int) -> None:
        if self._signal:
            # The second one: what is in the journals and in state.db is safe, and the next start settles the rest.
            self.runner.kill()
            os._exit(128 + number)
        self._signal = number
        self.stop()
