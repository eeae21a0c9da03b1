from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from acme_busway_pager import PagerSink
from busway import Secret
from busway.testing import EventSinkContract


class TestPagerSink(EventSinkContract):
    @pytest.fixture
    def sink(self, tmp_path: Path) -> PagerSink:
        return PagerSink(tmp_path / "pager.jsonl", Secret("a key for tests"))

    @pytest.fixture
    def arrived(self, tmp_path: Path) -> Callable[[], list[str]]:
        def ids() -> list[str]:
            lines = (tmp_path / "pager.jsonl").read_text("ascii").splitlines()
            return [json.loads(json.loads(line)["body"])["id"] for line in lines]

        return ids

    @pytest.fixture
    def unreachable_sink(self, tmp_path: Path) -> PagerSink:
        return PagerSink(tmp_path / "no such folder" / "pager.jsonl", Secret("a key for tests"))
