"""``busway events``, ``busway sessions`` and ``busway notify``, as an operator uses them."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from builders.distributions import Site
from busway import App
from busway.cli.main import main
from busway.plugins.index import load_index

TOML = """\
app = "people"
[plugins]
sinks = ["log", "ledger", "pager"]
[events]
digest = "1h"
[events.routes.pager]
severity = "error"
[events.routes.log]
categories = ["change", "session"]
"""
PAGER = """
from busway import Delivery
class Pager:
    receives = frozenset({"events", "digests"})
    def __init__(self, root): self._root = root
    def deliver(self, events):
        mood = (self._root / "mood").read_text() if (self._root / "mood").exists() else "take"
        if mood == "later": return Delivery.retry_after(3000)
        if mood == "refuse": return Delivery.reject(events, "number\\x1b[31m not in use")
        with (self._root / "pages").open("a") as file:
            for event in events: file.write(f"{event.category} {event.attributes.get('kind', '')} {event.event_id}\\n")
        return Delivery.done(events)
    def close(self): pass
@hookimpl
def busway_event_sink(context): return Pager(context.root)
"""
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr("busway.app.load_index", lambda: load_index(cache_file=tmp_path / "index.json"))
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "busway.toml").write_text(TOML, "utf-8")
    with Site(tmp_path / "site") as site:
        site.install("pager", PAGER)
        yield tmp_path / "home"


@pytest.fixture
def run(folder: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    def command(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(["-C", str(folder), *arguments])
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return command


@pytest.fixture
def data(run: Command) -> Callable[..., Any]:
    def answer(*arguments: str) -> Any:
        envelope = json.loads(run(*arguments, "--json")[1])
        return envelope["data"] if envelope["ok"] else envelope

    return answer


def work(folder: Path, job: str = "employees", errors: int = 3) -> str:
    """One session with two changes and some errors, delivered as far as sinks take it."""
    with App.from_config(folder, require=False) as app:
        sid = app.events.start_sync(job)
        app.events.log_creation("employee", "4711", {"role": "=HYPERLINK(1)"}, sid)
        app.events.log_update("title", "@sum", {"label": "x"}, sid)
        for number in range(errors):
            app.events.log_error("validation", "employee", str(number), f"employee {number} has no site", None, sid)
        app.events.end_sync(sid)
        app.events.flush(10)
    return sid


def pages(folder: Path) -> list[str]:
    return [line.rsplit(" ", 1)[0] for line in (folder / "pages").read_text().splitlines()]


def test_what_happened_is_listed_by_hour_entity_operation_job_and_session(
    folder: Path, run: Command, data: Callable[..., Any]
) -> None:
    first, second = work(folder), work(folder, "titles", errors=1)
    assert [row["name"] for row in data("sessions", "list")] == ["titles", "employees"]
    assert len(data("sessions", "list", "--job", "titles", "--hours", "1")) == 1
    assert data("sessions", "show", first[:13])["session"]["errors"] == 3
    changes = data("events", "changes")
    assert [(row["operation"], row["entity_type"], row["job"]) for row in changes][:2] == [
        ("updated", "title", "titles"),
        ("created", "employee", "titles"),
    ]
    assert len(data("events", "changes", "--operation", "created", "--job", "employees")) == 1
    assert len(data("events", "changes", "--entity", "employee", "--id", "4711", "--session", second)) == 1
    assert len(data("events", "changes", "--hours", "0.000001")) == 0
    assert len(data("events", "errors", "--kind", "validation", "--limit", "2")) == 2
    assert [row["category"] for row in data("events", "tail", "-n", "2", "--category", "session")] == ["session"] * 2
    code, out, _ = run("sessions", "show", first[:13], "--limit", "2")
    assert code == 0
    assert "2 of 3 errors shown: --limit 3" in out


@pytest.mark.parametrize(
    "wrong",
    [
        ("events", "changes", "--hours", "0"),
        ("events", "changes", "--hours", "-1"),
        ("events", "changes", "--hours", "nan"),
        ("events", "changes", "--hours", "1e300"),
        ("events", "errors", "--limit", "0"),
        ("events", "changes", "--operation", "exploded"),
        ("events", "tail", "-n", "-1"),
        ("events", "changes", "--session", "nobody"),
        ("sessions", "show", "nobody"),
        ("events", "dead", "replay", "pagr"),
        ("notify", "test", "pagr"),
        ("events", "dead", "list", "--sink", "pagr"),
        ("events", "export", "--format", "xml"),
    ],
)
def test_wrong_words_are_usage_errors(run: Command, wrong: tuple[str, ...]) -> None:
    code, out, err = run(*wrong)
    assert (code, out) == (2, "")
    assert err.startswith("error[BW")
    assert "BW9001" not in err


@pytest.mark.parametrize("group", ["events", "sessions", "notify"])
def test_a_group_alone_shows_what_there_is(run: Command, group: str) -> None:
    code, out, err = run(group)
    assert (code, out) == (2, "")
    assert err.startswith(f"Usage: busway {group} [OPTIONS] COMMAND")
    assert "error[" not in err


def test_where_nothing_is_there_is_a_sentence(run: Command) -> None:
    for command, sentence in (
        (("events", "changes"), "No change recorded that fits.\n"),
        (("events", "errors"), "No error recorded that fits.\n"),
        (("events", "tail"), "No event recorded that fits.\n"),
        (("events", "dead", "list"), "No sink has given up an event.\n"),
        (("events", "dead", "list", "--sink", "pager"), "pager has given up no event.\n"),
        (("events", "flush"), "Nothing is pending.\n"),
        (("sessions", "list"), "No session yet.  Start one:  busway run\n"),
        (("sessions", "list", "--entity", "employee"), "No session fits.\n"),
        (("notify", "digest"), "No error since the last digest.\n"),
    ):
        assert run(*command)[:2] == (0, sentence)


def test_sessions_are_narrowed_and_exported(folder: Path, run: Command, data: Callable[..., Any]) -> None:
    first, second = work(folder), work(folder, "titles", errors=1)
    with App.from_config(folder, require=False) as app:
        sid = app.events.start_sync("vehicles")
        app.events.log_deletion("vehicle", "7", "sold", sid)
        app.events.end_sync(sid)
    assert [row["name"] for row in data("sessions", "list", "--entity", "employee")] == ["titles", "employees"]
    assert [row["name"] for row in data("sessions", "list", "--operation", "deleted")] == ["vehicles"]
    assert data("sessions", "list", "--entity", "employee", "--operation", "deleted") == []
    rows = list(csv.DictReader(io.StringIO(run("sessions", "list", "--csv")[1], newline="")))
    assert [(row["name"], row["created"], row["errors"]) for row in rows][1:] == [
        ("titles", "1", "1"),
        ("employees", "1", "3"),
    ]
    shown = data("sessions", "show", first[:13], "--entity", "title")
    assert ([row["entity_id"] for row in shown["changes"]], shown["errors"]) == (["@sum"], [])
    shown = data("sessions", "show", first[:13], "--operation", "created")
    assert ([row["entity_id"] for row in shown["changes"]], shown["errors"]) == (["4711"], [])
    rows = list(csv.DictReader(io.StringIO(run("sessions", "show", second[:13], "--csv")[1], newline="")))
    assert [row["category"] for row in rows] == ["session", "change", "change", "error", "session"]
    assert rows[2]["entity_id"] == "'@sum"
    rows = list(csv.DictReader(io.StringIO(run("events", "tail", "-n", "2", "--csv")[1], newline="")))
    assert [row["operation"] for row in rows] == ["deleted", "ended"]


def test_csv_can_be_opened_in_a_spreadsheet(folder: Path, run: Command) -> None:
    work(folder)
    _, out, _ = run("events", "changes", "--csv", "--bom")
    assert out.startswith("\ufeffat,operation,")
    rows = list(csv.DictReader(io.StringIO(out.removeprefix("\ufeff"), newline="")))
    assert [row["entity_id"] for row in rows] == ["'@sum", "4711"]
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row.values())
    assert run("events", "errors", "--csv", "--limit", "1")[1].count("\r\n") == 2


def test_an_export_is_whole_and_private(folder: Path, run: Command, tmp_path: Path) -> None:
    work(folder)
    file = tmp_path / "out.csv"
    file.write_text("what was there before")
    code, out, _ = run("events", "export", "-o", str(file))
    assert code == 0
    rows = list(csv.DictReader(io.StringIO(file.read_bytes().decode(), newline="")))
    assert f"{len(rows)} events in" in out
    assert [row["category"] for row in rows][:3] == ["session", "change", "change"]
    assert file.stat().st_mode & 0o077 == 0
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".out")] == []
    _, lines, _ = run("events", "export", "--format", "jsonl", "--category", "change", "--entity", "employee")
    assert [json.loads(line)["entity_id"] for line in lines.splitlines()] == ["4711"]
    code, _, err = run("events", "export", "-o", str(tmp_path / "missing" / "x.csv"))
    assert (code, "error[BW1018]" in err) == (3, True)
    code, out, _ = run("events", "export", "--json")
    assert (code, "add -o FILE" in json.loads(out)["error"]["what"]) == (2, True)


def test_an_export_that_fails_leaves_what_was_there(
    folder: Path, run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work(folder)
    file = tmp_path / "out.csv"
    file.write_text("before")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    code, _, err = run("events", "export", "-o", str(file))
    assert (code, "No space left" in err) == (3, True)
    assert file.read_text() == "before"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".out")] == []


def test_the_route_of_a_sink_holds_in_every_command(folder: Path, run: Command, data: Callable[..., Any]) -> None:
    work(folder)
    books = data("events", "books")
    assert books["ledger"]["dropped"] == {}
    assert books["pager"]["dropped"]["route"] == 4
    assert all(
        one["emitted"] == one["delivered"] + one["dead"] + sum(one["dropped"].values()) + one["pending"]
        for one in books.values()
    )
    assert "because its route leaves them out" in run("events", "books")[1]


def test_a_command_that_brings_the_ledger_up_to_date_keeps_to_its_route(folder: Path, data: Callable[..., Any]) -> None:
    toml = folder / "busway.toml"
    toml.write_text(TOML.replace('"ledger", ', ""), "utf-8")
    (folder / "mood").write_text("later")  # so that the journals stay
    work(folder)
    toml.write_text(TOML + '[events.routes.ledger]\nseverity = "error"\n', "utf-8")
    assert {row["category"] for row in data("events", "tail")} == {"error", "digest"}
    assert data("events", "books")["ledger"]["dropped"] == {"route": 4}


def test_dead_letters_are_listed_replayed_and_dropped(folder: Path, run: Command, data: Callable[..., Any]) -> None:
    (folder / "mood").write_text("refuse")
    work(folder, errors=3)
    letters = data("events", "dead", "list")
    assert {letter["sink"] for letter in letters} == {"pager"}
    assert len(letters) == 4, "three errors and the digest that tells of them"
    _, out, _ = run("events", "dead", "list")
    assert "\x1b" not in out
    assert "not in use" in out
    one = letters[0]["event_id"]
    assert run("events", "dead", "drop", "pager", one)[0] == 2, "nobody to ask"
    assert data("events", "dead", "drop", "pager", one, "--yes") == {"sink": "pager", "dropped": 1}
    code, _, err = run("events", "dead", "replay", "pager", one)
    assert (code, "error[BW3042]" in err) == (2, True)
    assert run("events", "dead", "replay", "pager", "--seconds", "5")[0] == 5, "it refuses still"
    (folder / "mood").write_text("take")
    replayed = data("events", "dead", "replay", "pager")
    assert replayed == {"sink": "pager", "replayed": 3, "pending": 0, "dead": 0}
    assert len(pages(folder)) == 3
    assert data("events", "dead", "list") == []


def test_flush_says_what_stays(folder: Path, run: Command, data: Callable[..., Any]) -> None:
    (folder / "mood").write_text("later")
    with App.from_config(folder, require=False) as app:
        app.events.log_error("sync", None, None, "broken")
        app.events.flush(2)
        app.events.close(0.1)
    code, out, _ = run("events", "flush", "--seconds", "0.2")
    assert (code, "pager" in out) == (5, True)
    (folder / "mood").write_text("take")
    assert data("events", "flush") == {"done": True, "pending": {}}
    assert "error " in pages(folder)


def test_a_record_can_be_forgotten(folder: Path, run: Command, data: Callable[..., Any]) -> None:
    work(folder)
    found = data("events", "forget", "employee", "4711", "--dry-run")
    assert (found["ledger"], found["dry_run"]) == (1, True)
    assert run("events", "forget", "employee", "4711")[0] == 2
    assert data("events", "forget", "employee", "4711", "--yes")["ledger"] == 1
    assert data("events", "changes", "--id", "4711") == []
    assert data("sessions", "list")[0]["created"] == 1, "that it happened stays"
    (audit,) = data("events", "tail", "--category", "audit")
    assert (audit["entity_type"], audit["entity_id"], audit["attributes"]["ledger"]) == ("employee", None, 1)
    state = folder / ".busway"
    held = [path.name for path in state.rglob("*") if path.is_file() and b"4711" in path.read_bytes()]
    assert held == ["audit.log"], "the file of the log sink is the operator's"


def test_people_are_told_once_and_then_in_sums(folder: Path, run: Command, data: Callable[..., Any]) -> None:
    work(folder, errors=20)
    work(folder, errors=20)
    assert [page for page in pages(folder) if page.startswith("digest")] == ["digest first"]
    status = data("notify", "status")
    assert status["errors"] == 40
    assert [(one["sink"], one["digests"]) for one in status["sinks"]] == [
        ("log", False),
        ("ledger", True),
        ("pager", True),
    ]
    pager = status["sinks"][2]
    assert (pager["errors"], pager["suppressed"], pager["messages"], pager["last"]["kind"]) == (40, 39, 1, "first")
    assert status["groups"][0]["next_step"] == "busway events errors --hours 24 --kind validation"
    _, out, _ = run("notify", "status")
    assert "next digest" in out
    assert "40 errors in 1 group" in out
    assert run("notify", "digest")[1].startswith("Nothing is due.")
    sent = data("notify", "digest", "--now")
    assert [(one["kind"], one["errors"]) for one in sent["sent"]] == [("hourly", 40)]
    assert [page for page in pages(folder) if page.startswith("digest")] == ["digest first", "digest hourly"]
    assert run("notify", "digest", "--now")[1] == "No error since the last digest.\n"


def test_what_is_due_is_sent_by_whoever_comes(folder: Path, data: Callable[..., Any]) -> None:
    work(folder, errors=2)
    text = (folder / "busway.toml").read_text().replace('"1h"', '"1ms"')
    (folder / "busway.toml").write_text(text)
    assert [one["kind"] for one in data("notify", "digest")["sent"]] == ["hourly"]


def test_a_test_digest_says_what_became_of_it(folder: Path, run: Command, data: Callable[..., Any]) -> None:
    assert data("notify", "test", "pager")["outcome"] == "delivered"
    assert pages(folder) == ["digest hourly"]
    assert data("events", "tail", "--category", "digest") == [], "it is for nobody else"
    (folder / "mood").write_text("refuse")
    code, _, err = run("notify", "test", "pager")
    assert (code, "error[BW3032]" in err, "\x1b" in err) == (4, True, False)
    (folder / "mood").write_text("later")
    refused = data("notify", "test", "pager", "--seconds", "0.5")
    assert (refused["error"]["code"], refused["data"]["outcome"]) == ("BW3033", "pending")
    code, _, err = run("notify", "test", "log")
    assert (code, "error[BW3031]" in err) == (3, True)
    assert run("notify", "status")[1].startswith("No error since"), "a test is no error"


def test_reading_creates_nothing(folder: Path, run: Command) -> None:
    for command in (("events", "changes"), ("events", "errors"), ("events", "tail"), ("sessions", "list")):
        assert run(*command)[0] == 0
    assert not (folder / ".busway" / "ledger.db").exists()


def test_a_damaged_ledger_is_mended_and_said_so(folder: Path, run: Command) -> None:
    work(folder)
    (folder / ".busway" / "ledger.db").write_bytes(b"no database" * 999)
    code, _, err = run("events", "changes")
    assert (code, "warning: ledger.db was damaged" in err) == (0, True)
    assert "BW3041" in run("events", "errors", "--kind", "ledger")[1]


def test_a_newer_ledger_is_refused(folder: Path, run: Command) -> None:
    import sqlite3
    from contextlib import closing

    work(folder)
    with closing(sqlite3.connect(folder / ".busway" / "ledger.db")) as connection:
        connection.execute("PRAGMA user_version = 99")
    code, _, err = run("events", "changes")
    assert (code, "error[BW3101]" in err) == (3, True)


def test_a_wrong_policy_is_told_with_its_line(folder: Path, run: Command) -> None:
    (folder / "busway.toml").write_text(TOML + 'severty = "info"\n', "utf-8")
    code, _, err = run("events", "changes")
    assert (code, "error[BW3030]" in err, "busway.toml:10" in err) == (3, True, True)


@pytest.mark.parametrize("form", ["text", "json"])
def test_tail_follows_until_ctrl_c(folder: Path, form: str) -> None:
    more = ["--json"] if form == "json" else []
    (folder / "busway.toml").write_text(
        TOML.replace(', "pager"', "").replace("[events.routes.pager]", "[events.routes.x]")
    )
    work(folder, "before", errors=0)
    command = [sys.executable, "-m", "busway.cli.main", "-C", str(folder), "events", "tail", "-n", "1", "-f", *more]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout is not None
    try:
        first = process.stdout.readline()
        assert "session" in first
        work(folder, "during", errors=1)
        lines, until = "", time.monotonic() + 20
        while lines.count("ended") < 1 and time.monotonic() < until:
            lines += process.stdout.readline()
        process.send_signal(signal.SIGINT)
        rest, err = process.communicate(timeout=10)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "Traceback" not in err
    shown = [line for line in (lines + rest).splitlines() if "during" in line]
    if form == "json":
        happened = [f"{row['category']}.{row['operation']}" for row in map(json.loads, shown)]
    else:
        happened = [name for line in shown for name in line.split() if name.count(".") == 1]
    # When the digest about the error comes is the ticker's business; errors and digests name no operation.
    assert sorted(one for one in happened if one.startswith(("change.", "session."))) == [
        "change.created",
        "change.updated",
        "session.ended",
        "session.started",
    ]
