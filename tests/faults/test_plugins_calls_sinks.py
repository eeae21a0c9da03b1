"""Sinks that hang, break or answer nonsense when they are called."""

from __future__ import annotations

import logging
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from builders.distributions import Site
from builders.plugin_world import (
    CANARY,
    PAGER,
    SHORT,
    Open,
    World,
    dispatcher,
    emitted,
    hanging_app,
    until,
    watch_only,
    worker,
)
from busway.contracts.sinks import EventSink
from busway.plugins.worker import abandoned_calls, abandoned_count


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
    watch_only(app, "pager")
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
    watch_only(app, "pager", 1.0)
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


def test_a_sink_whose_delivery_ends_after_the_close_is_closed_then(open_app: Open, site: Site, world: World) -> None:
    deliver = "world.hang('deliver'); from busway import Delivery; return Delivery.done(events)"
    closing = ("def close(self): pass", "def close(self): world.calls.append('close')")
    site.install("pager", PAGER.replace("{body}", deliver).replace(*closing), version="2.1")
    app = open_app(sinks=["pager"])
    emitted(app)
    assert world.entered.wait(10)
    app.events.close(0.01)
    app.close()
    assert world.calls == ["deliver"]
    world.release.set()
    until(lambda: world.calls == ["deliver", "close"])
    until(lambda: app.events.pending() == {"pager": 0})
    assert app.state._database._database is None, "what it wrote down late leaves no database open"


def test_asking_after_the_close_leaves_nothing_open(open_app: Open, site: Site) -> None:
    app = open_app(sinks=["ledger"])
    emitted(app)
    app.close()
    assert app.events.close(0.0) is True
    assert app.events.pending() == {"ledger": 0}
    assert app.state._database._database is None


def test_a_sink_without_an_origin_is_called_by_its_name(tmp_path: Path) -> None:
    from busway.events.sink_worker import SinkWorker, WorkerParts
    from busway.events.window import Window

    class Plain:
        def deliver(self, events: list[Any]) -> Any: ...
        def close(self) -> None: ...

    sink: EventSink = Plain()
    made = SinkWorker("plain", sink, Window(None, frozenset(), list), None, WorkerParts())  # type: ignore[arg-type]
    assert made.title == "sinks.plain"
