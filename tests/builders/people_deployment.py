"""A deployment of two small jobs over JSON files, with faults on request: what tests of the engine's commands drive."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from builders.distributions import Site
from busway.cli.main import main

TOML = """\
app = "people"
[plugins]
sinks = ["ledger"]
jobs = ["people"]
"""
JOBS = '''
import json
import time
from busway import Complete, Job, Skip, always, create_only, exact
from busway.errors import RejectedRecordError, UnreachableError

def held(path):
    return json.loads(path.read_text("utf-8")) if path.exists() else []

class People(Job):
    name, entity, active_field = "people", "person", "active"
    match_on = exact("number")
    fields = {
        "number": create_only,
        "name": always.personal(),
        "email": always.personal().optional(),
        "town": always,
    }

    def __init__(self, root):
        self.root, self.file = root, root / f"{self.name}-target.json"

    def source(self, run):
        self.wait("source")
        return held(self.root / f"{self.name}.json")

    def target(self, run):
        return Complete(held(self.file))

    def map(self, record, run):
        if record["number"] in self.fault("skip"):
            return Skip("has no desk")
        if record["number"] in self.fault("broken"):
            raise ValueError(record["name"])
        return record

    def create(self, record):
        self.check(record["number"], record)
        kept = held(self.file)
        return self.keep([*kept, {"id": f"t{len(kept) + 1}", "active": 1, **record}])[-1]

    def update(self, current, changes):
        self.check(current["number"], changes)
        return self.write(current, changes)

    def deactivate(self, current):
        return self.write(current, {"active": 0})

    def reactivate(self, current, changes):
        return self.write(current, {**changes, "active": 1})

    def find(self, record):
        return next((one for one in held(self.file) if one["number"] == record["number"]), None)

    def label(self, record):
        return f"person {record['number']}"

    def write(self, current, changes):
        changed = {**current, **changes}
        self.keep([changed if one["id"] == current["id"] else one for one in held(self.file)])
        return changed

    def keep(self, records):
        self.file.write_text(json.dumps(records), "utf-8")
        return records

    def fault(self, kind):
        path = self.root / "faults.json"
        return held(path).get(kind, {}) if path.exists() else {}

    def check(self, number, payload):
        self.wait("write")
        refused = [name for name in self.fault("refuse").get(number, ()) if name in payload]
        if refused:
            raise RejectedRecordError("the target refused the record", fields={name: ("no",) for name in refused})
        if number in self.fault("away"):
            error = UnreachableError("BW5001", "the target does not answer")
            error.ambiguous, error.retry_after_seconds = False, 9_999.0
            raise error

    def wait(self, step):
        """Until a test takes its file away; it tells that it is here."""
        gate = self.root / f"{self.name}-{step}.gate"
        while gate.exists():
            gate.with_suffix(".reached").touch()
            time.sleep(0.005)

class Teams(People):
    name, entity, active_field = "teams", "team", ""

@hookimpl
def busway_jobs(context):
    return [People(context.root), Teams(context.root)]
'''


def person(number: int, **fields: Any) -> dict[str, Any]:
    """A synthetic record of the source."""
    return {
        "number": str(number),
        "name": f"Canary{number}",
        "email": f"p{number}@example.test",
        "town": "Springfield",
        **fields,
    }


class PeopleDeployment:
    """A folder with ``busway.toml`` and the two jobs, ``people`` and ``teams``."""

    def __init__(self, folder: Path, site: Site, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._site = site
        self._capsys = capsys
        folder.mkdir()
        site.install("people", JOBS, kind="jobs", version="1.0")
        self.write_toml()

    def write_toml(self, more: str = "") -> None:
        """The deployment, with more tables."""
        (self.folder / "busway.toml").write_text(TOML + more, "utf-8")

    def source(self, *records: Mapping[str, Any], job: str = "people") -> None:
        """What the source of a job holds from now on."""
        (self.folder / f"{job}.json").write_text(json.dumps(records), "utf-8")

    def holding(self, *records: Mapping[str, Any], job: str = "people") -> None:
        """What the target of a job holds from now on."""
        made = [{"id": f"t{at}", "active": 1, **record} for at, record in enumerate(records, start=1)]
        (self.folder / f"{job}-target.json").write_text(json.dumps(made), "utf-8")

    def target(self, job: str = "people") -> list[dict[str, Any]]:
        """What the target of a job holds."""
        path = self.folder / f"{job}-target.json"
        found: list[dict[str, Any]] = json.loads(path.read_text("utf-8")) if path.exists() else []
        return found

    def faults(self, **kinds: Mapping[str, Any] | Sequence[str]) -> None:
        """``refuse={"1": ["email"]}``, ``away=["1"]``, ``broken=["1"]``, ``skip=["1"]``; none of them = all is well."""
        (self.folder / "faults.json").write_text(json.dumps(kinds), "utf-8")

    def gate(self, step: str, job: str = "people") -> Path:
        """Jobs wait at ``step`` (``source``, ``write``) until the file is gone; ``.reached`` says they are there."""
        path = self.folder / f"{job}-{step}.gate"
        path.touch()
        return path

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """One command in this process: exit code, stdout, stderr."""
        self._capsys.readouterr()
        code = main(["-C", str(self.folder), *arguments])
        shown = self._capsys.readouterr()
        return code, shown.out, shown.err

    def json(self, *arguments: str) -> tuple[int, dict[str, Any]]:
        """One command with ``--json``: exit code and the envelope."""
        code, out, _ = self.run(*arguments, "--json")
        envelope: dict[str, Any] = json.loads(out)
        return code, envelope

    def data(self, *arguments: str) -> Any:
        """The data of one command that goes well."""
        code, envelope = self.json(*arguments)
        assert (code, envelope["ok"]) == (0, True), envelope
        return envelope["data"]

    def start(self, *arguments: str, wrapped_in: Sequence[str] = (), **streams: Any) -> subprocess.Popen[str]:
        """One command in a process of its own."""
        return subprocess.Popen(
            [*wrapped_in, sys.executable, "-m", "busway.cli.main", "-C", str(self.folder), *arguments],
            env=self.environ(),
            text=True,
            start_new_session=True,
            **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL, **streams},
        )

    def on_a_terminal(
        self, *arguments: str, typed: str = "", watch: Callable[[str], object] | None = None
    ) -> tuple[int, str]:
        """One command in a process whose three streams are one terminal: exit code and what it showed.

        :param watch: sees what has been shown so far, again and again.
        """
        ours, theirs = pty.openpty()
        with self.start(*arguments, stdin=theirs, stdout=theirs, stderr=theirs) as process:
            os.close(theirs)
            os.write(ours, typed.encode())
            shown = b""
            while chunk := _read(ours):
                shown += chunk
                if watch is not None:
                    watch(shown.decode(errors="ignore"))
            code = process.wait(timeout=60)
        os.close(ours)
        return code, shown.decode().replace("\r\n", "\n")

    def environ(self) -> dict[str, str]:
        path = os.pathsep.join(filter(None, [str(self._site.folder), os.environ.get("PYTHONPATH")]))
        cache = str(self.folder.parent / "cache")
        return {**os.environ, "PYTHONPATH": path, "XDG_CACHE_HOME": cache, "TERM": "xterm", "COLUMNS": "160"}


def _read(descriptor: int) -> bytes:
    # Linux answers EIO once nobody has the other end, macOS an empty read.
    try:
        return os.read(descriptor, 65_536)
    except OSError:
        return b""
