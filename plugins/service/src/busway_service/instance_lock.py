"""One service for each state folder."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from busway.errors import HeldError
from busway.stores.file_lock import file_lock
from busway.stores.state_dir import LOCKS

__all__ = ["instance_lock"]

FILE = "service.lock"


@contextmanager
def instance_lock(state_dir: Path) -> Iterator[None]:
    """Held as long as the service lives. Raises ``HeldError`` BW8108 when another one has it."""
    path = state_dir / LOCKS / FILE
    with file_lock(path, wait=False) as taken:
        if not taken:
            raise HeldError(
                "BW8108",
                "a service runs already with this state folder",
                where=str(state_dir),
                why=f"{path.read_text('utf-8') or 'another process'} has it; two would start every run twice",
                fix="use that one, or stop it first",
            )
        path.write_text(f"process {os.getpid()} on {socket.gethostname()}", "utf-8")
        yield
