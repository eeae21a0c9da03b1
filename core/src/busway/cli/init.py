"""``busway init``: a busway.toml to start from."""

from __future__ import annotations

from pathlib import Path

import click

from busway.cli.output import emit_result, json_option
from busway.errors import UsageError

__all__ = ["init"]

TEMPLATE = """\
# Busway reads this file from the working folder upwards. Secrets do not belong here:
# put them into the environment, a vault, or .env on a developer's machine.
app = "{app}"

[plugins]                         # order here is the order of precedence and of calls
secrets = ["env", "dotenv"]       # add "keyvault" between them for Azure Key Vault
caches = ["memory"]               # add "redis", "file"
sinks = ["log", "ledger"]         # add "email", "webhook"
validators = [{validators}]
jobs = [{jobs}]

[plugins.policy]                  # sinks are optional, everything else is required, unless you say otherwise
# "caches.redis" = "optional"

[settings]                        # the lowest layer; environment names. All of them: busway config env-example
# REDIS_HOST = "redis.internal"

# [sync.employees]                # brakes of one job
# max_deactivations_pct = 5
"""


@click.command()
@click.argument("folder", default=".", type=click.Path(file_okay=False, path_type=Path))
@json_option
def init(folder: Path, as_json: bool) -> None:
    """Write a busway.toml into FOLDER (this one by default). An existing file is left alone."""
    target = folder / "busway.toml"
    jobs, validators = _installed("jobs"), _installed("validators")
    text = TEMPLATE.format(app=folder.resolve().name or "busway", jobs=_quoted(jobs), validators=_quoted(validators))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with target.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise _exists(target) from None
    steps = ["busway config status", "busway plan", "busway run"]

    def show() -> None:
        click.echo(f"wrote {target}")
        click.echo("what is still missing:  busway config status")
        click.echo("then:                   busway plan, busway run")

    emit_result("busway.init/1", {"file": str(target), "jobs": jobs, "next": steps}, as_json=as_json, text=show)


def _exists(target: Path) -> UsageError:
    return UsageError(
        "BW1005",
        f"{target} exists already; nothing was written",
        where=str(target),
        fix="edit it, or name another folder: busway init FOLDER",
    )


def _installed(kind: str) -> list[str]:
    from busway.plugins.index import load_index

    return sorted({entry.name for entry in load_index().entries(kind)})


def _quoted(names: list[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)
