"""The map of the code is true: what it names exists, and what exists is named."""

from __future__ import annotations

import re
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import busway

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "architecture.md").read_text("utf-8")
NAMES = sorted(set(re.findall(r"`(busway(?:\.[a-z_]+)+)`", TEXT)) - {"busway.toml"})


def test_every_module_the_map_names_exists() -> None:
    assert len(NAMES) > 20
    assert [name for name in NAMES if find_spec(name) is None] == []


def test_every_room_is_on_the_map() -> None:
    home = Path(busway.__file__).parent
    rooms = {path.name for path in home.iterdir() if (path / "__init__.py").exists()}
    assert {f"busway.{room}" for room in rooms} <= set(NAMES)


def test_no_room_bears_the_name_of_a_singleton() -> None:
    for name in ("config", "settings", "data_manager", "event_manager"):
        assert find_spec(f"busway.{name}") is None


def test_every_contract_is_in_the_table_of_the_package() -> None:
    package = import_module("busway.contracts")
    folder = Path(str(package.__file__)).parent
    files = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    assert {name for name in files if f"``{name}``" in str(package.__doc__)} == files
