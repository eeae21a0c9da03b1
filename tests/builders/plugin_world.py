"""What tests of plugins that hang, break or answer nonsense share: their sources, and ways to look and wait."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from builders.distributions import SECRET_SOURCE, SINK, Installed, Site
from busway import App
from busway.events.dispatcher import Dispatcher
from busway.events.ledger import Ledger
from busway.events.sink_worker import SinkWorker
from busway.plugins.call_monitor import WatchedCall

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


Open = Callable[..., App]
"""Opens an application with ``[plugins]`` as given."""


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


def watch_only(app: App, name: str, seconds: float = SHORT) -> None:
    """Gives deliveries of one sink so much time, and those of the others any: a busy machine must not fail them."""
    monitor, workers = dispatcher(app).monitor, dispatcher(app)._workers
    monitor.seconds = seconds
    monitor._calls = tuple(one.delivery if one.name == name else WatchedCall("not watched") for one in workers)


def emitted(app: App, number: int = 3) -> None:
    for one in range(number):
        app.events.log_creation("thing", str(one))


def hanging_app(open_app: Open, site: Site, *more: str) -> App:
    """An application whose sink ``pager`` hangs, and is given up soon."""
    closing = ("def close(self): pass", "def close(self): world.calls.append('close')")
    site.install("pager", PAGER.replace("{body}", "world.hang('deliver')").replace(*closing), version="2.1")
    app = open_app(sinks=["log", "ledger", "pager", *more])
    watch_only(app, "pager")
    return app


def events_of(app: App) -> list[dict[str, Any]]:
    """The attributes of the newest events in the ledger."""
    ledger = Ledger(app.boot.state_dir)
    try:
        return [row.as_dict()["attributes"] for row in ledger.tail(50)]
    finally:
        ledger.close()
