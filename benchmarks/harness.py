"""What the benchmarks share: an environment with installed wheels, timed processes, ratios.

Times vary with the machine; ratios within one run are what holds. Commands that are compared are run in turns.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar

__all__ = ["ROOT", "against", "core_environment", "full_environment", "report", "timed", "times_ms", "turns"]

T = TypeVar("T")

ROOT = Path(__file__).resolve().parent.parent


@contextmanager
def full_environment() -> Iterator[Path]:
    """``bin`` of a fresh environment with every wheel installed and its byte code compiled."""
    with tempfile.TemporaryDirectory(prefix="busway-bench-") as folder:
        yield _install(Path(folder), ["--requirement", str(ROOT / "requirements.txt")], "*.whl")


@contextmanager
def core_environment() -> Iterator[Path]:
    """``bin`` of a fresh environment with the core alone, and what it needs at the pinned versions."""
    with tempfile.TemporaryDirectory(prefix="busway-bench-") as folder:
        yield _install(Path(folder), ["--constraint", str(ROOT / "requirements.txt")], "busway-[0-9]*.whl")


def _install(folder: Path, options: Sequence[str], wheels: str) -> Path:
    dist = folder / "dist"
    _quiet("uv", "build", "--all-packages", "--wheel", "--out-dir", str(dist), cwd=ROOT)
    _quiet("uv", "venv", "--python", sys.executable, str(folder / "venv"))
    files = [str(path) for path in sorted(dist.glob(wheels))]
    python = str(folder / "venv" / "bin" / "python")
    _quiet("uv", "pip", "install", "--python", python, "--compile-bytecode", *options, *files)
    return folder / "venv" / "bin"


def _quiet(*command: str, cwd: Path | None = None) -> None:
    subprocess.run(command, cwd=cwd, check=True, capture_output=True)


def timed(command: Sequence[str], *, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> float:
    """Seconds of one whole process; its output is thrown away. Raises when it fails."""
    started = time.perf_counter()
    subprocess.run(command, cwd=cwd, env={**os.environ, **(env or {})}, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def turns(work: Mapping[str, Callable[[], T]], rounds: int) -> dict[str, list[T]]:
    """The results of each piece of work, done in turns after one turn that does not count."""
    results: dict[str, list[T]] = {name: [] for name in work}
    for turn in range(rounds + 1):
        for name, call in work.items():
            result = call()
            if turn:
                results[name].append(result)
    return results


def times_ms(
    commands: Mapping[str, Sequence[str]], *, rounds: int = 15, cwd: Path | None = None
) -> dict[str, list[float]]:
    """Milliseconds of each command, run in turns after one turn that does not count."""
    seconds = turns({name: partial(timed, command, cwd=cwd) for name, command in commands.items()}, rounds)
    return {name: [value * 1000 for value in values] for name, values in seconds.items()}


def against(times: Mapping[str, Sequence[float]], name: str, base: str) -> str:
    """``58 ms, fastest 55 (4.3 x)``: median, minimum, and the median of the ratios of each turn."""
    ratio = statistics.median(one / other for one, other in zip(times[name], times[base], strict=True))
    return f"{statistics.median(times[name]):.0f} ms, fastest {min(times[name]):.0f} ({ratio:.1f} x)"


def report(title: str, rows: Sequence[tuple[str, str, str]]) -> None:
    """Prints one table: what, goal, measured."""
    print(f"\n{title}")
    width = max(len(what) for what, _, _ in rows)
    for what, goal, measured in rows:
        print(f"  {what:<{width}}  goal {goal:<22} measured {measured}")
