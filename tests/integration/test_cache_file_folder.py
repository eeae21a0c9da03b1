"""The file level on a real file system: what lies on the disk, and what happens when it is touched."""

from __future__ import annotations

import base64
import errno
import os
import secrets
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pluggy
import pytest

import busway_cache_file
from builders.manual_clock import ManualClock
from busway import hookspecs
from busway.contracts.plugins import PluginContext
from busway.contracts.settings import Secret
from busway.errors import ConfigurationError, UnreachableError
from busway.metrics.registry import Metrics
from busway_cache_file.cache import FileCache
from busway_cache_file.key import FileKey
from busway_cache_file.settings import FileCacheSettings

KEY, OTHER = "acme:v1:vista:employees:E1", "acme:v1:vista:employees:E2"
WEEK = 7 * 86_400.0


def key_text() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


class Folder:
    """A file cache and the folder it lies in."""

    def __init__(self, path: Path) -> None:
        self.path = path / "cache"
        self.metrics = Metrics()
        self.clock = ManualClock()
        self.cache = self.open(FileKey(None, path))

    def open(self, key: FileKey, **options: Any) -> FileCache:
        return FileCache(self.path, key, clock=self.clock, metrics=self.metrics, **options)

    def files(self) -> list[Path]:
        return sorted(path for path in self.path.rglob("*") if path.is_file())

    def counted(self, name: str) -> dict[str, float]:
        samples = [sample for sample in self.metrics.snapshot() if sample.name == name]
        return {dict(sample.labels).get("reason", ""): sample.value for sample in samples}


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_files_are_private_and_tell_nothing(folder: Folder, tmp_path: Path) -> None:
    entry = b'{"name":"Jane"}' * 1000
    folder.cache.set(KEY, entry, WEEK)
    (file,) = folder.files()
    assert file.stat().st_mode & 0o777 == 0o600
    assert {parent.stat().st_mode & 0o777 for parent in (file.parent, folder.path)} == {0o700}
    raw = file.read_bytes()
    assert len(raw) < len(entry) / 10, "compressed before it is sealed"
    for word in (b"Jane", b"vista", b"employees", b"E1"):
        assert word not in raw
        assert word.decode() not in str(file.relative_to(tmp_path))


def test_a_small_entry_is_not_compressed_and_none_is_stored_twice(folder: Folder) -> None:
    for _ in range(3):
        folder.cache.set(KEY, b"a" * 1000, WEEK)
    (file,) = folder.files()
    assert 1000 < file.stat().st_size < 1200


def test_sealing_never_repeats_itself(folder: Folder) -> None:
    folder.cache.set(KEY, b"same", WEEK)
    (file,) = folder.files()
    first = file.read_bytes()
    folder.cache.set(KEY, b"same", WEEK)
    second = file.read_bytes()
    assert first[:12] == second[:12], "magic and key id"
    assert first[12:24] != second[12:24], "nonce of the head"
    assert first[-20:] != second[-20:]


@pytest.mark.parametrize("position", [0, 3, 4, 11, 12, 23, 24, 27, 28, 40, -1, -17, -30])
def test_a_changed_file_is_a_counted_miss_and_is_removed(folder: Folder, position: int) -> None:
    folder.cache.set(KEY, b"entry", WEEK)
    (file,) = folder.files()
    raw = bytearray(file.read_bytes())
    raw[position] ^= 1
    file.write_bytes(raw)
    assert folder.cache.get(KEY) is None
    assert sum(folder.counted("busway_cache_file_rejected_total").values()) == 1
    assert folder.files() == []
    assert folder.cache.get(KEY) is None


def test_a_cut_file_is_a_counted_miss_at_every_length(folder: Folder) -> None:
    folder.cache.set(KEY, b"entry", WEEK)
    (file,) = folder.files()
    raw = file.read_bytes()
    for length in range(len(raw)):
        file.write_bytes(raw[:length])
        assert folder.cache.get(KEY) is None
    assert sum(folder.counted("busway_cache_file_rejected_total").values()) == len(raw)


