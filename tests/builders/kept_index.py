"""Asking the index of a site, and making sure that it was kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from builders.distributions import Site
from busway.plugins import index_build
from busway.plugins.index import Index, load_index


def names(index: Index, kind: str = "sinks") -> list[str]:
    """The plugins of `kind` in `index`."""
    return [entry.name for entry in index.entries(kind)]


def load(site: Site, kept: Path, *, refresh: bool = False) -> Index:
    """The index of `site`, kept in the file `kept`."""
    return load_index(path=[str(site.folder)], cache_file=kept, refresh=refresh)


def no_build(monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on the index must answer from its file."""
    monkeypatch.setattr(index_build, "build_document", lambda *_: pytest.fail("the index was built anew"))
