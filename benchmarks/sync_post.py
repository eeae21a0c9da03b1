"""From a file to one request for each record, beside drt: whole processes, the same server. A part of ``sync.py``.

By itself: uv run python benchmarks/sync_post.py --records 2000 --rounds 3
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cache_parts import HOST, Row, say
from harness import turns
from sync_parts import Used, deployment
from sync_people import FIELDS, people

BIN = Path(sys.executable).parent


class Users:
    """A server that keeps what is posted and counts requests."""

    def __init__(self) -> None:
        self.kept: list[dict[str, Any]] = []
        self.posts = self.gets = 0
        users = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # an answer in one piece: no wait for a delayed acknowledgement
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                users.posts += 1
                users.kept.append({**body, "id": f"u{users.posts}"})
                self._answer(201, users.kept[-1])

            def do_GET(self) -> None:
                users.gets += 1
                self._answer(200, users.kept)

            def _answer(self, status: int, content: object) -> None:
                body = json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
                self.wfile.flush()

            def log_message(self, *told: Any) -> None: ...

        self._server = ThreadingHTTPServer((HOST, 0), Handler)
        self.url = f"http://{HOST}:{self._server.server_port}/users"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stops it."""
        self._server.shutdown()
        self._server.server_close()


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    count: int = options.records
    found = turns({name: partial(twice, made, count) for name, made in CONTENDERS.items()}, options.rounds)
    title = f"{count:,} records from SQLite, a POST for each (median of {options.rounds} processes, in turns)"
    say(title, list(rows(found, count)))


def rows(found: Mapping[str, list[Used]], count: int) -> Iterator[Row]:
    """Records in a second, and what a second run does when nothing has changed."""
    for name, runs in found.items():
        first, again, calls = (statistics.median(run[what] for run in runs) for what in ("first", "again", "calls"))
        pairs = zip(runs, found["drt run"], strict=True)
        ratio = statistics.median(own["first"] / peer["first"] for own, peer in pairs)
        yield name, "-", f"{count / first:,.0f} records/s ({first:.2f} s, {ratio:.2f} x drt)"
        yield f"{name}, again, nothing changed", "-", f"{again:.2f} s, {calls:,.0f} requests"


def twice(made: Callable[[Path, str], Callable[[], None]], count: int) -> Used:
    """Two whole processes in a folder of their own, against a server of their own."""
    with tempfile.TemporaryDirectory(prefix="busway-bench-") as name, serving() as users:
        folder = Path(name)
        write_people(folder / "people.db", count)
        run = made(folder, users.url)
        began = time.perf_counter()
        run()
        first = time.perf_counter() - began
        assert users.posts == count, f"{users.posts} of {count} records arrived"
        before = users.posts + users.gets
        began = time.perf_counter()
        run()
        return {
            "first": first,
            "again": time.perf_counter() - began,
            "calls": users.posts + users.gets - before,
        }


@contextmanager
def serving() -> Iterator[Users]:
    users = Users()
    try:
        yield users
    finally:
        users.close()


def write_people(path: Path, count: int) -> None:
    """The source, the same for both."""
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(f"CREATE TABLE e ({', '.join(FIELDS)}, PRIMARY KEY (emp_id))")
        insert = f"INSERT INTO e VALUES ({', '.join(f':{name}' for name in FIELDS)})"
        database.executemany(insert, people(count))


def busway(folder: Path, url: str) -> Callable[[], None]:
    """``busway run``: target read, plan, brakes, each answer verified, noted, told and accounted."""
    site = deployment(folder, "sync_post_plugin")
    search = os.pathsep.join((str(site), str(Path(__file__).parent)))
    settings = {"PYTHONPATH": search, "BENCH_SOURCE": str(folder / "people.db"), "BENCH_URL": url}
    return lambda: run([str(BIN / "busway"), "run", "employees"], folder, settings)


def drt(folder: Path, url: str) -> Callable[[], None]:
    """``drt run`` in its mode for targets that are no databases, its rate limit lifted."""
    profile = {"type": "sqlite", "database": str(folder / "people.db")}
    post = {"type": "rest_api", "method": "POST", "url": url, "body_template": "{{ row | tojson }}"}
    how = {"mode": "full", "batch_size": 1000, "rate_limit": {"requests_per_second": 0}}
    files = {
        ".drt/profiles.yml": {"local": profile},
        "drt_project.yml": {"name": "bench", "profile": "local"},
        "syncs/e.yml": {"name": "e", "model": "select * from e", "destination": post, "sync": how},
    }
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(json.dumps(content), "utf-8")  # which is YAML, too
    return lambda: run([str(BIN / "drt"), "run"], folder, {"HOME": str(folder), "DRT_TELEMETRY": "0"})


def run(command: list[str], folder: Path, settings: Mapping[str, str]) -> None:
    """One process; what it says is shown when it fails."""
    environ = {**os.environ, **settings}
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stdout[-2000:] + done.stderr[-2000:]
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}: {said}")


CONTENDERS = {"busway run": busway, "drt run": drt}


if __name__ == "__main__":
    main()