@pytest.mark.parametrize("size", [100, 50_000])
def test_a_file_in_the_place_of_another_does_not_open(folder: Folder, size: int) -> None:
    folder.cache.set(KEY, b"1" * size, WEEK)
    (first,) = folder.files()
    folder.cache.set(OTHER, b"2" * size, WEEK)
    (second,) = set(folder.files()) - {first}
    second.write_bytes(first.read_bytes())
    assert list(folder.cache.scan("*")) == [KEY], "a moved file is nobody's"
    assert folder.cache.get(OTHER) is None
    assert folder.counted("busway_cache_file_rejected_total") == {"moved": 1}
    assert folder.cache.get(KEY) == b"1" * size


def test_head_and_body_of_two_files_do_not_join(folder: Folder) -> None:
    folder.cache.set(KEY, b"old value", 10)
    (file,) = folder.files()
    old = file.read_bytes()
    folder.cache.set(KEY, b"new value", WEEK)
    new = file.read_bytes()
    body = 12 + len(b"old value") + 16
    file.write_bytes(new[:-body] + old[-body:])
    assert folder.cache.get(KEY) is None
    assert folder.counted("busway_cache_file_rejected_total") == {"tampered": 1}


def test_plain_text_is_refused(folder: Folder) -> None:
    folder.cache.set(KEY, b"entry", WEEK)
    (file,) = folder.files()
    file.write_bytes(b'{"value": "planted"}' * 10)
    assert folder.cache.get(KEY) is None
    assert folder.counted("busway_cache_file_rejected_total") == {"foreign": 1}


def test_expired_files_are_removed_by_reads_and_scans(folder: Folder) -> None:
    folder.cache.set(KEY, b"1", 10)
    folder.cache.set(OTHER, b"2", 10)
    folder.clock.advance(10)
    assert folder.cache.get(KEY) is None
    assert len(folder.files()) == 1
    assert list(folder.cache.scan("*")) == []
    assert folder.files() == []


def test_entries_survive_a_restart(folder: Folder, tmp_path: Path) -> None:
    folder.cache.set(KEY, b"entry", WEEK)
    folder.cache.close()
    assert folder.open(FileKey(None, tmp_path)).get(KEY) == b"entry"
    key_file = tmp_path / "keys" / "file-cache.key"
    assert (key_file.stat().st_mode & 0o777, key_file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert [path.name for path in key_file.parent.iterdir()] == ["file-cache.key"]


def test_processes_that_start_together_agree_on_one_key(tmp_path: Path) -> None:
    start = threading.Barrier(8)

    def first_use(_: int) -> tuple[bytes, ...]:
        start.wait(10)
        return FileKey(None, tmp_path).get()

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(first_use, range(8)))) == 1


def test_a_given_key_is_used_and_none_is_made(folder: Folder, tmp_path: Path) -> None:
    text = key_text()
    folder.open(FileKey(Secret(text), tmp_path)).set(KEY, b"entry", WEEK)
    urlsafe = text.replace("+", "-").replace("/", "_") + "\n"
    assert folder.open(FileKey(Secret(urlsafe), tmp_path)).get(KEY) == b"entry"
    assert folder.open(FileKey(Secret(key_text()), tmp_path)).get(KEY) is None
    assert len(folder.files()) == 1, "what another key sealed is left alone"
    assert not (tmp_path / "keys").exists()


@pytest.mark.parametrize("text", ["", "hunter2", "A" * 43, base64.b64encode(bytes(31)).decode(), "é" * 44])
def test_a_key_that_is_none_is_refused_without_showing_it(folder: Folder, tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigurationError, match="BW2010") as caught:
        folder.open(FileKey(Secret(text), tmp_path)).get(KEY)
    assert not text or text not in caught.value.render()
    assert caught.value.problem.where == "setting FILE_CACHE_KEY"


def test_a_damaged_key_file_is_refused_and_left_alone(folder: Folder, tmp_path: Path) -> None:
    key_file = tmp_path / "keys" / "file-cache.key"
    key_file.parent.mkdir()
    key_file.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match="BW2010") as caught:
        folder.cache.set(KEY, b"1", 10)
    assert caught.value.problem.where == str(key_file)
    assert key_file.read_bytes() == b"\xff\xfe"


CALLS: list[Callable[[FileCache], Any]] = [
    lambda cache: cache.get(KEY),
    lambda cache: cache.set(KEY, b"1", 10),
    lambda cache: cache.delete(KEY),
    lambda cache: list(cache.scan("*")),
]


