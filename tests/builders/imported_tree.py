"""Imports modules of a folder as if they were new, and takes every trace of them away again."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

NAMES = ("config", "utils", "services", "sync", "job", "main", "employees", "helper")
"""Top names that trees of the tests use."""


@contextmanager
def imported_from(folder: Path) -> Iterator[None]:
    """Within it, imports find ``folder`` first."""
    before = {name: module for name, module in sys.modules.items() if _is_ours(name)}
    for name in before:
        del sys.modules[name]
    sys.path.insert(0, str(folder))
    no_bytecode, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.dont_write_bytecode = no_bytecode
        sys.path.remove(str(folder))
        for name in [name for name in sys.modules if _is_ours(name)]:
            del sys.modules[name]
        sys.modules.update(before)


def module(name: str) -> ModuleType:
    """The module, imported."""
    return importlib.import_module(name)


def _is_ours(name: str) -> bool:
    return name.partition(".")[0] in NAMES
