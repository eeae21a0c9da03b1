"""The commands ``busway safetyamp …``: the sandbox, and a Vista made from a list of people."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from busway.cli.output import emit_result, json_option
from busway_safetyamp.sandbox.words import MOST_PEOPLE

if TYPE_CHECKING:
    from busway_safetyamp.sandbox.server import Sandbox
    from busway_safetyamp.sandbox.vista import VistaFile
    from busway_safetyamp.sandbox.world import World

__all__ = ["safetyamp"]

_QUOTA = 60


@click.group()
def safetyamp() -> None:
    """SafetyAmp: a sandbox to try things on, and people to fill it with."""


@safetyamp.command()
@click.option("--port", type=click.IntRange(0, 65535), default=8025, show_default=True, help="0 takes any free one.")
@click.option("--people", type=click.IntRange(1, MOST_PEOPLE), default=300, show_default=True, help="At work today.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed makes the same company.")
@click.option("--vista", metavar="URL|PATH", help="SQLite Vista to use or to make; without it a passing one.")
@click.option("--quota/--no-quota", default=True, show_default=True, help=f"Refuse more than {_QUOTA} calls a minute.")
@click.option("--env-file", type=click.Path(dir_okay=False, path_type=Path), help="Write the settings to this file.")
@json_option
def sandbox(
    port: int, people: int, seed: int, vista: str | None, quota: bool, env_file: Path | None, as_json: bool
) -> None:
    """Serves a SafetyAmp account on this machine until Ctrl-C.

    It has a synthetic Vista beside it, and prints the settings that point Busway at both.
    """
    from busway_safetyamp.sandbox.paste import sandbox_settings, write_env_file
    from busway_safetyamp.sandbox.server import Sandbox

    with _vista_file(vista) as file:
        world, made = _world(file, people, seed)
        with _stop_signals() as stop, Sandbox(world, quota=_QUOTA if quota else None, port=port) as running:
            settings = sandbox_settings(running, file.url)
            if env_file is not None:
                write_env_file(env_file, settings)
            data = {"url": running.url, "vista": _vista_facts(file, made), "account": _account_facts(world)}
            _announce({**data, "settings": settings}, env_file, as_json)
            stop.wait()
            click.echo(_goodbye(running), err=True)


@safetyamp.command("load-vista")
@click.option("--csv", "csv_path", required=True, type=click.Path(path_type=Path), help="The list of people.")
@click.option("--to", "url", required=True, metavar="URL|PATH", help="The SQLite Vista to make: sqlite:///vista.db")
@click.option("--replace", is_flag=True, help="Put it in the place of a Vista that is there.")
@json_option
def load_vista_command(csv_path: Path, url: str, replace: bool, as_json: bool) -> None:
    """Makes a Vista from a CSV file of people.

    The columns needed are Employee, LastName, FirstName, MidName, Title and Department.
    """
    from busway_safetyamp.sandbox.load_vista import load_vista

    report = load_vista(csv_path, url, replace=replace)

    def text() -> None:
        click.echo(f"loaded {report.people:,} people, {report.titles:,} titles, {report.departments:,} departments")
        click.echo(f"  into  {report.url}")
        click.echo(f"  next  busway safetyamp sandbox --vista {url} --no-quota")

    emit_result("busway.safetyamp.load-vista/1", report.as_dict(), as_json=as_json, text=text)


@contextmanager
def _vista_file(address: str | None) -> Iterator[VistaFile]:
    """The file asked for, or one in a folder that goes away with the sandbox."""
    from busway_safetyamp.sandbox.vista import VistaFile

    if address is not None:
        yield VistaFile(address)
        return
    with TemporaryDirectory(prefix="busway-vista-") as folder:
        yield VistaFile(Path(folder, "vista.db"))


def _world(file: VistaFile, people: int, seed: int) -> tuple[World, bool]:
    """The account for a Vista, and whether the Vista was made now."""
    from busway_safetyamp.sandbox.company import Company
    from busway_safetyamp.sandbox.seeding import world_for_company, world_for_vista

    if file.people() is not None:
        return world_for_vista(file), False
    company = Company(seed, people)
    file.write(company.rows)
    return world_for_company(company), True


@contextmanager
def _stop_signals() -> Iterator[threading.Event]:
    """Set by Ctrl-C and by SIGTERM: both are how a sandbox is meant to end."""
    stop = threading.Event()
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _vista_facts(file: VistaFile, made: bool) -> dict[str, Any]:
    return {"url": file.url, "made": made, "people": file.people()}


def _account_facts(world: World) -> dict[str, int]:
    return {"users": len(world.users), "titles": len(world.titles), "sites": len(world.sites)}


def _announce(data: dict[str, Any], env_file: Path | None, as_json: bool) -> None:
    from busway_safetyamp.sandbox.paste import exports

    def text() -> None:
        vista, account, settings = data["vista"], data["account"], data["settings"]
        limit = settings["SAFETYAMP_RATE_LIMIT_CALLS"]
        click.echo(f"SafetyAmp  {data['url']}   {f'{limit} calls a minute' if limit != '0' else 'no limit on calls'}")
        click.echo(f"           {account['users']:,} users, {account['titles']:,} titles, {account['sites']:,} sites")
        origin = "made now" if vista["made"] else "found there"
        click.echo(f"Vista      {vista['url']}   {vista['people']:,} people, {origin}\n")
        click.echo(f"settings written to {env_file}" if env_file else exports(settings))
        click.echo("\nThen, in another terminal:  busway run titles employees\nCtrl-C ends the sandbox.")

    emit_result("busway.safetyamp.sandbox/1", data, as_json=as_json, text=text)


def _goodbye(running: Sandbox) -> str:
    answers = ", ".join(f"{count:,} x {status}" for status, count in sorted(running.answers.items()))
    calls = f"{running.calls:,} calls ({answers})" if answers else "no calls"
    return f"\nsandbox ended: {calls}, {len(running.ledger):,} writes"
