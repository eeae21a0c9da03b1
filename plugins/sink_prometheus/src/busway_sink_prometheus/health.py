"""Health checks."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from busway.contracts.health import HealthCheck, HealthResult

__all__ = ["checks"]


def checks(file: Path) -> Sequence[HealthCheck]:
    """One check: the file can be written."""
    return (HealthCheck("prometheus.file", lambda: _writable(file)),)


def _writable(file: Path) -> HealthResult:
    folder = next((one for one in file.parents if one.exists()), file.parent)
    if os.access(folder, os.W_OK | os.X_OK):
        return HealthResult("ok", f"{file} can be written")
    return HealthResult("failed", f"{folder} cannot be written", f"chown the folder, or set PROMETHEUS_FILE: {folder}")
