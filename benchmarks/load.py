"""A large employer: 31,059 people and their titles through the real jobs into the sandbox, twice.

uv run python benchmarks/load.py                  synthetic people of that number
uv run python benchmarks/load.py --csv FILE       columns Employee, LastName, FirstName, MidName, Title, Department
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

from harness import full_environment, report

PEOPLE, TITLES, DEPARTMENTS = 31_059, 1_080, 36
COLUMNS = ("Employee", "LastName", "FirstName", "MidName", "Title", "Department")
DEPLOYMENT = """\
app = "load"
[plugins]
validators = ["safetyamp"]
jobs = ["safetyamp"]
"""


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description="Time a large load.")
    parser.add_argument("--csv", type=Path, help="people to load; synthetic ones when left out")
    options = parser.parse_args()
    with full_environment() as bin_dir:
        load(bin_dir, options.csv)


def load(bin_dir: Path, people: Path | None) -> None:
    """Two runs, and what they took. ``people`` is the list; synthetic ones without it."""
    with tempfile.TemporaryDirectory(prefix="busway-load-") as name:
        folder = Path(name)
        source = people.resolve() if people else write_people(folder / "people.csv")
        busway = str(bin_dir / "busway")
        (folder / "busway.toml").write_text(DEPLOYMENT, "utf-8")
        load = [busway, "safetyamp", "load-vista", "--csv", str(source), "--to", "sqlite:///vista.db"]
        subprocess.run(load, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        with sandbox(busway, folder):
            first, first_seconds, first_peak = run(busway, folder)
            second, second_seconds, second_peak = run(busway, folder)
    written, changed = (
        total(first, "created"),
        sum(total(second, name) for name in ("created", "updated", "deactivated")),
    )
    report(
        f"{written:,} records into the sandbox, quota lifted",
        [
            ("first run", ">= 400 records/s", f"{written / first_seconds:,.0f} records/s ({first_seconds:.1f} s)"),
            ("second run", "<= 15 s, 0 changes", f"{second_seconds:.1f} s, {changed} changes"),
            ("failed records", "-", f"{total(first, 'failed')} and {total(second, 'failed')}"),
            ("largest run", "<= 400 MiB", f"{max(first_peak, second_peak):,.0f} MiB"),
        ],
    )


def write_people(path: Path) -> Path:
    """As many people, titles and departments as a city has; the same ones every time."""
    random = Random(31_059)
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(COLUMNS)
        for number in range(PEOPLE):
            title = number % TITLES if number < TITLES else int(random.triangular(0, TITLES, 0))
            rows.writerow(
                (
                    10_000 + number,
                    f"LAST{number % 977}",
                    f"FIRST{number % 613}",
                    "",
                    f"TITLE {title}",
                    f"DEPARTMENT {random.randrange(DEPARTMENTS)}",
                )
            )
    return path


@contextmanager
def sandbox(busway: str, folder: Path) -> Iterator[None]:
    """The sandbox in a process of its own; ready once it has written ``.env``."""
    command = [
        busway,
        "safetyamp",
        "sandbox",
        "--vista",
        "sqlite:///vista.db",
        "--no-quota",
        "--port",
        "0",
        "--env-file",
        ".env",
    ]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 30
        while not (folder / ".env").exists():
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit("the sandbox did not start")
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(timeout=30)


def run(busway: str, folder: Path) -> tuple[dict[str, Any], float, float]:
    """One run of all jobs: its report, the seconds and the MiB of the whole process."""
    started = time.perf_counter()
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen([busway, "run", "--json"], cwd=folder, stdout=out, stderr=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - started
        out.seek(0)
        answer = out.read()
    if process.returncode not in (0, 6):
        raise SystemExit(f"exit {process.returncode}: {answer.decode()}")
    data: dict[str, Any] = json.loads(answer)["data"]
    return data, seconds, used.ru_maxrss / 1024


def total(data: dict[str, Any], name: str) -> int:
    """One count over all jobs."""
    return sum(int(job["counts"][name]) for job in data["jobs"])


if __name__ == "__main__":
    main()
