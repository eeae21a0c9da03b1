"""Leases and quotas of one host when processes die, fork and run side by side."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from busway.contracts.coordination import Quota
from busway.stores.local_coordinator import LocalCoordinator

HOLD = """
import sys
from pathlib import Path
from busway.stores.local_coordinator import LocalCoordinator
coordinator = LocalCoordinator(Path(sys.argv[1]))
lease = coordinator.acquire("run", "the one that dies", 3600)
print(lease.token, flush=True)
sys.stdin.read()
"""

DRAW = """
import sys
from pathlib import Path
from busway.contracts.coordination import Quota
from busway.stores.local_coordinator import LocalCoordinator
coordinator = LocalCoordinator(Path(sys.argv[1]))
sys.stdin.read(1)
print(sum(coordinator.take(Quota("target", 60, 3600)) == 0.0 for _ in range(40)), flush=True)
"""


def child(program: str, folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", program, str(folder)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_the_lease_of_a_killed_process_is_free_at_once(tmp_path: Path) -> None:
    mine = LocalCoordinator(tmp_path)
    with child(HOLD, tmp_path) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "1\n"
        assert mine.acquire("run", "me", 10) is None, "its holder lives"
        holder.kill()
        holder.wait()
    lease = mine.acquire("run", "me", 10)
    assert lease is not None
    assert lease.token == 2
    mine.close()


def test_a_stopped_process_keeps_its_lease_until_it_is_over(tmp_path: Path) -> None:
    """A frozen holder is not gone: only its time ends its lease."""
    mine = LocalCoordinator(tmp_path)
    with child(HOLD, tmp_path) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        os.kill(holder.pid, signal.SIGSTOP)
        assert mine.acquire("run", "me", 10) is None
        holder.kill()
    mine.close()


def test_four_processes_draw_no_more_than_the_quota(tmp_path: Path) -> None:
    LocalCoordinator(tmp_path).close()
    children = [child(DRAW, tmp_path) for _ in range(4)]
    drawn = [int(one.communicate("x")[0]) for one in children]
    assert sum(drawn) == 60


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork.*:DeprecationWarning")
def test_a_forked_child_neither_holds_nor_loses_the_lease_of_its_parent(tmp_path: Path) -> None:
    mine = LocalCoordinator(tmp_path)
    lease = mine.acquire("run", "the parent", 3600)
    assert lease is not None
    pid = os.fork()
    if not pid:
        taken = mine.acquire("run", "the child", 10)
        own = mine.acquire("other", "the child", 10)
        os._exit(0 if taken is None and own is not None else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert mine.current("run") == lease
    assert mine.current("other") is None, "its process is gone"
    assert mine.take(Quota("target", 1, 60.0)) == 0.0
    mine.close()


def test_files_of_dead_processes_are_cleaned_up(tmp_path: Path) -> None:
    with child(HOLD, tmp_path) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        holder.kill()
        holder.wait()
    (left,) = (tmp_path / "locks").glob("*.alive")
    os.utime(left, (1, 1))
    mine = LocalCoordinator(tmp_path)
    mine.acquire("run", "me", 10)
    assert not left.exists()
    assert len(list((tmp_path / "locks").glob("*.alive"))) == 1
    mine.close()
    assert not list((tmp_path / "locks").glob("*.alive"))
