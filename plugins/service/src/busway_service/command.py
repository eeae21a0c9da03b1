"""``busway serve``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from busway.cli.invocation import Invocation, invocation_of

if TYPE_CHECKING:
    from busway_service.startup import Validated

__all__ = ["serve"]


@click.command()
@click.option("--listen", metavar="ADDRESS", help="Where to listen, such as 127.0.0.1:8765.  [default: 127.0.0.1:8765]")
@click.option("--auth", type=click.Choice(["loopback", "token", "proxy"]), help="How callers sign in.")
@click.option("--grace", metavar="SPAN", help="How long a stop may take, such as 25s.")
@click.option("--new-token", metavar="NAME:ROLE", help="Only make a token for viewer, operator or admin, and print it.")
@click.pass_context
def serve(ctx: click.Context, listen: str | None, auth: str | None, grace: str | None, new_token: str | None) -> int:
    """Run the jobs on the schedule of busway.toml until a signal asks to stop, with probes, metrics and a JSON API.

    \b
    SIGTERM or Ctrl-C  begins nothing more, finishes the record in hand, delivers events, exits 143 or 130
    the second one     stops at once; the next start settles what was under way
    Exit 3 with everything that is wrong, 7 when a service runs already with this state folder.
    """
    if new_token is not None:
        _print_token(new_token)
        return 0
    given = {"listen": listen, "auth": auth, "grace": grace}
    return _serve(invocation_of(ctx), {key: value for key, value in given.items() if value is not None})


def _print_token(text: str) -> None:
    from busway_service.tokens import new_token

    token, lines = new_token(text)
    click.echo(token)
    click.echo(f"\nIt is shown this once. In busway.toml:\n\n{lines}", err=True)


def _serve(invocation: Invocation, overrides: dict[str, str]) -> int:
    import asyncio

    from busway_service.instance_lock import instance_lock
    from busway_service.startup import validate

    parts = validate(invocation.directory, safe=invocation.safe, overrides=overrides)
    try:
        with instance_lock(Path(parts.app.boot.state_dir)):
            return asyncio.run(_run(parts))
    finally:
        parts.close()


async def _run(parts: Validated) -> int:
    from busway_service.service import Service

    service = Service(parts)
    click.echo(f"serving {parts.app.boot.deployment.app} on {parts.policy.host}:{service.port}", err=True)
    return await service.run()
