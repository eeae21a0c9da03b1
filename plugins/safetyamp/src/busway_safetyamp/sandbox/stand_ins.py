"""All stand-ins together: a SafetyAmp account, a fleet and a directory, beside a Vista that is there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType

from busway.errors import UsageError
from busway_safetyamp.sandbox.api import PageLimit
from busway_safetyamp.sandbox.directory import directory_users
from busway_safetyamp.sandbox.fault import Fault
from busway_safetyamp.sandbox.faults import Faults
from busway_safetyamp.sandbox.fleet import Fleet
from busway_safetyamp.sandbox.graph import GraphSandbox
from busway_safetyamp.sandbox.limiter import RetryAfter
from busway_safetyamp.sandbox.paste import graph_settings, samsara_settings, sandbox_settings
from busway_safetyamp.sandbox.rows import Row
from busway_safetyamp.sandbox.samsara import SamsaraSandbox
from busway_safetyamp.sandbox.seeding import add_fleet
from busway_safetyamp.sandbox.server import Sandbox
from busway_safetyamp.sandbox.world import World

__all__ = ["StandInOptions", "StandIns"]


@dataclass(frozen=True, slots=True)
class StandInOptions:
    """How the stand-ins behave; the defaults are those of the real systems."""

    port: int = 0
    """Of SafetyAmp; Samsara and Microsoft take the two that follow. 0 takes any free ones."""
    quota: int | None = 60
    """Calls of SafetyAmp per minute, and whether Samsara has its limit, too; None lifts both."""
    retry_after: RetryAfter = RetryAfter.INTEGER
    page_limit: PageLimit = field(default_factory=PageLimit)
    graph: bool = True


class StandIns:
    """Use as a context manager; leaving it stops all of them.

    Raises ``UsageError`` BW8008 where there is to be a directory and the package for its certificate is not installed.

    :param people: rows of ``bPREH`` who drive the vehicles and have accounts in the directory.
    """

    def __init__(self, world: World, people: Iterable[Row], *, seed: int, options: StandInOptions) -> None:
        rows = list(people)
        fleet = Fleet(seed, rows)
        add_fleet(world, fleet.vehicles)
        port, limited = options.port, options.quota is not None
        self.safetyamp = Sandbox(
            world,
            quota=options.quota,
            port=port,
            retry_after=options.retry_after,
            page_limit=options.page_limit,
        )
        self.samsara = SamsaraSandbox(fleet, quota=25 if limited else None, port=port and port + 1)
        self.graph = GraphSandbox(directory_users(rows), port=port and port + 2) if options.graph else None
        self._running = ExitStack()
        self._ca_file = Path()

    @property
    def faults(self) -> Mapping[str, Faults]:
        """The faults of each stand-in, by its name."""
        named = {"safetyamp": self.safetyamp.faults, "samsara": self.samsara.faults}
        return named if self.graph is None else {**named, "graph": self.graph.faults}

    def arm(self, text: str) -> None:
        """Arms the fault that ``fail resource=users page=1`` or ``samsara:hang`` describes. Raises BW8009."""
        name, colon, rest = text.partition(":")
        if colon and name not in self.faults:
            raise UsageError(
                "BW8009",
                f"there is no stand-in {name!r}",
                where="the fault asked for",
                why=f"there are {', '.join(self.faults)}",
                fix=f"write {next(iter(self.faults))}:{rest}",
            )
        self.faults[name if colon else "safetyamp"].arm(Fault.from_text(rest if colon else text))

    def settings(self, vista_url: str) -> dict[str, str]:
        """Environment name to value, for the running stand-ins and the Vista at ``vista_url``."""
        settings = sandbox_settings(self.safetyamp, vista_url) | samsara_settings(self.samsara)
        return settings if self.graph is None else settings | graph_settings(self.graph, self._ca_file)

    def start(self) -> StandIns:
        """Starts all of them; for who has no ``with`` block, and calls :meth:`close` at the end."""
        with ExitStack() as started:
            for stand_in in (self.safetyamp, self.samsara, self.graph):
                if stand_in is not None:
                    started.enter_context(stand_in)
            if self.graph is not None:
                folder = started.enter_context(TemporaryDirectory(prefix="busway-sandbox-"))
                self._ca_file = Path(folder, "sandbox-ca.pem")
                self._ca_file.write_bytes(self.graph.authority)
            self._running = started.pop_all()
        return self

    def close(self) -> None:
        """Stops all of them."""
        self._running.close()

    def __enter__(self) -> StandIns:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
