"""Applications with throw-away plugins."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from builders.distributions import Site
from builders.plugin_world import Open, World
from busway import App
from busway.plugins.index import load_index


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
