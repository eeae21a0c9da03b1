"""A large employer: 31,059 people and their titles through the real jobs into the sandbox, twice.

uv run python benchmarks/load.py                  synthetic people of that number
uv run python benchmarks/load.py --csv FILE       columns Employee, LastName, FirstName, MidName, Title, Department
"""

from __future__ import annotations

import argparse
import csv
import json
import resource
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
    with full_environment() as bin_dir, tempfile.TemporaryDirectory(prefix="busway-load-") as name:
        folder = Path(name)
        source = options.csv.resolve() if options.csv else write_people(folder / "people.csv")
        busway = str(bin_dir / "busway")
        (folder / "busway.toml").write_text(DEPLOYMENT, "utf-8")
        load = [busway, "safetyamp", "load-vista", "--csv", str(source), "--to", "sqlite:///vista.db"]
        subprocess.run(load, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        with sandbox(busway, folder):
            first, first_seconds = run(busway, folder)
            second, second_seconds = run(busway, folder)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
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
            ("largest process", "<= 400 MiB", f"{peak:,.0f} MiB"),
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


def run(busway: str, folder: Path) -> tuple[dict[str, Any], float]:
    """One run of both jobs: its report, and the seconds of the whole process."""
    started = time.perf_counter()
    done = subprocess.run(
        [busway, "run", "titles", "employees", "--json"], cwd=folder, capture_output=True, text=True, check=False
    )
    seconds = time.perf_counter() - started
    if done.returncode not in (0, 6):
        raise SystemExit(f"exit {done.returncode}: {done.stdout}{done.stderr}")
    data: dict[str, Any] = json.loads(done.stdout)["data"]
    return data, seconds


def total(data: dict[str, Any], name: str) -> int:
    """One count over all jobs."""
    return sum(int(job["counts"][name]) for job in data["jobs"])


if __name__ == "__main__":
    main()
