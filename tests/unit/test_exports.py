"""The public surface of the package, and what importing it costs."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import busway

INIT = Path(busway.__file__)


def test_every_public_name_can_be_imported() -> None:
    for name in busway.__all__:
        assert getattr(busway, name) is not None, name


def test_the_lazy_table_and_the_typed_imports_name_the_same_things() -> None:
    tree = ast.parse(INIT.read_text("utf-8"))
    typed = {
        (node.module, alias.name)
        for branch in ast.walk(tree)
        if isinstance(branch, ast.If)
        for node in branch.body
        if isinstance(node, ast.ImportFrom) and node.module != "typing"
        for alias in node.names
    }
    lazy = {(home, name) for home, names in busway._HOMES.items() for name in names}
    assert typed == lazy


def test_each_module_exports_what_it_says() -> None:
    for home, names in busway._HOMES.items():
        assert set(names) <= set(import_module(home).__all__), home


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nothing_of_that_name"):
        busway.nothing_of_that_name  # noqa: B018


def test_importing_busway_imports_nothing_heavy() -> None:
    code = "import sys, busway; print(' '.join(sorted(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    heavy = {"pydantic", "click", "pluggy", "stevedore", "importlib_metadata", "orjson", "sqlite3", "httpx"}
    assert heavy.isdisjoint(found)
