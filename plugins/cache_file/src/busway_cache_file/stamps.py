"""Generation stamps as small sealed files, the highest of which holds.

Every stamp is a file of its own in the folder of its name; raising writes one and removes the lower ones. So two
processes that raise at once need no lock, which one of them could hold while it is frozen, and none can lower what the
other has raised. A stamp that does not open stands for an invalidation nobody can tell the time of: it counts as now.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Callable
from pathlib import Path

from busway.contracts.clock import Clock
from busway_cache_file.folders import TEMPORARY, read_start, write_private
from busway_cache_file.ring import Ring
from busway_cache_file.seal import Sealer, UnsealableError, key_bytes

__all__ = ["STAMPS", "Stamps"]

STAMPS = "stamps"
"""The folder beside those of the entries; a clean-up for room does not come here."""
STAMP_BYTES = 16
AT_MOST = 4_096
"""Bytes of a stamp file that are looked at; one has about a hundred and its name."""
LOOKS = 1_000


class Stamps:
    """The stamps in ``folder``. All methods raise ``OSError`` when it cannot be used."""

    def __init__(self, folder: Path, clock: Clock, reject: Callable[[UnsealableError], None]) -> None:
        self._folder = folder / STAMPS
        self._clock = clock
        self._reject = reject

    def read(self, ring: Ring, name: str) -> int:
        """The highest stamp of ``name`` under any key; 0 when there is none."""
        return max(self._highest(sealer, name) for sealer in ring.stamp_sealers)

    def raise_to(self, ring: Ring, name: str, stamp: int) -> int:
        """Moves the stamp of ``name`` up to ``stamp``, for processes with any of the keys, and returns what holds."""
        held = self.read(ring, name)
        if stamp > held:
            # Under every key: a process that has only the old one, or only the new one soon, must see it.
            for sealer in ring.stamp_sealers:
                self._write(sealer, name, stamp)
            held = self.read(ring, name)
        return held

    def _highest(self, sealer: Sealer, name: str) -> int:
        folder = self._place(sealer, name)
        for _ in range(LOOKS):
            with contextlib.suppress(FileNotFoundError):  # somebody raised it while we looked
                return self._look(sealer, name, folder)
        raise OSError("the stamps change faster than they can be read")

    def _look(self, sealer: Sealer, name: str, folder: str) -> int:
        highest = 0
        for file in _listed(folder):
            path = f"{folder}/{file}"
            try:
                stamp = self._open(sealer, name, path)
            except UnsealableError as error:
                self._reject(error)
                stamp = self._clock.now_ns()
                self._write(sealer, name, stamp)
                _remove(path)
            highest = max(highest, stamp)
        return highest

    def _open(self, sealer: Sealer, name: str, path: str) -> int:
        raw = read_start(path, AT_MOST + len(name) * 4)
        return int.from_bytes(sealer.open(raw, key_bytes(name))[1])

    def _write(self, sealer: Sealer, name: str, stamp: int) -> None:
        folder = self._place(sealer, name)
        write_private(f"{folder}/{secrets.token_hex(8)}", sealer.seal(name, stamp.to_bytes(STAMP_BYTES), 0))
        self._merge(sealer, name, folder)

    def _merge(self, sealer: Sealer, name: str, folder: str) -> None:
        """Removes all but the highest. What does not open is left to the next reader, who makes up for it."""
        found = []
        for file in _listed(folder):
            with contextlib.suppress(FileNotFoundError, UnsealableError):
                found.append((self._open(sealer, name, f"{folder}/{file}"), file))
        for _, file in sorted(found)[:-1]:
            _remove(f"{folder}/{file}")

    def _place(self, sealer: Sealer, name: str) -> str:
        return f"{self._folder}/{sealer.name(name)}"


def _listed(folder: str) -> list[str]:
    try:
        return [name for name in os.listdir(folder) if not name.endswith(TEMPORARY)]  # noqa: PTH208 - a string is wanted
    except FileNotFoundError:
        return []


def _remove(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)  # noqa: PTH108
