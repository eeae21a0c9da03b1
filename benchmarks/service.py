"""The service: how soon it is up and how large, probes during a large sync, a stop during a run, a storm of triggers.

uv run python benchmarks/service.py
uv run python benchmarks/service.py up|probes|stop|triggers
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import statistics
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from harness import full_environment, report
from load import PEOPLE, sandbox, write_people
from service_parts import (
    Client,
    PlainProbe,
    SlowRemote,
    Started,
    deployment,
    rss_mb,
    settled,
    when_childless,
    write_rows,
)

TRIGGERS, CLIENTS = 10_000, 8
PROBE_SECONDS, PROBES_A_SECOND = 60.0, 50.0
REMOTE_MS = 80.0


def main() -> None:
    """Entry point."""
    parts: Mapping[str, Callable[[Path, Path], None]] = {
        "up": up,
        "probes": probes,
        "stop": stop,
        "triggers": triggers,
    }
    parser = argparse.ArgumentParser(description="Measure the service.")
    parser.add_argument("part", nargs="?", choices=list(parts))
    chosen = parser.parse_args().part
    with full_environment() as bin_dir:
        for name, part in parts.items():
            if chosen in (None, name):
                with tempfile.TemporaryDirectory(prefix=f"busway-service-{name}-") as folder:
                    part(bin_dir, Path(folder))


def up(bin_dir: Path, folder: Path) -> None:
    """From the command to the first answer that says it has started; and the memory it has then."""
    write_rows(folder, 20)
    deployment(folder)
    busway = str(bin_dir / "busway")
    _vista(busway, folder)
    seconds, sizes, busy = [], [], []
    with sandbox(busway, folder):
        for turn in range(12):
            with Started(busway, folder) as service:
                if turn:
                    seconds.append(service.up_seconds)
                    sizes.append(rss_mb(service.process.pid))
                    busy.append(service.cpu_seconds)
    report(
        "start with the SafetyAmp plugin (11 starts)",
        [
            (
                "up",
                "<= 0.8 s",
                f"{statistics.median(seconds):.2f} s, fastest {min(seconds):.2f}, slowest {max(seconds):.2f}",
            ),
            ("of which at work", "-", f"{statistics.median(busy):.2f} s of processor time"),
            ("resident", "<= 90 MB", f"{statistics.median(sizes):.0f} MB, largest {max(sizes):.0f}"),
        ],
    )


def probes(bin_dir: Path, folder: Path) -> None:
    """Probes while 31,059 people are synchronised, beside a process that does nothing but answer."""
    source, busway = write_people(folder / "people.csv"), str(bin_dir / "busway")
    deployment(folder)
    _vista(busway, folder, source)
    with sandbox(busway, folder), Started(busway, folder) as service, PlainProbe() as plain:
        run = service.client.post("/runs", {"jobs": ["titles", "employees"]})
        times: dict[str, list[float]] = {"service": [], "plain": []}
        clients = {"service": Client(service.port), "plain": Client(plain.port)}
        _after(partial(_has_written, folder, 1), 120)
        until = time.perf_counter() + PROBE_SECONDS
        while time.perf_counter() < until and service.client.get(f"/runs/{run['run_id']}")["state"] == "running":
            for name, client in clients.items():
                times[name] += client.timed("/readyz", int(PROBES_A_SECOND), 1 / PROBES_A_SECOND)
        size = rss_mb(service.process.pid)
        ended = settled(service.client, run["run_id"], 600)
    p99 = {name: 1000 * statistics.quantiles(found, n=100)[98] for name, found in times.items()}
    half = {name: 1000 * statistics.median(found) for name, found in times.items()}
    report(
        f"/readyz while {PEOPLE:,} people are synchronised ({len(times['service']):,} probes; run {ended['outcome']})",
        [
            (
                "median",
                "-",
                f"{half['service']:.2f} ms ({half['service'] / half['plain']:.1f} x a server that does nothing)",
            ),
            ("p99", "<= 5 ms", f"{p99['service']:.2f} ms ({p99['service'] / p99['plain']:.1f} x the same)"),
            (
                "slowest",
                "-",
                f"{1000 * max(times['service']):.1f} ms; of the other {1000 * max(times['plain']):.1f} ms",
            ),
            ("resident", "<= 90 MB", f"{size:.0f} MB"),
        ],
    )


def stop(bin_dir: Path, folder: Path) -> None:
    """SIGTERM in the middle of a run into a remote that answers within 100 ms; then a start, and what is there."""
    people, busway = 300, str(bin_dir / "busway")
    seconds: list[float] = []
    runs_ended: list[float] = []
    lost = repeated = 0
    for turn in range(5):
        home = folder / str(turn)
        home.mkdir()
        write_rows(home, people)
        deployment(home)
        _vista(busway, home)
        with sandbox(busway, home), SlowRemote(home / ".env", REMOTE_MS):
            with Started(busway, home) as service:
                run = service.client.post("/runs", {"jobs": ["titles", "employees"]})
                _after(partial(_has_written, home, 20 + 5 * turn), 60)
                began = time.perf_counter()
                service.process.send_signal(signal.SIGTERM)
                runs_ended.append(when_childless(service.process.pid) - began)
                code = service.process.wait(60)
                seconds.append(time.perf_counter() - began)
                if code != 143:
                    raise SystemExit(f"exit {code}")
            with Started(busway, home) as service:
                settled(service.client, run["run_id"], 300)
                counts = _plan(busway, home)
                created = Counter(_created(service.client))
        lost += counts["create"]
        repeated += sum(number - 1 for number in created.values())
    report(
        f"SIGTERM during a run of {people} people into a remote that takes {REMOTE_MS:.0f} ms ({len(seconds)} times)",
        [
            ("to the exit", "<= 2 s", f"{statistics.median(seconds):.2f} s, slowest {max(seconds):.2f}"),
            ("of which the run", "-", f"{statistics.median(runs_ended):.2f} s, slowest {max(runs_ended):.2f}"),
            ("records lost", "0", f"{lost}"),
            ("records created twice", "0", f"{repeated}"),
        ],
    )


def triggers(bin_dir: Path, folder: Path) -> None:
    """Eight clients ask for runs at random; then the books: one run for each that was accepted, one at a time."""
    busway = str(bin_dir / "busway")
    write_rows(folder, 20)
    deployment(folder, service="changes_per_minute = 0\nreads_per_minute = 0\n")
    _vista(busway, folder)
    with sandbox(busway, folder), Started(busway, folder) as service:
        accepted: list[str] = []
        answers: Counter[int] = Counter()
        began = time.perf_counter()
        threads = [
            threading.Thread(target=_storm, args=(service.port, number, accepted, answers)) for number in range(CLIENTS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        took = time.perf_counter() - began
        ends = [settled(service.client, run_id, 600) for run_id in accepted]
        ids = {one["run_id"] for one in service.client.get("/runs?limit=1000")}
        sessions = service.client.get("/sessions?limit=1000")
    spans = sorted((one["started_ns"], one["ended_ns"]) for one in ends)
    runs: dict[str, list[tuple[int, int]]] = {}
    for one in sessions:
        runs.setdefault(one["correlation_id"], []).append((one["started_ns"], one["ended_ns"]))
    whole = sorted((min(a for a, _ in found), max(b for _, b in found)) for found in runs.values())
    report(
        f"{TRIGGERS:,} triggers from {CLIENTS} clients in {took:.0f} s ({TRIGGERS / took:,.0f}/s)",
        [
            (
                "accepted, refused",
                "-",
                f"{answers[202]}, {answers[409]}; anything else {sum(answers.values()) - answers[202] - answers[409]}",
            ),
            ("accepted and ended", "all", f"{sum(one['state'] == 'ended' for one in ends)} of {len(accepted)}"),
            ("runs nobody asked for", "0", f"{len(ids - set(accepted))}"),
            ("two runs at a time", "0", f"{_overlaps(spans)} by the queue, {_overlaps(whole)} by the ledger"),
            (
                "how they ended",
                "-",
                ", ".join(f"{name} {n}" for name, n in Counter(o["outcome"] for o in ends).items()),
            ),
        ],
    )


def _storm(port: int, number: int, accepted: list[str], answers: Counter[int]) -> None:
    client, draw = Client(port), random.Random(number)
    jobs = [["titles"], ["employees"], ["titles", "employees"], []]
    for _ in range(TRIGGERS // CLIENTS):
        body = {"jobs": draw.choice(jobs), "when_busy": draw.choice(["refuse", "refuse", "queue"])}
        status, told = client.ask("POST", "/api/v1/runs", body)
        answers[status] += 1
        if status == 202:
            accepted.append(told["data"]["run_id"])


def _overlaps(spans: list[tuple[int, int]]) -> int:
    return sum(later[0] < earlier[1] for earlier, later in pairwise(spans))


def _vista(busway: str, folder: Path, source: Path | None = None) -> None:
    command = [
        busway,
        "safetyamp",
        "load-vista",
        "--csv",
        str(source or folder / "people.csv"),
        "--to",
        "sqlite:///vista.db",
    ]
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)


def _written(folder: Path) -> int:
    """How many records the run under way has written: a line for each is in its journal."""
    return sum(path.read_bytes().count(b'"created"') for path in (folder / ".busway" / "journal").glob("*"))


def _has_written(folder: Path, number: int) -> bool:
    return _written(folder) >= number


def _after(condition: Callable[[], bool], seconds: float) -> None:
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            raise SystemExit("it did not happen in time")
        time.sleep(0.02)


def _plan(busway: str, folder: Path) -> dict[str, int]:
    done = subprocess.run(
        [busway, "plan", "employees", "--json"], cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode not in (0, 10):
        raise SystemExit(f"busway plan: exit {done.returncode}: {done.stdout}")
    counts: dict[str, int] = json.loads(done.stdout)["data"]["plans"][0]["counts"]
    return counts


def _created(client: Client) -> list[str]:
    names: list[str] = []
    for session in client.get("/sessions?limit=1000"):
        found: dict[str, Any] = client.get(f"/sessions/{session['session_id']}?limit=1000")
        names += [
            f"{one['entity_type']} {one['entity_id']}" for one in found["changes"] if one["operation"] == "created"
        ]
    return names


if __name__ == "__main__":
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    main()