@pytest.mark.parametrize("call", CALLS, ids=["get", "set", "delete", "scan"])
def test_a_folder_that_is_none_is_unreachable(folder: Folder, call: Callable[[FileCache], Any]) -> None:
    folder.path.write_text("in the way")
    with pytest.raises(UnreachableError, match="BW2005") as caught:
        call(folder.cache)
    assert caught.value.problem.where == str(folder.path)
    assert caught.value.problem.fix


def test_a_file_system_that_refuses_is_unreachable(tmp_path: Path) -> None:
    cache = FileCache(Path("/proc/busway"), FileKey(None, tmp_path), clock=ManualClock())
    with pytest.raises(UnreachableError, match="BW2005"):
        cache.set(KEY, b"1", WEEK)


def test_a_full_disk_is_unreachable_and_leaves_neither_half_nor_old_entry(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.cache.set(KEY, b"old", WEEK)

    def full(descriptor: int, data: memoryview) -> int:
        if len(data) > 50:
            return real(descriptor, data[:50])  # a disk that fills up takes a part first
        raise OSError(errno.ENOSPC, "No space left on device")

    real = os.write
    with monkeypatch.context() as patch:
        patch.setattr("busway_cache_file.folders.os.write", full)
        with pytest.raises(UnreachableError, match="BW2005") as caught:
            folder.cache.set(KEY, b"new", WEEK)
    assert caught.value.problem.why == "No space left on device"
    assert folder.files() == []
    assert folder.cache.get(KEY) is None


def test_the_oldest_make_room(folder: Folder, tmp_path: Path) -> None:
    cache = folder.open(FileKey(None, tmp_path), max_bytes=100_000)
    noise = secrets.token_bytes(9_000)
    for number in range(20):
        cache.set(f"k{number}", noise, WEEK)
        for file in folder.files():
            os.utime(file, ns=(file.stat().st_atime_ns, file.stat().st_mtime_ns - 1_000_000_000))
    kept = [number for number in range(20) if cache.get(f"k{number}") is not None]
    assert kept == list(range(20 - len(kept), 20))
    assert 5 <= len(kept) <= 11
    assert sum(file.stat().st_size for file in folder.files()) <= 100_000
    assert folder.counted("busway_cache_file_evicted_total") == {"": 20 - len(kept)}


def test_an_entry_larger_than_the_cache_is_not_stored_and_does_not_empty_it(folder: Folder, tmp_path: Path) -> None:
    cache = folder.open(FileKey(None, tmp_path), max_bytes=100_000)
    cache.set(OTHER, b"small", WEEK)
    cache.set(KEY, b"old", WEEK)
    cache.set(KEY, secrets.token_bytes(200_000), WEEK)
    assert (cache.get(KEY), cache.get(OTHER)) == (None, b"small")
    assert folder.counted("busway_cache_file_too_large_total") == {"": 1}


def test_what_a_killed_writer_left_is_swept_up_in_time(folder: Folder) -> None:
    folder.cache.set(KEY, b"1", WEEK)
    shard = folder.files()[0].parent
    for name, age in (("old.tmp", 7_200), ("new.tmp", 60)):
        (shard / name).write_bytes(b"half")
        stamp = folder.clock.now_ns() - age * 1_000_000_000
        os.utime(shard / name, ns=(stamp, stamp))
    assert list(folder.cache.scan("*")) == [KEY]
    folder.open(FileKey(None, folder.path.parent)).set(OTHER, b"2", WEEK)
    assert not (shard / "old.tmp").exists()
    assert (shard / "new.tmp").exists()


def context(tmp_path: Path, **settings: Any) -> PluginContext[FileCacheSettings]:
    return PluginContext("file", FileCacheSettings(**settings), state_dir=tmp_path / "state", root=tmp_path)


def test_the_package_is_a_plugin(tmp_path: Path) -> None:
    host = pluggy.PluginManager("busway")
    host.add_hookspecs(hookspecs)
    host.register(busway_cache_file)
    host.check_pending()
    assert host.hook.busway_settings() == [FileCacheSettings]
    (cache,) = host.hook.busway_cache_backend(context=context(tmp_path))
    assert not (tmp_path / "state").exists(), "a factory touches nothing"
    cache.set(KEY, b"1", WEEK)
    assert cache.folder == tmp_path / "state" / "cache"
    ((check, key),) = host.hook.busway_health_checks(context=context(tmp_path))
    assert (check.name, check.run().status, check.online) == ("file.roundtrip", "ok", False)
    assert (key.name, key.run().status, key.online) == ("file.key", "ok", False)
    assert list(cache.scan("*")) == [KEY]


def test_the_folder_is_relative_to_the_configuration(tmp_path: Path) -> None:
    assert FileCache.from_context(context(tmp_path, dir=Path("here"))).folder == tmp_path / "here"
    assert FileCache.from_context(context(tmp_path, dir=Path("/var/cache/b"))).folder == Path("/var/cache/b")


def test_the_health_check_tells_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("in the way")
    check, _ = busway_cache_file.busway_health_checks(context(tmp_path, dir=Path("taken")))
    result = check.run()
    assert (result.status, bool(result.fix)) == ("failed", True)
    assert "cannot write the file cache" in result.detail


def test_the_health_check_tells_who_can_read_the_key(tmp_path: Path) -> None:
    _, check = busway_cache_file.busway_health_checks(context(tmp_path))
    assert check.run().status == "ok", "none was made yet"
    FileKey(None, tmp_path / "state").get()
    assert check.run().status == "ok"
    key_file = tmp_path / "state" / "keys" / "file-cache.key"
    key_file.chmod(0o640)
    result = check.run()
    assert (result.status, result.fix) == ("degraded", f"chmod 600 {key_file}")
    _, given = busway_cache_file.busway_health_checks(context(tmp_path, key=Secret(key_text())))
    assert given.run().status == "ok"


@pytest.mark.parametrize("folder", [".", "state", "state/keys"])
def test_a_key_is_never_made_among_the_files_it_seals(tmp_path: Path, folder: str) -> None:
    cache = FileCache.from_context(context(tmp_path, dir=Path(folder)))
    with pytest.raises(ConfigurationError, match="BW2035"):
        cache.set(KEY, b"1", WEEK)
    assert not (tmp_path / "state").exists()
    given = FileCache.from_context(context(tmp_path, dir=Path(folder), key=Secret(key_text())))
    given.set(KEY, b"1", WEEK)
    assert given.get(KEY) == b"1"


def test_the_key_folder_beside_the_files_may_be_reached_by_a_link(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "state")
    with pytest.raises(ConfigurationError, match="BW2035"):
        FileCache.from_context(context(tmp_path, dir=Path("link"))).get(KEY)


def test_nothing_is_kept_longer_than_the_oldest_may_be(folder: Folder, tmp_path: Path) -> None:
    cache = folder.open(FileKey(None, tmp_path), max_age_seconds=100)
    cache.set(KEY, b"1", WEEK)
    folder.clock.advance(99)
    assert cache.get(KEY) == b"1"
    folder.clock.advance(1)
    assert cache.get(KEY) is None


def test_files_that_are_too_old_are_removed_by_who_writes_next(folder: Folder, tmp_path: Path) -> None:
    folder.cache.set(KEY, b"1", WEEK)
    (old,) = folder.files()
    stamp = folder.clock.now_ns() - 101 * 1_000_000_000
    os.utime(old, ns=(stamp, stamp))
    folder.open(FileKey(None, tmp_path), max_age_seconds=100).set(OTHER, b"2", WEEK)
    assert not old.exists()
    assert folder.counted("busway_cache_file_evicted_total") == {"": 1}


def test_a_process_that_writes_now_and_then_sweeps_now_and_then(folder: Folder, tmp_path: Path) -> None:
    cache = folder.open(FileKey(None, tmp_path), max_age_seconds=7_200)
    cache.set(KEY, b"1", WEEK)
    (old,) = folder.files()
    stamp = folder.clock.now_ns()
    os.utime(old, ns=(stamp, stamp))
    folder.clock.advance(7_201)
    cache.set(OTHER, b"2", WEEK)
    assert not old.exists()


def test_a_process_looks_again_while_others_fill_the_folder(folder: Folder, tmp_path: Path) -> None:
    """Eight that each know only what they wrote themselves stay near the limit together."""
    caches = [folder.open(FileKey(None, tmp_path), max_bytes=200_000) for _ in range(8)]
    noise = secrets.token_bytes(1_000)
    most = 0
    for number in range(600):
        caches[number % 8].set(f"k{number}", noise, WEEK)
        if number % 20 == 0:
            most = max(most, sum(file.stat().st_size for file in folder.files()))
    assert 150_000 < most < 230_000
    assert sum(file.stat().st_size for file in folder.files()) < 230_000
