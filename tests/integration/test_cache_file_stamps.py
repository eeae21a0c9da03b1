"""Generation stamps in sealed files: the highest holds, and a damaged one counts as an invalidation."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from builders.manual_clock import START_NS, ManualClock
from busway.errors import UnreachableError
from busway.metrics.registry import Metrics
from busway_cache_file.cache import FileCache
from busway_cache_file.key import FileKey

VISTA, FLEET = "acme:v1:vista", "acme:v1:fleet.vehicles"


class Kept:
    """A cache, and the files of its stamps."""

    def __init__(self, path: Path) -> None:
        self.folder = path / "cache" / "stamps"
        self.metrics = Metrics()
        self.clock = ManualClock()
        self.cache = FileCache(path / "cache", FileKey(None, path), clock=self.clock, metrics=self.metrics)

    def files(self) -> list[Path]:
        return sorted(path for path in self.folder.rglob("*") if path.is_file())

    def rejected(self) -> dict[str, float]:
        samples = [one for one in self.metrics.snapshot() if one.name == "busway_cache_file_rejected_total"]
        return {dict(sample.labels)["reason"]: sample.value for sample in samples}

    def read(self, name: str = VISTA) -> int:
        (stamp,) = self.cache.read_generations([name])
        return stamp


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path)


def test_a_stamp_is_one_private_file_that_tells_nothing(kept: Kept) -> None:
    for stamp in (3, 9, 7):
        kept.cache.raise_generation(VISTA, stamp)
    (file,) = kept.files()
    assert file.stat().st_mode & 0o777 == 0o600
    assert {folder.stat().st_mode & 0o777 for folder in (kept.folder, file.parent)} == {0o700}
    assert b"vista" not in file.read_bytes()
    assert "vista" not in str(file.relative_to(kept.folder))
    assert kept.read() == 9


@pytest.mark.parametrize("damage", ["cut", "empty", "flipped", "plain", "swapped"])
def test_a_damaged_stamp_counts_as_an_invalidation_at_that_moment(kept: Kept, damage: str) -> None:
    kept.cache.raise_generation(FLEET, 11)
    (fleet,) = kept.files()
    kept.cache.raise_generation(VISTA, 7)
    (file,) = set(kept.files()) - {fleet}
    raw = bytearray(file.read_bytes())
    raw[-1] ^= 1
    damaged: dict[str, bytes] = {
        "cut": bytes(raw[:40]),
        "empty": b"",
        "flipped": bytes(raw),
        "plain": b"8",
        "swapped": fleet.read_bytes(),
    }
    file.write_bytes(damaged[damage])
    assert kept.read() == START_NS, "whatever it was, what is stored is older than now"
    kept.clock.advance(60)
    assert kept.read() == START_NS, "once"
    assert sum(kept.rejected().values()) == 1
    assert not file.exists()
    assert kept.read(FLEET) == 11


def test_an_older_stamp_put_beside_a_newer_one_does_not_count(kept: Kept) -> None:
    kept.cache.raise_generation(VISTA, 5)
    (first,) = kept.files()
    old = first.read_bytes()
    kept.cache.raise_generation(VISTA, 7)
    for number in range(20):  # listed in any order
        (first.parent / f"{number:016x}").write_bytes(old)
    assert kept.read() == 7
    kept.cache.raise_generation(VISTA, 9)
    assert (kept.read(), len(kept.files())) == (9, 1)


def test_what_a_killed_process_was_writing_is_no_stamp(kept: Kept) -> None:
    kept.cache.raise_generation(VISTA, 5)
    (file,) = kept.files()
    (file.parent / "0123456789abcdef.tmp").write_bytes(b"half")
    assert kept.read() == 5
    assert kept.rejected() == {}


def test_making_room_leaves_the_stamps_alone(kept: Kept, tmp_path: Path) -> None:
    kept.cache.raise_generation(VISTA, 5)
    (file,) = kept.files()
    os.utime(file, (1, 1))
    small = FileCache(tmp_path / "cache", FileKey(None, tmp_path), clock=kept.clock, max_bytes=65_536)
    for number in range(100):
        small.set(f"a:v1:d:e:{number}", os.urandom(2_000), 60)
    assert kept.read() == 5


def test_a_folder_that_cannot_be_used_is_unreachable(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    (tmp_path / "cache").write_text("in the way")
    with pytest.raises(UnreachableError, match="BW2005"):
        kept.read()
    with pytest.raises(UnreachableError, match="BW2005"):
        kept.cache.raise_generation(VISTA, 1)


def test_stamps_of_nothing_and_below_nothing(kept: Kept) -> None:
    assert kept.cache.raise_generation(VISTA, 0) == 0
    assert kept.cache.raise_generation(VISTA, -5) == 0
    assert kept.files() == []
