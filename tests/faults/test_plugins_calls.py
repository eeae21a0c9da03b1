"""Plugins that hang, break or answer nonsense when they are called: real distributions in a real application."""

from __future__ import annotations

import logging
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from builders.distributions import CACHE, SECRET_SOURCE, SINK, Installed, Site
from busway import App
from busway.contracts.sinks import EventSink
from busway.errors import BuswayError
from busway.events.dispatcher import Dispatcher
from busway.events.sink_worker import SinkWorker
from busway.plugins.index import load_index
from busway.plugins.worker import abandoned_calls, abandoned_count

CANARY = "canary-9f3c2a1b-secret"
SHORT = 0.05


class World:
    """What the plugins of a test share with it, as ``sys.busway_world``."""

    def __init__(self) -> None:
        self.entered, self.release = threading.Event(), threading.Event()
        self.calls: list[str] = []

    def hang(self, what: str = "") -> None:
        """Does not return until the test ends."""
        self.calls.append(what)
        self.entered.set()
        self.release.wait(60)


WORLD = "import sys\nworld = sys.busway_world\n"
PAGER = WORLD + SINK.replace("return None", "{body}", 1)
VAULT = WORLD + SECRET_SOURCE.replace("return None", "{body}", 1)
RULES = (
    WORLD
    + """
from busway import Validation
class Rules:
    entity = "person"
    def validate(self, record):
        {body}
@hookimpl
def busway_validators(context):
    return [Rules()]
"""
)
PEOPLE = (
    WORLD
    + """
from busway import Complete, Job, exact, always
class People(Job):
    name, entity, match_on = "people", "person", exact("number")
    fields = {{"number": always, "name": always}}
    def source(self, run):
        {source}
        return [{{"number": "1", "name": "Ann"}}, {{"number": "2", "name": "Bob"}}]
    def target(self, run):
        {target}
        return Complete([])
    def map(self, record, run):
        {map}
        return record
    def create(self, record):
        {create}
        return {{**record, "id": record["number"]}}
    def close(self):
        {close}
@hookimpl
def busway_jobs(context):
    return [People()]
"""
)


def people(**bodies: str) -> str:
    steps = dict.fromkeys(("source", "target", "map", "create", "close"), "pass")
    return PEOPLE.format(**{**steps, **bodies})


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    sys.__dict__["busway_world"] = world
    yield world
    world.release.set()
    sys.__dict__.pop("busway_world")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setattr("busway.app.load_index", lambda: load_index(cache_file=tmp_path / "index.json"))
    with Site(tmp_path / "site") as site:
        yield site


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


Open = Callable[..., App]


@pytest.fixture
def open_app(folder: Path, world: World, site: Site) -> Iterator[Open]:
    """Opens applications with ``[plugins]`` as given; everything that hangs is let go before they are closed."""
    opened: list[App] = []

    def open_one(**plugins: list[str]) -> App:
        lines = [f"{kind} = {names!r}" for kind, names in plugins.items()]
        (folder / "busway.toml").write_text("\n".join(['app = "test"', "[plugins]", *lines, ""]), "utf-8")
        opened.append(App.from_config(folder, {}, require=False))
        return opened[-1]

    yield open_one
    world.release.set()
    for app in opened:
        if "events" in vars(app):
            app.events.close(0.0)  # what cannot be delivered is not waited for
        app.close()


def dispatcher(app: App) -> Dispatcher:
    return app.events._pipeline.dispatcher


def worker(app: App, name: str) -> SinkWorker:
    return next(worker for worker in dispatcher(app)._workers if worker.name == name)


def until(condition: Callable[[], object], seconds: float = 10) -> None:
    """Waits for something another thread does."""
    deadline = time.monotonic() + seconds
    tick = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        tick.wait(0.005)


def named(installed: Installed, text: str) -> bool:
    return f"{installed.distribution} {installed.version}" in text


# -- secret sources


