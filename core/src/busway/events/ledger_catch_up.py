"""Brings the ledger up to date without a dispatcher, for commands that only read."""

from __future__ import annotations

import time
from pathlib import Path

from busway.events.journal_reader import JournalFolder
from busway.events.ledger_route import LEDGER, ledger_route
from busway.events.ledger_sink import LedgerSink
from busway.events.policy import EventPolicy
from busway.events.progress import StoredProgress
from busway.events.sink_worker import SinkWorker, WorkerParts
from busway.events.window import Window
from busway.stores.state import StateStore
from busway.stores.state_dir import JOURNAL

__all__ = ["bring_up_to_date"]

RETRY_SECONDS = 0.05


def bring_up_to_date(state_dir: Path, deadline_seconds: float = 5.0, policy: EventPolicy | None = None) -> bool:
    """Delivers what is pending in the journals to the ledger, in the caller's thread; True when all of it is there.

    ``policy`` has the route of the ledger, and says how long it keeps its history; without one it is told everything,
    and keeps it.
    While another process is at it, this waits for its turn, up to the deadline. Where nothing was ever journalled,
    nothing is created. Raises what opening the databases raises (BW3101 to BW3104).
    """
    folder = JournalFolder(state_dir / JOURNAL)
    if not folder.files():
        return True
    state, sink = StateStore(state_dir), LedgerSink(state_dir, policy=policy)
    try:
        window = Window(folder, sink.receives, folder.files, ledger_route(policy, state).takes)
        worker = SinkWorker(LEDGER, sink, window, StoredProgress(state, LEDGER), WorkerParts())
        return _drained(worker, time.monotonic() + deadline_seconds)
    finally:
        sink.close()
        state.close()


def _drained(worker: SinkWorker, until: float) -> bool:
    while not worker.drain(patient=False):
        if time.monotonic() >= until:
            return False
        time.sleep(RETRY_SECONDS)
    return True
