"""The record of the last load."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from busway.plugins.recorded import FILE_NAME, record_load, recorded_load
from busway.plugins.report import PluginStatus

READY = PluginStatus("caches", "redis", "ready", 1, "busway-cache-redis", "0.1.0", load_seconds=0.25)
FAILED = PluginStatus(
    "sinks",
    "pager",
    "failed",
    2,
    "acme-busway-pager",
    "2.1",
    code="BW1304",
    cause="no pagerapi",
    remedy="pip install x",
)


def test_what_was_recorded_is_read_back_with_its_age(tmp_path: Path) -> None:
    assert record_load(tmp_path / "state", [READY, FAILED], 5_000_000_000)
    rows = recorded_load(tmp_path / "state")
    assert list(rows) == [("caches", "redis"), ("sinks", "pager")]
    assert rows["caches", "redis"].load_seconds == 0.25
    pager = rows["sinks", "pager"]
    assert (pager.state, pager.cause, pager.remedy) == ("failed", "no pagerapi", "pip install x")
    assert pager.age_seconds(65_000_000_000) == 60
    assert pager.age_seconds(0) == 0


def test_the_file_is_private(tmp_path: Path) -> None:
    record_load(tmp_path / "state", [READY], 1)
    assert stat.S_IMODE((tmp_path / "state" / FILE_NAME).stat().st_mode) == 0o600
    assert [path.name for path in (tmp_path / "state").iterdir()] == [FILE_NAME]


def test_plugins_that_were_not_tried_keep_their_record(tmp_path: Path) -> None:
    record_load(tmp_path, [READY, FAILED], 1)
    untried = [PluginStatus("sinks", "pager", "selected", 2), PluginStatus("jobs", "other", "installed")]
    record_load(tmp_path, [READY, *untried], 9)
    assert {name: row.time_ns for (_, name), row in recorded_load(tmp_path).items()} == {"redis": 9, "pager": 1}


GARBAGE = [
    b"",
    b"\xff\xfe",
    b"[]",
    b"null",
    b"{",
    b'{"format": 1}',
    b'{"format": 1, "plugins": 3}',
    b'{"format": 9, "plugins": []}',
    b'{"format": 1, "plugins": [1, null, {}, {"kind": 1}]}',
    b"[" * 100_000,
]


@pytest.mark.parametrize("garbage", GARBAGE)
def test_garbage_reads_as_nothing_and_is_replaced(tmp_path: Path, garbage: bytes) -> None:
    (tmp_path / FILE_NAME).write_bytes(garbage)
    assert recorded_load(tmp_path) == {}
    assert record_load(tmp_path, [READY], 1)
    assert len(recorded_load(tmp_path)) == 1


def test_a_damaged_row_does_not_take_the_others_with_it(tmp_path: Path) -> None:
    record_load(tmp_path, [READY, FAILED], 1)
    document = json.loads((tmp_path / FILE_NAME).read_text())
    document["plugins"][0]["time_ns"] = "yesterday"
    (tmp_path / FILE_NAME).write_text(json.dumps(document))
    assert list(recorded_load(tmp_path)) == [("sinks", "pager")]


def test_a_folder_that_cannot_be_made_is_told_and_not_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert record_load(tmp_path / "file" / "state", [READY], 1) is False
