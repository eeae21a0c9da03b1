"""What an application wires around cached data: coordinator, locks, news of levels, the order of closing."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from builders.redis_server import RedisServer
from busway.app import App
from busway.contracts.events import Severity
from busway.data.manager import DataManager
from busway.errors import UnreachableError
from busway.events.manager import EventManager
from busway.stores.local_coordinator import LocalCoordinator
from busway.wiring.close_order import STAGES, CloseOrder
from busway.wiring.source_loader import SourceLoader

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes a deployment over some levels, in the environment of the test alone; its folder."""
    for name in [name for name in os.environ if name != "PATH"]:
        monkeypatch.delenv(name)

    def toml(caches: str, **settings: object) -> Path:
        lines = [f"{name} = {value!r}" for name, value in {"ENV": "dev", **settings}.items()]
        (tmp_path / "busway.toml").write_text(
            "\n".join(['app = "people"', "[plugins]", f"caches = {caches}", "[settings]", *lines])
        )
        return tmp_path

    return toml


def test_without_a_level_that_coordinates_the_host_does(write: Write) -> None:
    folder = write('["memory", "file"]')
    with App.from_config(folder) as app, App.from_config(folder) as other:
        assert isinstance(app.coordinator, LocalCoordinator)
        lease = app.coordinator.acquire("run", "one", 30)
        assert lease is not None
        assert other.coordinator.acquire("run", "two", 30) is None
        assert app.coordinator is app.coordinator
    with App.from_config(folder) as app:
        assert app.coordinator.acquire("run", "three", 30) is not None, "a closed application holds nothing"


def test_the_first_level_that_coordinates_does(write: Write, tmp_path: Path) -> None:
    with RedisServer(tmp_path) as server:
        folder = write('["memory", "redis", "file"]', REDIS_HOST=server.host, REDIS_PORT=server.port)
        with App.from_config(folder) as app:
            assert not isinstance(app.coordinator, LocalCoordinator)
            assert app.coordinator.acquire("run", "one", 30) is not None
            server.kill()
            with pytest.raises(UnreachableError):
                app.coordinator.acquire("other", "one", 30)


def test_a_level_that_is_away_is_not_replaced_by_the_host(write: Write) -> None:
    folder = write('["memory", "redis"]', REDIS_HOST="127.0.0.1", REDIS_PORT=9)
    with App.from_config(folder) as app, pytest.raises(UnreachableError):
        app.coordinator.acquire("run", "one", 30)


def test_a_load_is_locked_in_the_state_folder_where_no_level_has_locks(write: Write) -> None:
    folder = write('["memory", "file"]')
    with App.from_config(folder) as app:
        assert app.data.get_or_populate("vista.employees", loader=lambda: [1]) == [1]
    locks = folder / ".busway" / "locks" / "loads"
    assert len(list(locks.glob("*.lock"))) == 1


def test_a_level_that_is_away_is_a_warning_and_an_event(write: Write) -> None:
    folder = write('["memory", "redis"]', REDIS_HOST="127.0.0.1", REDIS_PORT=9)
    with App.from_config(folder) as app:
        assert app.warnings() == []
        app.data.save_cache("vista.employees", [1])
        (warning,) = app.warnings()
        assert warning.startswith("cache level redis is away: BW2006: Redis at 127.0.0.1:9 does not serve")
        assert set(app.levels_away()) == {"redis"}
        assert app.events.books()["ledger"]["emitted"] == 1


def test_who_only_looks_makes_no_event_of_it(write: Write) -> None:
    folder = write('["memory", "redis"]', REDIS_HOST="127.0.0.1", REDIS_PORT=9)
    with App.from_config(folder) as app:
        app.look_only()
        app.data.keys("*")
        assert set(app.levels_away()) == {"redis"}
        assert app.events.books()["ledger"]["emitted"] == 0


def test_a_level_that_is_back_is_no_warning_any_more(write: Write, tmp_path: Path) -> None:
    with RedisServer(tmp_path) as server:
        folder = write('["memory", "redis"]', REDIS_HOST=server.host, REDIS_PORT=server.port)
        with App.from_config(folder) as app:
            app._cache_news.receive(
                "system", severity=Severity.WARNING, attributes={"level": "redis", "why": "it was slow"}
            )
            assert app.warnings() == ["cache level redis is away: it was slow"]
            app._cache_news.receive("system", severity=Severity.INFO, attributes={"level": "redis", "why": ""})
            assert app.warnings() == []


def test_events_outlive_the_levels_whoever_was_built_first(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[str] = []
    for name, manager in (("data", DataManager), ("events", EventManager)):
        monkeypatch.setattr(manager, "close", _noting(manager.close, name, closed))
    folder = write('["memory"]')
    for first, second in (("data", "events"), ("events", "data")):
        with App.from_config(folder) as app:
            getattr(app, first)
            getattr(app, second)
        assert closed == ["data", "events"]
        closed.clear()


def test_levels_that_nobody_used_are_closed_and_used_ones_once(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    from busway_cache_file.cache import FileCache

    closed: list[str] = []
    monkeypatch.setattr(FileCache, "close", _noting(FileCache.close, "file", closed))
    folder = write('["file"]')
    with App.from_config(folder, require=False) as app:
        app.objects("caches")
    assert closed == ["file"]
    with App.from_config(folder) as app:
        app.data.save_cache("a", 1)
    assert closed == ["file"] * 2


def test_the_order_of_closing() -> None:
    closed: list[str] = []
    order = CloseOrder()
    for stage in ("events", "jobs", "sources", "coordination", "data", "state"):
        order.add(stage, lambda stage=stage: closed.append(stage))  # type: ignore[misc]
    order.close()
    assert closed == list(reversed(STAGES))
    order.close()
    assert len(closed) == len(STAGES), "once"


def test_one_that_does_not_close_keeps_no_other_open() -> None:
    closed: list[str] = []

    def broken() -> None:
        raise OSError("full")

    order = CloseOrder()
    order.add("state", lambda: closed.append("state"))
    order.add("data", lambda: closed.append("data"))
    order.add("data", broken)
    with pytest.raises(OSError, match="full"):
        order.close()
    assert closed == ["data", "state"]


def test_entries_say_which_job_read_them() -> None:
    loader = SourceLoader("employees", lambda job: [{"job": job}])
    assert loader() == [{"job": "employees"}]
    assert loader.__qualname__ == "job employees"


def _noting(close: Callable[..., None], name: str, closed: list[str]) -> Callable[..., None]:
    def noted(self: object) -> None:
        closed.append(name)
        close(self)

    return noted
