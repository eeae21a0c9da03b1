"""Runs foreign code in a child process: whatever it does to its process, this one hears how it ended.

The child answers in lines of JSON on a pipe of its own, because a plugin may print to standard output and close or
replace what it likes. On the same pipe `faulthandler` writes where the child was when it crashed or ran out of time.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from busway.plugins.dump import innermost_place

__all__ = ["ChildRun", "run_child"]

START = (
    "import json, sys; request = json.load(sys.stdin); sys.path[:] = request['path']; "
    "from importlib import import_module; import_module(request['program']).main(request)"
)
"""The child finds modules where this process does, wherever its interpreter would look."""
GRACE_SECONDS = 1.0
"""After its time the child ends itself, which tells where it was; only then is it killed."""
LOOK_SECONDS = 0.05
"""How often it is looked whether the child has ended: a grandchild can hold its pipes open for ever."""
LONGEST_ANSWER = 4 * 1024 * 1024


@dataclass(slots=True)
class ChildRun:
    """What became of one child."""

    messages: list[dict[str, Any]] = field(default_factory=list)
    """What it said, in order."""
    exit_code: int | None = None
    """None when it said all it had to say, or was stopped from outside."""
    overdue: bool = False
    """It did not end in time."""
    place: str = ""
    """Where it was when it crashed or ran out of time: file, line and function."""
    printed: int = 0
    """Bytes that it wrote to standard output."""

    def said(self, key: str) -> Any:
        """The last message with `key`; None when there is none."""
        return next((message[key] for message in reversed(self.messages) if key in message), None)

    @property
    def ending(self) -> str:
        """How it ended, in words."""
        if self.exit_code is not None and self.exit_code < 0:
            return f"was killed by {_signal_name(-self.exit_code)}"
        return f"ended with exit code {self.exit_code}"


def run_child(
    program: str, request: Mapping[str, Any], *, seconds: float, stop: threading.Event | None = None
) -> ChildRun:
    """Start a Python process, hand it `request`, and listen until it has said `done`, has ended or is overdue.

    :param program: a module with a function `main`, which gets the request with `fd`, the pipe to answer on, and
        `deadline`, the time at which it must have ended (seconds since the epoch).
    :param stop: set from another thread, it ends the child and this call.

    The child and all that it started are gone when this returns. Raises `OSError` when it cannot be started.
    """
    reading, writing = os.pipe()
    told = {**request, "program": program, "path": sys.path, "fd": writing, "deadline": time.time() + seconds}
    try:
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", START],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            pass_fds=(writing,),
            start_new_session=True,
        )
    except OSError:
        os.close(reading)
        raise
    finally:
        os.close(writing)
    listener = _Listener(process, reading)
    try:
        _hand_over(process, json.dumps(told).encode())
        return listener.listen(time.monotonic() + seconds + GRACE_SECONDS, stop or threading.Event())
    finally:
        _end(process)
        listener.close()


def _hand_over(process: subprocess.Popen[bytes], request: bytes) -> None:
    assert process.stdin is not None  # noqa: S101 - for the type checker
    with suppress(BrokenPipeError), process.stdin as stream:  # it has ended already, and that is told in a moment
        stream.write(request)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill the child and its whole group: what a plugin started must not outlive the check of it."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


class _Listener:
    """Reads what one child writes."""

    def __init__(self, process: subprocess.Popen[bytes], answers: int) -> None:
        assert process.stdout is not None  # noqa: S101 - for the type checker
        self._process = process
        self._answers = answers
        self._output = process.stdout
        self._heard = bytearray()
        self._run = ChildRun()
        self._selector = selectors.DefaultSelector()
        for stream in (answers, process.stdout.fileno()):
            os.set_blocking(stream, False)
            self._selector.register(stream, selectors.EVENT_READ)

    def listen(self, deadline: float, stop: threading.Event) -> ChildRun:
        while not self._is_done() and not stop.is_set():
            ended = self._process.poll()
            if ended is None and not self._selector.get_map():
                time.sleep(LOOK_SECONDS)  # it has closed both pipes and lives on
            self._read(0 if ended is not None else LOOK_SECONDS)
            if ended is not None or time.monotonic() > deadline:
                self._run.exit_code = ended
                self._run.overdue = ended is None
                break
        self._read(0)
        return self._told()

    def close(self) -> None:
        self._selector.close()
        self._output.close()
        os.close(self._answers)

    def _is_done(self) -> bool:
        return b'\n{"done": ' in self._heard and self._heard.endswith(b"\n")

    def _read(self, seconds: float) -> None:
        """Everything that is there now; waits at most `seconds` for something."""
        for key, _ in self._selector.select(seconds):
            while block := _block(key.fd):
                self._keep(key.fd, block)
            if block is not None:  # closed: it would count as readable for ever
                self._selector.unregister(key.fd)

    def _keep(self, stream: int, block: bytes) -> None:
        if stream != self._answers:
            self._run.printed += len(block)
        elif len(self._heard) < LONGEST_ANSWER:
            self._heard += block

    def _told(self) -> ChildRun:
        dump: list[str] = []
        for line in self._heard.decode("utf-8", "replace").splitlines():
            message = _message(line)
            if message is None:
                dump.append(line)
            else:
                self._run.messages.append(message)
        self._run.overdue |= any(line.startswith("Timeout (") for line in dump)
        self._run.place = innermost_place(dump)
        if self._run.said("done") is not None:
            self._run.exit_code, self._run.overdue = None, False
        return self._run


def _block(stream: int) -> bytes | None:
    """What can be read now; empty when the stream is closed, None when there is nothing yet."""
    try:
        return os.read(stream, 65536)
    except BlockingIOError:
        return None


def _message(line: str) -> dict[str, Any] | None:
    try:
        message = json.loads(line)
    except ValueError:
        return None
    return message if isinstance(message, dict) else None


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
