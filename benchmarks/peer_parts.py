"""How the scripts are driven that measure beside peers: an environment that has them, and a process for each part.

A part of ``events.py`` is the script ``events_PART.py``; it prints tables, each one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from harness import ROOT, full_environment, report

__all__ = ["measure"]

HERE = Path(__file__).parent


def measure(
    name: str, description: str | None, parts: Sequence[str], peers: Sequence[str], *, have_rounds: bool = False
) -> None:
    """Reads the command line of ``NAME.py`` and shows what its parts, or those asked for, measure.

    :param have_rounds: each part takes a number of rounds.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    # Not by choices: up to 3.11.8, argparse looks for an empty list among them.
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(parts)}; all without any")
    parser.set_defaults(rounds=None)
    if have_rounds:
        parser.add_argument("--rounds", type=int, help="of each part; else as many as each needs")
    parser.add_argument("--python", type=Path, help="an interpreter that has Busway and the peers, to build nothing")
    arguments = parser.parse_args()
    if not set(arguments.parts) <= set(parts):
        parser.error(f"parts are: {', '.join(parts)}")
    with environment(arguments.python, peers) as python:
        for part in arguments.parts or parts:
            print(f"\n{part}: load of the machine {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores", flush=True)
            for table in tables(python, HERE / f"{name}_{part}.py", arguments.rounds):
                report(table["title"], table["rows"])


@contextmanager
def environment(given: Path | None, peers: Sequence[str]) -> Iterator[Path]:
    """An interpreter with every wheel of Busway and every peer; what both need is there once, as Busway pins it."""
    if given is not None:
        yield given
        return
    with full_environment() as bin_dir:
        python = bin_dir / "python"
        pins = ("--constraint", str(ROOT / "requirements.txt"))
        command = ["uv", "pip", "install", "--python", str(python), "--compile-bytecode", *pins, *peers]
        subprocess.run(command, check=True, capture_output=True)
        yield python


def tables(python: Path, script: Path, rounds: int | None) -> Iterator[dict[str, Any]]:
    """What a part prints, as soon as it does."""
    command = [str(python), "-W", "ignore", str(script), *([] if rounds is None else [str(rounds)])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as running:
        assert running.stdout is not None
        for line in running.stdout:
            yield json.loads(line)
    if running.returncode:
        raise SystemExit(f"{script.name} failed: run it by itself with {python}")
