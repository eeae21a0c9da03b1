"""All stand-ins of the SafetyAmp plugin at work, with their settings in a file, as the command leaves them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from busway_safetyamp.sandbox.company import Company
from busway_safetyamp.sandbox.paste import write_env_file
from busway_safetyamp.sandbox.seeding import world_for_company
from busway_safetyamp.sandbox.stand_ins import StandInOptions, StandIns
from busway_safetyamp.sandbox.vista import VistaFile


@contextmanager
def running_stand_ins(folder: Path, *, people: int = 40, graph: bool = True) -> Iterator[StandIns]:
    """SafetyAmp, Samsara and, unless it is left out, the directory beside a Vista; ``.env`` in ``folder`` has all."""
    company = Company(1, people)
    vista = VistaFile(folder / "vista.db")
    vista.write(company.rows)
    options = StandInOptions(quota=None, graph=graph)
    with StandIns(world_for_company(company), company.active, seed=1, options=options) as running:
        write_env_file(folder / ".env", running.settings(vista.url))
        yield running
