"""What an application calls for one sync event, whatever the library: the face of Busway and its peers, and Busway.

A pipeline is made for receivers, one for each sink.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from events_parts import House, Receive, Receiving, attributes

from busway.contracts.sinks import EventSink
from busway.redaction.engine import Engine

__all__ = ["Make", "Pipeline", "busway", "busway_with_log", "nothing"]


@dataclass(frozen=True)
class Pipeline:
    """One way to tell of events."""

    emit: Callable[[int], object]
    """Tells of event so-and-so."""
    settle: Callable[[float], object]
    """Waits until everything has reached the receivers, for so many seconds."""
    close: Callable[[float], object]
    """What one calls at the end of a process; it takes so many seconds, if the library knows a deadline."""


Make = Callable[[Path, Sequence[Receive]], Pipeline]
"""From a folder of its own and the receivers."""


def nothing(*_: object) -> None:
    """For those that have nothing to wait for."""


def busway(home: Path, receivers: Sequence[Receive], engine: Engine = "auto", batch_size: int = 100) -> Pipeline:
    """Every receiver is a sink of the installation."""
    sinks = {f"sink{at}": Receiving(receive, batch_size) for at, receive in enumerate(receivers)}
    return busway_over(home, sinks, engine)


def busway_with_log(home: Path, receivers: Sequence[Receive], engine: Engine = "auto", *, ledger: bool) -> Pipeline:
    """The sinks that come with it, in place of receivers."""
    from busway.events.ledger_sink import LedgerSink
    from busway.events.log_sink import LogSink

    sinks: dict[str, EventSink] = {"log": LogSink(home / "audit.log")}
    return busway_over(home, {**sinks, "ledger": LedgerSink(home)} if ledger else sinks, engine)


def busway_over(home: Path, sinks: Mapping[str, EventSink], engine: Engine) -> Pipeline:
    house = House(home, sinks, engine=engine)
    house.events.start_sync("benchmark")
    emit_one = house.events.emit

    def emit(number: int) -> str:
        return emit_one("sync.update", entity_type="asset", entity_id=f"A-{number:06d}", attributes=attributes(number))

    return Pipeline(emit, house.events.flush, house.close)
