"""The key of the file cache is changed while processes use it: nothing is lost, and nothing old comes back."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import pytest

import busway_cache_file.cache
from builders.manual_clock import ManualClock
from busway.contracts.settings import Secret
from busway.metrics.registry import Metrics
from busway_cache_file.cache import FileCache
from busway_cache_file.folders import write_private
from busway_cache_file.key import FileKey

OLD, NEW, THIRD = (base64.b64encode(bytes([number]) * 32).decode() for number in (1, 2, 3))
KEY, OTHER = "acme:v1:vista:employees:E1", "acme:v1:vista:employees:E2"
WEEK = 7 * 86_400.0


class Hosts:
    """Processes that share a folder, each with its own idea of the key."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = ManualClock()
        self.metrics = Metrics()

    def with_keys(self, *keys: str) -> FileCache:
        key = FileKey(Secret(" ".join(keys)), self.folder)
        return FileCache(self.folder / "cache", key, clock=self.clock, metrics=self.metrics)

    def files(self) -> int:
        return sum(path.is_file() for path in (self.folder / "cache").rglob("*"))

    def rejected(self) -> float:
        return sum(s.value for s in self.metrics.snapshot() if s.name == "busway_cache_file_rejected_total")


@pytest.fixture
def hosts(tmp_path: Path) -> Hosts:
    return Hosts(tmp_path)


def test_what_the_old_key_sealed_is_served_until_it_is_over(hosts: Hosts) -> None:
    hosts.with_keys(OLD).set(KEY, b"entry", WEEK)
    rotating = hosts.with_keys(NEW, OLD)
    assert rotating.get(KEY) == b"entry"
    assert list(rotating.scan("*")) == [KEY]
    assert hosts.with_keys(THIRD, NEW, OLD).get(KEY) == b"entry"
    assert hosts.with_keys(NEW).get(KEY) is None
    hosts.clock.advance(WEEK)
    assert rotating.get(KEY) is None
    assert (hosts.files(), hosts.rejected()) == (0, 0)


def test_the_first_key_seals(hosts: Hosts) -> None:
    hosts.with_keys(NEW, OLD).set(KEY, b"entry", WEEK)
    assert hosts.with_keys(NEW).get(KEY) == b"entry"
    assert hosts.with_keys(OLD).get(KEY) is None
    assert hosts.with_keys(OLD, NEW).get(KEY) == b"entry"


def test_a_write_takes_the_place_of_what_the_other_key_sealed(hosts: Hosts) -> None:
    old_first, new_first = hosts.with_keys(OLD, NEW), hosts.with_keys(NEW, OLD)
    old_first.set(KEY, b"1", WEEK)
    new_first.set(KEY, b"2", 10)
    assert (old_first.get(KEY), new_first.get(KEY), hosts.files()) == (b"2", b"2", 1)
    old_first.set(KEY, b"3", WEEK)
    assert (old_first.get(KEY), new_first.get(KEY), hosts.files()) == (b"3", b"3", 1)
    new_first.set(KEY, b"4", 10)
    hosts.clock.advance(10)
    assert (new_first.get(KEY), old_first.get(KEY)) == (None, None), "what was before comes back"


def test_two_who_write_at_once_in_another_order_leave_one_value_or_none(
    hosts: Hosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    old_first, new_first = hosts.with_keys(OLD, NEW), hosts.with_keys(NEW, OLD)

    def write(path: str, data: bytes) -> None:
        monkeypatch.undo()
        old_first.set(KEY, b"theirs", WEEK)  # between our looking and our writing
        write_private(path, data)

    monkeypatch.setattr(busway_cache_file.cache, "write_private", write)
    new_first.set(KEY, b"ours", WEEK)
    assert new_first.get(KEY) == old_first.get(KEY)


def test_who_is_killed_after_a_write_leaves_nothing_of_before(hosts: Hosts, monkeypatch: pytest.MonkeyPatch) -> None:
    hosts.with_keys(OLD).set(KEY, b"before", WEEK)

    def write(path: str, data: bytes) -> None:
        write_private(path, data)
        raise SystemExit("killed")

    monkeypatch.setattr(busway_cache_file.cache, "write_private", write)
    with pytest.raises(SystemExit):
        hosts.with_keys(NEW, OLD).set(KEY, b"after", WEEK)
    assert hosts.with_keys(OLD, NEW).get(KEY) == b"after"


def test_a_deleted_entry_is_gone_under_every_key(hosts: Hosts) -> None:
    hosts.with_keys(OLD).set(KEY, b"1", WEEK)
    hosts.with_keys(NEW).set(KEY, b"2", WEEK)
    rotating = hosts.with_keys(NEW, OLD)
    assert list(rotating.scan("*")) == [KEY], "listed once, though there are two files"
    assert rotating.delete(KEY) is True
    assert rotating.get(KEY) is None
    assert (rotating.delete(KEY), hosts.files()) == (False, 0)


def test_no_time_and_no_room_remove_what_the_old_key_sealed(hosts: Hosts) -> None:
    for ttl_seconds in (0, -1):
        hosts.with_keys(OLD).set(KEY, b"1", WEEK)
        hosts.with_keys(NEW, OLD).set(KEY, b"2", ttl_seconds)
        assert hosts.files() == 0
    hosts.with_keys(OLD).set(KEY, b"1", WEEK)
    key = FileKey(Secret(f"{NEW} {OLD}"), hosts.folder)
    small = FileCache(hosts.folder / "cache", key, clock=hosts.clock, max_bytes=65_536)
    small.set(KEY, os.urandom(70_000), WEEK)
    assert hosts.files() == 0


def test_a_file_of_the_old_key_in_the_place_of_the_new_one_does_not_open(hosts: Hosts, tmp_path: Path) -> None:
    hosts.with_keys(OLD).set(KEY, b"1", WEEK)
    (file,) = [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    sealed = file.read_bytes()
    rotating = hosts.with_keys(NEW, OLD)
    rotating.set(KEY, b"2", WEEK)
    (file,) = [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    file.write_bytes(sealed)
    assert rotating.get(KEY) is None
    assert hosts.rejected() == 1


def test_keys_may_stand_on_lines_and_one_given_twice_is_one(hosts: Hosts) -> None:
    assert FileKey(Secret(f"{NEW}\n{OLD}\n{NEW} "), hosts.folder).get() == (b"\2" * 32, b"\1" * 32)


def test_stamps_are_seen_whatever_the_order_of_the_keys(hosts: Hosts) -> None:
    hosts.with_keys(OLD).raise_generation("acme:v1:vista", 7)
    old_first, new_first = hosts.with_keys(OLD, NEW), hosts.with_keys(NEW, OLD)
    assert new_first.read_generations(["acme:v1:vista"]) == [7]
    assert new_first.raise_generation("acme:v1:vista", 5) == 7
    assert old_first.raise_generation("acme:v1:vista", 9) == 9
    assert new_first.read_generations(["acme:v1:vista"]) == [9]
    assert hosts.with_keys(NEW).read_generations(["acme:v1:vista"]) == [9], "it was raised under both keys"
    assert hosts.with_keys(OLD).read_generations(["acme:v1:vista"]) == [9]
