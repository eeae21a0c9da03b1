"""One run in a process of its own: a hang, a leak or a crash stays there."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from busway.stores.run_requests import RunRequest

__all__ = ["Ending", "RunProcess", "command_of"]

LONGEST_ANSWER = 64 * 1024 * 1024
"""Bytes of the report that are kept; of a run with more it is not read."""
RUN_PRIORITY = 5
"""Nicer than the service, which has 0."""
OUTCOMES = {0: "ok", 6: "records failed", 7: "held", 130: "stopped", 143: "stopped"}


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended."""

    exit_code: int
    """Negative: the signal that killed it."""
    answer: Mapping[str, Any]
    """What ``busway run --json`` printed; empty when it printed nothing whole."""

    @property
    def outcome(self) -> str:
        """In one word or two."""
        if not self.answer:
            return "crashed"
        return OUTCOMES.get(self.result_code, "failed")

    @property
    def result_code(self) -> int:
        """What the run came to. A signal that finds its process on the way out, the answer given, changes nothing."""
        if self.exit_code >= 0:
            return self.exit_code
        return int(self.answer.get("data", {}).get("exit_code", self.exit_code))

    @property
    def code(self) -> str:
        """The code of the error that kept the run from beginning; empty when it began."""
        return "" if "data" in self.answer else str(self.answer.get("error", {}).get("code", ""))

    def report(self) -> dict[str, Any]:
        """The answer in brief: enough to know what happened, and where it is written down in full."""
        if "data" not in self.answer:
            return {"problem": self.answer["error"]} if "error" in self.answer else {}
        names = ("job", "outcome", "counts", "session_id", "seconds", "held_id", "problem")
        jobs = [{name: job.get(name) for name in names} for job in self.answer["data"]["jobs"]]
        return {"seconds": self.answer["data"]["seconds"], "jobs": jobs}


class RunProcess:
    """The process of one run, and of everything it starts: they are one group."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.pid = process.pid

    @classmethod
    async def start(cls, command: Sequence[str], environ: Mapping[str, str]) -> RunProcess:
        """Starts it. What it says on stderr goes where the service's goes."""
        process = await asyncio.create_subprocess_exec(
            *command,
            env=dict(environ),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        with contextlib.suppress(OSError):
            # Probes come first: a run has all there is to compute, except when the service needs it.
            os.setpriority(os.PRIO_PROCESS, process.pid, RUN_PRIORITY)
        return cls(process)

    async def ended(self) -> Ending:
        """Waits for its end."""
        output = await self._output()
        code = await self._process.wait()
        return Ending(code, _parsed(output))

    def stop(self) -> None:
        """Asks it to stop after the record in hand."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Ends it and all it started, at once."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    async def _output(self) -> bytes:
        kept = bytearray()
        assert self._process.stdout is not None  # noqa: S101 - a pipe was asked for
        while chunk := await self._process.stdout.read(65_536):
            if len(kept) <= LONGEST_ANSWER:
                kept += chunk
        return bytes(kept) if len(kept) <= LONGEST_ANSWER else b""


def command_of(request: RunRequest, root: Path, *, safe: bool) -> list[str]:
    """The command line that carries out ``request`` for the deployment in ``root``."""
    options = ["--safe"] if safe else []
    shared = [sys.executable, "-m", "busway.cli.main", "-C", str(root), *options]
    return [*shared, "run", *request.jobs, "--run-id", request.run_id, "--json"]


def _parsed(output: bytes) -> dict[str, Any]:
    try:
        found = json.loads(output)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
