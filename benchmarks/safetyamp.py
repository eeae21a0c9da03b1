"""SafetyAmp at the size of a real tenant: how near a run comes to what the vendor's quota allows, and what it costs.

uv run python benchmarks/safetyamp.py                     both parts, some eight minutes
uv run python benchmarks/safetyamp.py --only quota
uv run python benchmarks/safetyamp.py --only load --csv FILE

The part ``quota`` has the clock of the quota run ten times as fast: 60 calls in 6.1 s for the client, 60 in 6 s for the
account; 1,880 people, 946 sites, 25 records a page. Its floor is what the calls that were made take where all else is
for nothing: the first 60 at once, the next 60 after 6.1 s, and so on.
The part ``load`` has no quota: it is ``load.py``, on synthetic people unless ``--csv`` names others.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import full_environment, report
from load import load
from safetyamp_tenant import Tenant

CALLS, PERIOD, MINUTE = 60, 6.1, 6.0
"""The client's quota, and how long a minute is, on the clock that runs ten times as fast."""
DEPLOYMENT = """\
app = "tenant"
[plugins]
sinks = ["ledger"]
validators = ["safetyamp"]
jobs = ["safetyamp"]
"""
PLAN = """\
import time
from busway import App
with App.from_config() as app:
    app.sync.jobs()
    before = time.process_time()
    plans = app.sync.plans()
    print(time.process_time() - before, sum(plan.target_count for plan in plans))
"""


@dataclass(frozen=True, slots=True)
class Cycle:
    """One run."""

    seconds: float
    """Of the run, without the start of the process."""
    calls: int
    writes: int
    failed: int

    @property
    def floor(self) -> float:
        """Seconds that the quota makes so many calls take."""
        return (self.calls - 1) // CALLS * PERIOD

    def __str__(self) -> str:
        reads = self.calls - self.writes
        over = f"{100 * (self.seconds / self.floor - 1):+.1f} %" if self.floor else "no floor"
        return f"{over} ({self.seconds:.1f} s for {reads:,} reads and refusals, {self.writes:,} writes)"


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description="Time SafetyAmp at the size of a tenant.")
    parser.add_argument("--only", choices=["quota", "load"], help="one of the two parts")
    parser.add_argument("--csv", type=Path, help="people of the part load; synthetic ones when left out")
    options = parser.parse_args()
    with full_environment() as bin_dir:
        if options.only != "load":
            with tempfile.TemporaryDirectory(prefix="busway-tenant-") as name, Tenant(Path(name)) as tenant:
                within_the_quota(bin_dir, Path(name), tenant)
        if options.only != "quota":
            load(bin_dir, options.csv)


def within_the_quota(bin_dir: Path, folder: Path, tenant: Tenant) -> None:
    """The first load, an ordinary cycle, and the plan of one."""
    (folder / "busway.toml").write_text(DEPLOYMENT, "utf-8")
    tenant.write_settings(calls=CALLS, period=PERIOD)
    first = run(bin_dir, folder, tenant)
    pace = tenant.writes_per(MINUTE, "/api/users")
    people, sites = tenant.count("users"), tenant.count("sites")
    cycles = sorted((quiet_hour(bin_dir, folder, tenant, number) for number in range(3)), key=lambda one: one.seconds)
    refused = tenant.sandbox.answers.get(429, 0)
    tenant.write_settings(calls=0, period=PERIOD)
    cpu, records = plan(bin_dir, folder)
    report(
        f"a tenant of {people:,} users and {sites:,} sites, 25 a page, the quota's clock ten times as fast",
        [
            ("first load over its floor", "<= 5 %", str(first)),
            ("its users", ">= 57 writes a minute", f"{pace:.1f} writes a minute of {MINUTE:g} s"),
            ("a cycle over its floor", "<= 5 %, <= 12 writes", f"{cycles[1]}, fastest {cycles[0].seconds:.1f} s"),
            ("calls refused (429)", "0", str(refused)),
            ("planning all five jobs", "< 1 s of processor", f"{cpu:.2f} s of processor, {records:,} target records"),
        ],
    )


def quiet_hour(bin_dir: Path, folder: Path, tenant: Tenant, number: int) -> Cycle:
    """A cycle with twelve changes, once the calls of the one before have left the window."""
    time.sleep(PERIOD)
    tenant.twelve_changes(number)
    return run(bin_dir, folder, tenant)


def run(bin_dir: Path, folder: Path, tenant: Tenant) -> Cycle:
    """One run of all jobs."""
    calls, writes = tenant.sandbox.calls, len(tenant.sandbox.ledger)
    data = said(bin_dir, folder, "run")
    failed = sum(int(job["counts"]["failed"]) for job in data["jobs"])
    unfinished = [job["job"] for job in data["jobs"] if job["outcome"] != "done"]
    if unfinished:
        raise SystemExit(f"not done: {data['jobs']}")
    return Cycle(data["seconds"], tenant.sandbox.calls - calls, len(tenant.sandbox.ledger) - writes, failed)


def said(bin_dir: Path, folder: Path, *command: str) -> dict[str, Any]:
    """The data of one command."""
    done = subprocess.run(
        [str(bin_dir / "busway"), *command, "--json"], cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode not in (0, 6):
        raise SystemExit(f"exit {done.returncode}: {done.stdout}{done.stderr}")
    data: dict[str, Any] = json.loads(done.stdout)["data"]
    return data


def plan(bin_dir: Path, folder: Path) -> tuple[float, int]:
    """Processor seconds of planning all jobs, reading both sides included, and how many target records there were."""
    command = [str(bin_dir / "python"), "-c", PLAN]
    seconds, records = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout.split()
    return float(seconds), int(records)


if __name__ == "__main__":
    main()