def test_a_vault_that_hangs_is_named_and_asked_once(
    open_app: Open, site: Site, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("busway.app.FETCH_SECONDS", SHORT)
    vault = site.install("vault", VAULT.replace("{body}", "world.hang(name)"), kind="secrets")
    app = open_app(secrets=["env", "vault"])
    for _ in range(3):
        with pytest.raises(BuswayError) as caught:
            app.config.get_secret("ACME_TOKEN")
        assert (caught.value.code, caught.value.exit_code) == ("BW1320", 5)
        assert named(vault, caught.value.render())
        assert f"vault = {vault.module}" in caught.value.render()
    assert world.calls == ["ACME_TOKEN"]
    assert app.warnings() == ["secrets.vault (acme-busway-vault 1.2) was abandoned: no answer within 0.05 s"]


def test_a_vault_that_breaks_is_named_without_its_words(open_app: Open, site: Site) -> None:
    vault = site.install("vault", VAULT.replace("{body}", f"raise KeyError({CANARY!r})"), kind="secrets")
    gone = site.install("gone", VAULT.replace("{body}", "sys.exit(3)"), kind="secrets")
    odd = site.install("odd", VAULT.replace("{body}", "return 3"), kind="secrets")
    for name, installed, code, cause in (
        ("vault", vault, "BW1321", "KeyError"), ("gone", gone, "BW1321", "SystemExit"), ("odd", odd, "BW1322", "int")
    ):  # fmt: skip
        app = open_app(secrets=["env", name])
        with pytest.raises(BuswayError) as caught:
            app.config.get_secret("ACME_TOKEN")
        text = caught.value.render()
        assert caught.value.code == code
        assert named(installed, text)
        assert cause in text
        assert CANARY not in text


def test_a_value_that_is_remembered_outlives_its_source(
    open_app: Open, site: Site, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("busway.app.FETCH_SECONDS", SHORT)
    body = "from busway import SecretValue; return SecretValue('x' * 20) if name == 'GOOD' else world.hang(name)"
    site.install("vault", VAULT.replace("{body}", body), kind="secrets")
    app = open_app(secrets=["env", "vault"])
    assert app.config.get_secret("GOOD") == "x" * 20
    with pytest.raises(BuswayError, match="BW1320"):
        app.config.get_secret("BAD")
    assert app.config.get_secret("GOOD") == "x" * 20


# -- sinks


def hanging_app(open_app: Open, site: Site, *more: str) -> App:
    closing = ("def close(self): pass", "def close(self): world.calls.append('close')")
    site.install("pager", PAGER.replace("{body}", "world.hang('deliver')").replace(*closing), version="2.1")
    app = open_app(sinks=["log", "ledger", "pager", *more])
    dispatcher(app).monitor.seconds = SHORT
    return app


def emitted(app: App, number: int = 3) -> None:
    for one in range(number):
        app.events.log_creation("thing", str(one))


def test_a_sink_that_hangs_is_abandoned_and_holds_up_nobody(
    open_app: Open, site: Site, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    before, app = abandoned_count(), hanging_app(open_app, site)
    emitted(app)
    until(lambda: worker(app, "pager").abandoned)
    began = time.monotonic()
    assert app.events.flush(30) is False, "its events wait"
    assert time.monotonic() - began < 5, "nobody waits for it"
    books = app.events.books()
    assert books["pager"] == {"emitted": 3, "delivered": 0, "dead": 0, "dropped": {}, "pending": 3}
    assert books["ledger"]["delivered"] == books["log"]["delivered"] == 3
    emitted(app)
    assert app.events.flush(30) is False
    assert app.events.pending() == {"log": 0, "ledger": 0, "pager": 6}
    assert world.calls == ["deliver"], "it is never called again"
    (warning,) = app.warnings()
    assert warning == (
        "sinks.pager (acme-busway-pager 2.1) was abandoned: no answer within 0.05 s; "
        "6 events wait for it (busway events flush)"
    )
    assert abandoned_calls(before) == ["deliver() of sinks.pager (acme-busway-pager 2.1)"]
    (line,) = [record for record in caplog.records if "was abandoned" in record.getMessage()]
    assert (line.levelno, "sinks.pager (acme-busway-pager 2.1)" in line.getMessage()) == (logging.ERROR, True)
    counted = {(one.name, dict(one.labels).get("sink")): one.value for one in app.metrics.snapshot()}
    assert counted["busway_sink_abandoned_total", "pager"] == 1


def test_what_an_abandoned_delivery_brings_is_dropped(
    open_app: Open, site: Site, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    app = hanging_app(open_app, site)
    emitted(app)
    until(lambda: worker(app, "pager").abandoned)
    thread = next(one for one in threading.enumerate() if one.name == "busway-sink-pager")
    world.release.set()
    thread.join(5)
    assert not thread.is_alive()
    assert "sinks.pager (acme-busway-pager 2.1) came back after it was abandoned" in caplog.text
    emitted(app)
    app.events.flush(30)
    assert app.events.books()["pager"]["pending"] == 6
    app.close()
    assert world.calls == ["deliver"], "neither called nor closed"


OTHER_PROCESS = """
import sys, threading
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from busway import App
class World:
    calls = []
    def hang(self, what): self.calls.append(what)
sys.busway_world = World()
with App.from_config(Path(sys.argv[1]), {}) as app:
    app.events.flush(20)
    print(len(World.calls), app.events.pending())
"""


def test_another_process_delivers_what_an_abandoned_sink_left(
    open_app: Open, site: Site, folder: Path, world: World
) -> None:
    """The one that hangs still lives, and so does its thread; the right to deliver is all it has lost."""
    deliver = "world.hang('deliver'); from busway import Delivery; return Delivery.done(events)"
    site.install("pager", PAGER.replace("{body}", deliver), version="2.1")
    before, app = abandoned_count(), open_app(sinks=["ledger", "pager"])
    dispatcher(app).monitor.seconds = SHORT
    emitted(app)
    assert world.entered.wait(10)
    until(lambda: worker(app, "pager").abandoned)
    command = [sys.executable, "-c", textwrap.dedent(OTHER_PROCESS), str(folder), str(site.folder)]
    other = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert other.stdout.split(" ", 1) == ["1", "{'ledger': 0, 'pager': 0}\n"], other.stderr
    world.release.set()
    until(lambda: not abandoned_calls(before))
    assert app.events.books()["pager"] == {"emitted": 3, "delivered": 3, "dead": 0, "dropped": {}, "pending": 0}


def test_closing_does_not_wait_for_what_hangs(open_app: Open, site: Site, world: World) -> None:
    app = hanging_app(open_app, site)
    emitted(app)
    until(lambda: worker(app, "pager").abandoned)
    began = time.monotonic()
    app.close()
    assert time.monotonic() - began < 2
    assert world.calls == ["deliver"], "not even closed"
    assert "was abandoned" in app.warnings()[0], "known after the end, too"


def test_a_delivery_on_its_way_at_the_end_is_given_up_later(open_app: Open, site: Site, world: World) -> None:
    app = hanging_app(open_app, site)
    dispatcher(app).monitor.seconds = 1.0
    emitted(app)
    assert world.entered.wait(10)
    assert app.events.close(0.01) is False
    assert not worker(app, "pager").abandoned
    until(lambda: worker(app, "pager").abandoned)
    until(lambda: not dispatcher(app).monitor._patrol._thread.is_alive())


def test_a_sink_that_cannot_be_closed_holds_up_nobody(
    open_app: Open, site: Site, world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("busway.events.sink_worker.CLOSE_SECONDS", SHORT)
    deliver = "from busway import Delivery; return Delivery.done(events)"
    source = PAGER.replace("{body}", deliver).replace("def close(self): pass", "def close(self): world.hang('close')")
    site.install("pager", source, version="2.1")
    app = open_app(sinks=["pager"])
    emitted(app)
    app.close()
    assert world.calls == ["close"]
    assert "sinks.pager (acme-busway-pager 2.1) did not close: no answer within 0.05 s" in caplog.text


def test_a_sink_that_is_slow_is_told_before_it_is_given_up(
    open_app: Open, site: Site, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("busway.events.sink_worker.SLOW_SECONDS", 0.0)
    site.install("pager", PAGER.replace("{body}", "world.hang('deliver')"), version="2.1")
    app = open_app(sinks=["pager"])
    emitted(app)
    assert world.entered.wait(10)
    (warning,) = app.warnings()
    assert "sinks.pager (acme-busway-pager 2.1) has not answered for 0 s; 3 events wait" in warning


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        (f"raise ConnectionError({CANARY!r})", "ConnectionError"),
        ("sys.exit(3)", "SystemExit"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("return 'done'", "TypeError"),
        ("from busway import Delivery; return Delivery()", "it took nothing"),
    ],
)
def test_a_sink_that_fails_goes_on_trying_and_is_named(
    open_app: Open, site: Site, world: World, body: str, cause: str
) -> None:
    site.install("pager", PAGER.replace("{body}", f"world.calls.append('x'); {body}"), version="2.1")
    app = open_app(sinks=["ledger", "pager"])
    emitted(app)
    until(lambda: len(world.calls) > 2)
    assert next(one for one in threading.enumerate() if one.name == "busway-sink-pager").is_alive()
    (warning,) = app.warnings()
    assert warning.startswith(f"sinks.pager (acme-busway-pager 2.1) fails ({cause}, ")
    assert warning.endswith("3 events wait for it (busway events flush)")
    assert CANARY not in warning


FORKING = """
import os, sys, threading
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from busway import App
class World:
    calls = []
    def hang(self, what):
        self.calls.append(what)
        threading.Event().wait(60)
world = sys.busway_world = World()
app = App.from_config(Path(sys.argv[1]), {})
dispatcher = app.events._pipeline.dispatcher
dispatcher.monitor.seconds = 0.05
app.events.log_creation("thing", "1")
tick = threading.Event()
while not dispatcher._workers[0].abandoned:
    tick.wait(0.01)
pid = os.fork()
if pid == 0:
    app.events.log_creation("thing", "2")
    flushed = app.events.flush(5)
    os._exit(0 if world.calls == ["deliver"] and not flushed else 1)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
os._exit(0)
"""


def test_a_forked_child_does_not_call_what_hung_in_its_parent(open_app: Open, site: Site, folder: Path) -> None:
    source = PAGER.replace("{body}", "world.hang('deliver')").replace(
        "class Made:", "class Made:\n    scope = 'process'"
    )
    site.install("pager", source, version="2.1")
    open_app(sinks=["pager"])
    command = [sys.executable, "-c", textwrap.dedent(FORKING), str(folder), str(site.folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "0\n", done.stderr


# -- cache levels


@pytest.mark.parametrize(
    ("method", "body", "cause"),
    [
        ("get", f"raise KeyError({CANARY!r})", "KeyError"),
        ("get", "return 'text'", "it answered with str instead of bytes"),
        ("get", "return 3", "it answered with int instead of bytes"),
        ("set", f"raise OSError({CANARY!r})", "OSError"),
        ("delete", "raise ZeroDivisionError", "ZeroDivisionError"),
        ("delete", "return 'yes'", "it answered with str instead of int"),
        ("delete", "return None", "it answered with NoneType instead of int"),
        ("scan", "raise KeyError", "KeyError"),
        ("scan", "return [b'key']", "it answered with bytes instead of str"),
        ("scan", "return 'key'", "it answered with str instead of keys"),
        ("scan", "return None", "TypeError"),
    ],
)
def test_a_level_that_breaks_is_away_and_named(
    open_app: Open, site: Site, caplog: pytest.LogCaptureFixture, method: str, body: str, cause: str
) -> None:
    head = next(line for line in CACHE.splitlines() if f"def {method}(" in line)
    source = CACHE.replace(head, f"{head.partition(': ')[0]}: {body}" if ": " in head else head)
    site.install("odd", source, kind="caches", version="2.1")
    app = open_app(caches=["odd", "memory"])
    assert app.data.save_cache("vista.employees", [1])
    assert app.data.get_cached_data("vista.employees") == [1]
    app.data.invalidate("vista.employees/_")
    app.data.invalidate("vista:employees:*")
    assert f"cache level odd (acme-busway-odd 2.1) is away: {cause}" in caplog.text
    (odd, memory) = app.data.stats()["levels"]
    assert {key: odd[key] for key in ("level", "distribution", "version", "state", "errors")} == {
        "level": "odd", "distribution": "acme-busway-odd", "version": "2.1", "state": "away", "errors": 1
    }  # fmt: skip
    assert memory["state"] == "up"
    assert app.events.flush(30)
    told = next(row for row in events_of(app) if row.get("what") == "cache level away")
    assert (told["level"], told["distribution"], told["version"]) == ("odd", "acme-busway-odd", "2.1")
    assert CANARY not in caplog.text


def events_of(app: App) -> list[dict[str, Any]]:
    from busway.events.ledger import Ledger

    ledger = Ledger(app.boot.state_dir)
    try:
        return [row.as_dict()["attributes"] for row in ledger.tail(50)]
    finally:
        ledger.close()


# -- validators and jobs


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (f"raise KeyError({CANARY!r})", "validator Rules raised KeyError (acme-busway-rules 3.0)"),
        ("return None", "validator Rules returned NoneType, not Validation (acme-busway-rules 3.0)"),
        (
            "return Validation(None)",
            "validator Rules returned a Validation whose record is of NoneType (acme-busway-rules 3.0)",
        ),
    ],
)
def test_a_validator_that_breaks_costs_the_record_and_is_named(
    open_app: Open, site: Site, body: str, reason: str
) -> None:
    bad = f'if record["number"] == "2":\n            {body}\n        return Validation(record)'
    site.install("rules", RULES.replace("{body}", bad), kind="validators", version="3.0")
    site.install("people", people(), kind="jobs", version="2.1")
    app = open_app(jobs=["people"], validators=["rules"])
    (report,) = app.sync.run().jobs
    assert (report.counts.created, report.counts.failed) == (1, 1)
    (failure,) = report.failures
    assert (failure.problem.code, failure.problem.what) == ("BW6002", reason)


@pytest.mark.parametrize("step", ["source", "target"])
def test_a_job_that_breaks_is_named_with_its_entry_point(open_app: Open, site: Site, step: str) -> None:
    bad = site.install("people", people(**{step: f"raise KeyError({CANARY!r})"}), kind="jobs", version="2.1")
    app = open_app(jobs=["people"])
    (report,) = app.sync.run().jobs
    assert report.problem is not None
    text = report.problem.render()
    for part in (
        "BW4005", f"job people broke in {step}() with KeyError", "acme-busway-people 2.1",
        f"entry point busway.v1.jobs: people = {bad.module}", f"raised at {bad.module}.py:",
        "pip install -U acme-busway-people",
    ):  # fmt: skip
        assert part in text
    assert CANARY not in text
    assert app.sync.jobs()[0].distribution == "acme-busway-people 2.1"


@pytest.mark.parametrize(
    ("step", "what"), [("map", "mapping raised KeyError"), ("create", "the create raised KeyError")]
)
def test_a_job_that_breaks_on_a_record_is_named(open_app: Open, site: Site, step: str, what: str) -> None:
    bad = f'if record["number"] == "2": raise KeyError({CANARY!r})'
    installed = site.install("people", people(**{step: bad}), kind="jobs", version="2.1")
    (report,) = open_app(jobs=["people"]).sync.run().jobs
    assert report.counts.failed == 1
    (failure,) = report.failures
    assert failure.problem.what.startswith(what)
    assert f"acme-busway-people 2.1, entry point busway.v1.jobs: people = {installed.module}" in failure.problem.where
    assert CANARY not in failure.problem.render()


def test_a_job_that_cannot_be_closed_keeps_nothing_open(
    open_app: Open, site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    site.install("people", people(close=f"raise KeyError({CANARY!r})"), kind="jobs", version="2.1")
    app = open_app(jobs=["people"])
    assert len(app.jobs) == 1
    app.close()
    assert "jobs.people (acme-busway-people 2.1) did not close cleanly: KeyError" in caplog.text
    assert CANARY not in caplog.text


def test_a_run_that_is_stuck_is_told_with_plugin_and_stack(
    open_app: Open, site: Site, world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    installed = site.install("people", people(source="world.hang('source')"), kind="jobs", version="2.1")
    app = open_app(jobs=["people"])
    told = app.watchdog.on_stall
    assert told is not None

    def release(stall: Any) -> None:
        told(stall)
        world.release.set()

    engine = app.sync
    monkeypatch.setattr(app.watchdog, "seconds", SHORT)
    monkeypatch.setattr(app.watchdog, "on_stall", release)
    (report,) = engine.run().jobs
    assert report.counts.created == 2, "it was told, not stopped"
    (warning,) = app.warnings()
    assert warning.startswith("no progress for 0 s in jobs.people (acme-busway-people 2.1): ")
    assert f"{installed.module}.py:" in warning
    assert "People.source" in warning
    assert "stack, innermost first: " in caplog.text
    assert app.events.flush(30)
    (event,) = [row for row in events_of(app) if row.get("what") == "no progress"]
    assert (event["plugin"], event["distribution"], event["version"]) == ("jobs.people", "acme-busway-people", "2.1")
    assert any("People.source" in line for line in event["stack"])


def test_a_run_that_moves_is_not_told(open_app: Open, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each step of each record is a sign of progress, for a source that yields, a mapping and the writes."""
    ticks: list[int] = []
    source = "yield from ({'number': str(n), 'name': 'Ann'} for n in range(50)); return"
    site.install("people", people(source=source), kind="jobs", version="2.1")
    app = open_app(jobs=["people"])
    engine = app.sync
    progress = app.watchdog.progress

    def counted() -> None:
        ticks.append(1)
        progress()

    monkeypatch.setattr(app.watchdog, "progress", counted)
    (report,) = engine.run().jobs
    assert report.counts.created == 50
    assert len(ticks) >= 50 + 50 + 50


def test_what_a_job_waits_for_on_purpose_is_no_stall(
    open_app: Open, site: Site, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = "def busway_jobs(context):"
    source = people(source="world.clock.sleep(0)").replace(hook, hook + "\n    world.clock = context.clock")
    site.install("people", source, kind="jobs", version="2.1")
    app = open_app(jobs=["people"])
    waits: list[float] = []
    monkeypatch.setattr(app.watchdog, "expect_wait", waits.append)
    app.sync.run()
    assert waits == [0]


# -- what still hangs


def test_calls_that_hang_are_listed_at_the_end(
    open_app: Open, site: Site, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("busway.plugins.host.TIMEOUT_SECONDS", SHORT)
    site.install("bad", WORLD + "world.hang('import')\n" + SINK)
    app = open_app(sinks=["ledger", "bad"])
    for kind in app.plugins._kinds.values():
        kind._imports._timeout_seconds = SHORT
    app.objects("sinks")
    hanging = [line for line in app.warnings() if "hangs" in line]
    assert len(hanging) == 1
    assert "sinks-bad" in hanging[0]
    world.release.set()
    until(lambda: not [line for line in app.warnings() if "still hangs" in line])


def test_what_hung_before_an_application_was_opened_is_not_its_own(open_app: Open, site: Site, world: World) -> None:
    first = hanging_app(open_app, site)
    emitted(first)
    until(lambda: worker(first, "pager").abandoned)
    second = open_app(sinks=["ledger"])
    assert second.warnings() == []


def test_a_sink_without_an_origin_is_called_by_its_name(tmp_path: Path) -> None:
    from busway.events.sink_worker import WorkerParts
    from busway.events.window import Window

    class Plain:
        def deliver(self, events: list[Any]) -> Any: ...
        def close(self) -> None: ...

    sink: EventSink = Plain()
    made = SinkWorker("plain", sink, Window(None, frozenset(), list), None, WorkerParts())  # type: ignore[arg-type]
    assert made.title == "sinks.plain"


def test_the_times_are_those_of_the_design(open_app: Open, site: Site) -> None:
    site.install("vault", kind="secrets")
    app = open_app(secrets=["env", "vault"], sinks=["ledger"])
    vault = app.objects("secrets")[1].object
    assert (vault._seconds, dispatcher(app).monitor.seconds, app.watchdog.seconds) == (3, 30, 60)
