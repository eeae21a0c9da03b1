"""Which asset of SafetyAmp is which vehicle of Samsara, kept from run to run."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import orjson

from busway.errors import UsageError

__all__ = ["VehicleLinks"]


class VehicleLinks:
    """A file in the state folder: ids of vehicles with the ids of their assets.

    A vehicle keeps its asset when its gateway, its plate and its name are changed, and SafetyAmp has no field for the
    fleet's id. Without the file, vehicles are found by what they show: see
    :func:`busway_safetyamp.jobs.vehicle_matching.matched`. Safe to use from many threads.

    :param account: what the ids belong to; links of another account are not read, and are replaced.
    """

    def __init__(self, path: Path, account: str) -> None:
        self._path = path
        self._account = account
        self._lock = threading.Lock()
        self._links: dict[str, Any] | None = None

    def all(self) -> Mapping[str, Any]:
        """Asset ids by vehicle id."""
        with self._lock:
            return dict(self._known())

    def keep(self, links: Mapping[str, Any]) -> None:
        """Adds ``links``. Raises ``UsageError`` BW5017 when the file cannot be written."""
        with self._lock:
            known = self._known()
            if any(known.get(vehicle) != asset for vehicle, asset in links.items()):
                known.update(links)
                self._write(known)

    def _known(self) -> dict[str, Any]:
        if self._links is None:
            self._links = self._read()
        return self._links

    def _read(self) -> dict[str, Any]:
        try:
            kept = orjson.loads(self._path.read_bytes())
        except (OSError, orjson.JSONDecodeError):
            return {}  # they are found again by what they show
        ours = isinstance(kept, dict) and kept.get("account") == self._account
        links = kept.get("assets") if ours else None
        return links if isinstance(links, dict) else {}

    def _write(self, links: dict[str, Any]) -> None:
        content = orjson.dumps({"account": self._account, "assets": links}, option=orjson.OPT_INDENT_2)
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Beside it, with mode 0600, and then in its place: a kill leaves the old file or the new one.
            with NamedTemporaryFile(dir=self._path.parent, prefix=".vehicles-", delete=False) as draft:
                draft.write(content)
            Path(draft.name).replace(self._path)
        except OSError as error:
            raise UsageError(
                "BW5017",
                "it cannot be kept which asset is which vehicle",
                where=str(self._path),
                why=error.strerror or type(error).__name__,
                fix="make the state folder writable, with room on its disk: busway doctor",
            ) from error
