"""Events beside the logging, telemetry and notification libraries: what emitting costs, what survives, what people get.

uv run python benchmarks/events.py [emit] [exits] [stall] [forks] [books] [digests] [sending] [--rounds N]
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

from harness import full_environment, report

PEERS = (
    "structlog==26.1.0",
    "loguru==0.7.3",
    "opentelemetry-sdk==1.45.2",
    "logfire==5.2.0",
    "sentry-sdk==2.75.0",
    "apprise==2.3.0",
    "standardwebhooks==1.1.0",
)
SERVERS = ("aiosmtpd==1.4.6", "trustme==1.2.1")
PARTS = ("emit", "exits", "stall", "forks", "books", "digests", "sending")


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    # Not by choices: up to 3.11.8, argparse looks for an empty list among them.
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; all without any")
    parser.add_argument("--rounds", type=int, help="of each part; the schedules of books; else as many as each needs")
    parser.add_argument("--python", type=Path, help="an interpreter that has Busway and the peers, to build nothing")
    arguments = parser.parse_args()
    if not set(arguments.parts) <= set(PARTS):
        parser.error(f"parts are: {', '.join(PARTS)}")
    with environment(arguments.python) as python:
        for part in arguments.parts or PARTS:
            print(f"\n{part}: load of the machine {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores", flush=True)
            for table in tables(python, part, arguments.rounds):
                report(table["title"], table["rows"])


@contextmanager
def environment(given: Path | None) -> Iterator[Path]:
    """An interpreter with every wheel of Busway, what the extra ``fast`` brings, and every peer."""
    if given is not None:
        yield given
        return
    with full_environment() as bin_dir:
        python = bin_dir / "python"
        command = ["uv", "pip", "install", "--python", str(python), "--compile-bytecode", *PEERS, *SERVERS]
        subprocess.run(command, check=True, capture_output=True)
        yield python


def tables(python: Path, part: str, rounds: int | None) -> Iterator[dict[str, Any]]:
    """What a part prints, as soon as it does."""
    script = Path(__file__).with_name(f"events_{part}.py")
    command = [str(python), "-W", "ignore", str(script), *([] if rounds is None else [str(rounds)])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as running:
        assert running.stdout is not None
        for line in running.stdout:
            yield json.loads(line)
    if running.returncode:
        raise SystemExit(f"{script.name} failed: run it by itself with {python}")


if __name__ == "__main__":
    main()
