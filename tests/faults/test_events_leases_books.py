"""The books balance, and nothing is lost, over random schedules of faults in real processes."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from busway.stores.state import StateStore

PROCESS = """
import os, random, sys
from pathlib import Path
from busway import Delivery
from busway.contracts.clock import SystemClock
from busway.events import detour, journal
from busway.events.backoff import Backoff
from busway.events.manager import EventManager
from busway.events.worker_parts import WorkerParts
from busway.metrics.registry import Metrics
from busway.redaction.redactor import Redactor
from busway.stores.state import StateStore

# No disk is slow here, however busy the machine is: events that wait for one in memory do not survive a kill.
journal.SLOW_SECONDS = detour.SLOW_SECONDS = 30.0
folder, dice, role = Path(sys.argv[1]), random.Random(int(sys.argv[2])), sys.argv[3]

class Clock(SystemClock):
    offset = 0
    def now_ns(self): return SystemClock.now_ns() + self.offset

class Receiver:
    batch_size = 7
    def __init__(self, name): self.name = name
    def deliver(self, events):
        fate = 1.0 if role == "last" else dice.random()
        if fate < 0.1:
            raise ConnectionError
        taken = events[: dice.randrange(len(events) + 1)] if fate < 0.3 else events
        rejected = {taken.pop().event_id: "no"} if fate < 0.35 and taken else {}
        with (folder / self.name).open("a") as stream:
            stream.write("".join(f"{event.entity_id}\\n" for event in taken))
        if fate > 0.97 and role != "last":
            os.kill(os.getpid(), 9)
        return Delivery.partial(taken, rejected=rejected)
    def close(self): ...

state, clock = StateStore(folder), Clock()
events = EventManager.open(
    folder, sinks=[("one", Receiver("one")), ("two", Receiver("two"))], redactor=Redactor(), clock=clock,
    metrics=Metrics(), state=state, parts=WorkerParts(clock=clock, backoff=Backoff(0.001, maximum_seconds=0.01)),
)
"""
WRITER = """
for number in range(400):
    events.log_creation("thing", f"{os.getpid()}-{number}")
    if number % 20 == 19:
        print(number + 1, flush=True)
        clock.offset = dice.randrange(-10**11, 10**11)
    if number == 150 and os.fork() == 0:
        for child in range(30):
            events.log_creation("thing", f"{os.getpid()}-{child}")
        os._exit(0)
events.flush(1.0)
if dice.random() < 0.5:
    os._exit(0)
events.close(1.0)
"""
LAST = """
for _ in range(20):
    for sink in ("one", "two"):
        events.replay(sink)
    if events.flush(20) and not events.dead_letters():
        break
print(events.books()["one"] == events.books()["two"], *events.books()["one"].values())
events.close(5)
state.close()
"""


def start(folder: Path, seed: int, role: str, script: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", PROCESS + script, str(folder), str(seed), role]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)


def emitted_until_its_end(process: subprocess.Popen[str], dice: random.Random) -> int:
    """How many events it had emitted when it ended, or was killed, at least."""
    assert process.stdout is not None
    said, most = 0, dice.randrange(1, 30)
    for count, line in enumerate(process.stdout):
        said = int(line)
        if count >= most:
            process.send_signal(signal.SIGKILL)
    process.wait(60)
    process.stdout.close()
    return said


@pytest.mark.parametrize("seed", range(3))
def test_a_random_schedule(tmp_path: Path, seed: int) -> None:
    folder, dice = tmp_path / "state", random.Random(seed)
    StateStore(folder).close()
    writers = [start(folder, seed * 10 + number, "writer", WRITER) for number in range(3)]
    said = {str(process.pid): emitted_until_its_end(process, dice) for process in writers}
    last = start(folder, seed, "last", LAST)
    out, _ = last.communicate(timeout=60)
    took = [Counter((folder / name).read_text().splitlines()) for name in ("one", "two")]
    whole = len(took[0])
    assert out.split() == ["True", str(whole), str(whole), "0", "{}", "0"]
    assert took[0].keys() == took[1].keys()
    numbers: dict[str, set[int]] = {}
    for name in took[0]:
        pid, _, number = name.partition("-")
        numbers.setdefault(pid, set()).add(int(number))
    for pid, found in numbers.items():
        assert found == set(range(len(found))), "no gap"
        assert len(found) >= said.get(pid, 0), "what was emitted before the end is there"
    for sink in took:
        assert sink.total() - len(sink) <= 7 * 6, "each death repeats at most one batch"
