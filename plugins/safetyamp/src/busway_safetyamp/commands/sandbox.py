"""``busway safetyamp sandbox``: the remote systems on this machine."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from busway.cli.output import emit_result, json_option
from busway_safetyamp.sandbox.limiter import RetryAfter
from busway_safetyamp.sandbox.words import MOST_PEOPLE

if TYPE_CHECKING:
    from busway_safetyamp.sandbox.rows import Row
    from busway_safetyamp.sandbox.stand_ins import StandIns
    from busway_safetyamp.sandbox.vista import VistaFile
    from busway_safetyamp.sandbox.world import World

__all__ = ["sandbox"]

_QUOTA = 60
_STOPS = (signal.SIGINT, signal.SIGTERM)


@click.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65533),
    default=8025,
    show_default=True,
    help="Of SafetyAmp; Samsara and Microsoft take the two that follow. 0 takes any free ones.",
)
@click.option("--people", type=click.IntRange(1, MOST_PEOPLE), default=300, show_default=True, help="At work today.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed makes the same company.")
@click.option("--vista", metavar="URL|PATH", help="SQLite Vista to use or to make; without it a passing one.")
@click.option("--quota/--no-quota", default=True, show_default=True, help=f"Refuse more than {_QUOTA} calls a minute.")
@click.option(
    "--retry-after",
    type=click.Choice([str(form) for form in RetryAfter]),
    default=str(RetryAfter.INTEGER),
    show_default=True,
    help="How a refused call is told when to come back.",
)
@click.option(
    "--largest-page", type=click.IntRange(1), default=1000, show_default=True, help="A larger page is refused."
)
@click.option("--cut-pages", is_flag=True, help="A larger page is cut to the largest in silence.")
@click.option("--graph/--no-graph", default=True, show_default=True, help="A directory beside it, over HTTPS.")
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="'KIND NAME=VALUE…'",
    help="Something that goes wrong from the start; see busway safetyamp fault. May be repeated.",
)
@click.option("--env-file", type=click.Path(dir_okay=False, path_type=Path), help="Write the settings to this file.")
@json_option
def sandbox(
    people: int, seed: int, vista: str | None, faults: Sequence[str], env_file: Path | None, as_json: bool, **how: Any
) -> None:
    """Serves SafetyAmp, Samsara and Microsoft Entra ID on this machine until Ctrl-C.

    They have a synthetic Vista beside them. Prints the settings that point Busway at all of it.
    """
    from busway_safetyamp.sandbox.stand_ins import StandIns

    with _vista_file(vista) as file:
        world, staff, made = _world(file, people, seed)
        stand_ins = StandIns(world, staff, seed=seed, options=_options(**how))
        for text in faults:
            stand_ins.arm(text)
        with _stop_signals() as wait, stand_ins as running:
            _tell(running, file, made, env_file, as_json)
            wait()
            click.echo(_goodbye(running), err=True)


def _options(port: int, quota: bool, retry_after: str, largest_page: int, cut_pages: bool, graph: bool) -> Any:
    from busway_safetyamp.sandbox.api import PageLimit
    from busway_safetyamp.sandbox.stand_ins import StandInOptions

    return StandInOptions(
        port=port,
        quota=_QUOTA if quota else None,
        retry_after=RetryAfter(retry_after),
        page_limit=PageLimit(largest_page, refuses=not cut_pages),
        graph=graph,
    )


@contextmanager
def _vista_file(address: str | None) -> Iterator[VistaFile]:
    """The file asked for, or one in a folder that goes away with the sandbox."""
    from busway_safetyamp.sandbox.vista import VistaFile

    if address is not None:
        yield VistaFile(address)
        return
    with TemporaryDirectory(prefix="busway-vista-") as folder:
        yield VistaFile(Path(folder, "vista.db"))


def _world(file: VistaFile, people: int, seed: int) -> tuple[World, Sequence[Row], bool]:
    """The account for a Vista, its people, and whether the Vista was made now."""
    from busway_safetyamp.sandbox.company import Company
    from busway_safetyamp.sandbox.seeding import world_for_company, world_for_vista

    if file.people() is not None:
        return world_for_vista(file), file.active_people(), False
    company = Company(seed, people)
    file.write(company.rows)
    return world_for_company(company), company.active, True


@contextmanager
def _stop_signals() -> Iterator[Callable[[], None]]:
    """Waits for Ctrl-C or SIGTERM when it is called: both are how a sandbox is meant to end."""
    heard, tell = os.pipe()
    os.set_blocking(tell, False)
    before = {number: signal.signal(number, lambda *_: None) for number in _STOPS}
    # No Event that a handler sets: a system may give the signal to a thread of a stand-in, and then this one, which
    # is to run the handler, sleeps on; and where the wait of an Event just begins, its lock is taken.
    earlier = signal.set_wakeup_fd(tell, warn_on_full_buffer=False)
    try:
        yield lambda: _await_one_of(_STOPS, heard)
    finally:
        signal.set_wakeup_fd(earlier)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(heard)
        os.close(tell)


def _await_one_of(numbers: Collection[int], heard: int) -> None:
    while os.read(heard, 1)[0] not in numbers:
        pass  # a signal that means something to somebody else


def _tell(running: StandIns, file: VistaFile, made: bool, env_file: Path | None, as_json: bool) -> None:
    from busway_safetyamp.sandbox.paste import exports, write_env_file

    settings = running.settings(file.url)
    if env_file is not None:
        write_env_file(env_file, settings)
    data = {
        "url": running.safetyamp.url,
        "vista": {"url": file.url, "made": made, "people": file.people()},
        "account": _account(running.safetyamp.world),
        "samsara": _fleet(running),
        "graph": _directory(running),
        "settings": settings,
    }

    def text() -> None:
        click.echo("\n".join([*_rows(data), ""]))
        click.echo(f"settings written to {env_file}" if env_file else exports(settings))
        click.echo("\nThen, in another terminal:  busway plan, busway run\nCtrl-C ends the sandbox.")

    emit_result("busway.safetyamp.sandbox/1", data, as_json=as_json, text=text)


def _account(world: World) -> dict[str, int]:
    return {name: len(world.rows(resource)) for name, resource in _COUNTED.items()}


_COUNTED = {"users": "users", "titles": "user_titles", "sites": "sites", "assets": "assets"}


def _fleet(running: StandIns) -> dict[str, Any]:
    fleet = running.samsara.fleet
    return {"url": running.samsara.url, "vehicles": len(fleet.vehicles), "drivers": len(fleet.drivers)}


def _directory(running: StandIns) -> dict[str, Any] | None:
    graph = running.graph
    return None if graph is None else {"url": graph.url, "users": len(graph.users)}


def _rows(data: dict[str, Any]) -> Iterator[str]:
    account, vista, fleet, directory = data["account"], data["vista"], data["samsara"], data["graph"]
    limit = data["settings"]["SAFETYAMP_RATE_LIMIT_CALLS"]
    yield f"SafetyAmp  {data['url']}   {f'{limit} calls a minute' if limit != '0' else 'no limit on calls'}"
    yield "           " + ", ".join(f"{count:,} {name}" for name, count in account.items())
    yield f"Samsara    {fleet['url']}   {fleet['vehicles']:,} vehicles, {fleet['drivers']:,} drivers"
    if directory is not None:
        yield f"Entra ID   {directory['url']}   {directory['users']:,} users"
    yield f"Vista      {vista['url']}   {vista['people']:,} people, {'made now' if vista['made'] else 'found there'}"


def _goodbye(running: StandIns) -> str:
    account = running.safetyamp
    answers = ", ".join(f"{count:,} x {status}" for status, count in sorted(account.answers.items()))
    calls = f"{account.calls:,} calls ({answers})" if answers else "no calls"
    return f"\nsandbox ended: {calls}, {len(account.ledger):,} writes"
