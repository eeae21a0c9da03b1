"""What the parts of ``sync.py`` share: a deployment with the plugin of a benchmark, and what a process has used."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["Used", "answer", "child", "deployment", "peak_mib", "resident_mib", "searched", "used"]

TOML = """\
app = "bench"
[plugins]
jobs = ["bench"]
validators = ["bench"]
[sync.employees]
allow_empty_source = true
max_source_drop_pct = 100
max_updates_pct = 100
max_deactivations_pct = 100
"""
"""Brakes are checked and do not hold: what is planned and written is the same each time."""

Used = dict[str, float]
"""Numbers of one process, by name."""


def deployment(folder: Path, module: str) -> Path:
    """A ``busway.toml`` in ``folder``, and the metadata of a plugin whose module is ``module``.

    Returns the folder that has to be on the search path, as if the plugin were installed there.
    """
    (folder / "busway.toml").write_text(TOML, "utf-8")
    info = folder / "site" / "busway_bench-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: busway-bench\nVersion: 1.0\n", "utf-8")
    points = "".join(f"[busway.v1.{kind}]\nbench = {module}\n" for kind in ("jobs", "validators"))
    (info / "entry_points.txt").write_text(points, "utf-8")
    (info / "RECORD").write_text("", "utf-8")
    return info.parent


def child(script: str, *arguments: str) -> dict[str, Any]:
    """What a fresh process of ``script`` answers."""
    done = subprocess.run([sys.executable, script, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{script} {' '.join(arguments)} failed: {done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def answer(numbers: dict[str, Any]) -> None:
    """What a process started by :func:`child` ends with."""
    print(json.dumps(numbers), flush=True)


def used(work: Callable[[], object]) -> Used:
    """Seconds and processor seconds of ``work``."""
    began, processor = time.perf_counter(), time.process_time()
    work()
    return {"seconds": time.perf_counter() - began, "processor": time.process_time() - processor}


def resident_mib() -> float:
    """Memory of this process now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def peak_mib() -> float:
    """The most memory this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@contextmanager
def searched(*folders: Path) -> Iterator[None]:
    """The folders are on the search path."""
    before: Sequence[str] = list(sys.path)
    sys.path.extend(map(str, folders))
    try:
        yield
    finally:
        sys.path[:] = before
