"""How names are written in a vault, and names that would be the same there."""

from __future__ import annotations

import re
from collections.abc import Iterable

from busway.errors import ConfigurationError

__all__ = ["MAX_LENGTH", "collisions", "shown", "vault_name_of"]

MAX_LENGTH = 127
_LEGAL = re.compile(r"[0-9A-Za-z-]{1,127}")


def vault_name_of(name: str) -> str:
    """The environment name as it is written in the vault (``DB_PASSWORD``: ``DB-PASSWORD``).

    Raises ``ConfigurationError`` BW1402 when a vault cannot hold such a name.
    """
    written = name.replace("_", "-")
    if _LEGAL.fullmatch(written):
        return written
    raise ConfigurationError(
        "BW1402",
        "no vault can hold a secret of this name",
        where=f"setting {shown(name)}",
        why="a name in Key Vault has 1 to 127 letters A-Z, digits and hyphens",
        fix=f"{_advice(name)}, or keep it in another source: environment or .env",
    )


def collisions(names: Iterable[str]) -> dict[str, ConfigurationError]:
    """For each of ``names`` that is the same as another one in the vault, an error BW1410 that names all of them.

    A vault knows no underscore and does not tell upper from lower case. Names no vault can hold are left out.
    """
    same: dict[str, list[str]] = {}
    for name in dict.fromkeys(names):
        written = name.replace("_", "-")
        if _LEGAL.fullmatch(written):
            same.setdefault(written.lower(), []).append(name)
    return {name: _collision(group) for group in same.values() if len(group) > 1 for name in group}


def _collision(group: list[str]) -> ConfigurationError:
    told, written = " and ".join(group), group[0].replace("_", "-")
    return ConfigurationError(
        "BW1410",
        f"{told} are one name in the vault",
        where=f"settings {told}",
        why=f"_ is - there, and upper and lower case are the same: all of them would get the secret {written}",
        fix=f"rename one of them, or keep {group[-1]} in another source: environment or .env",
    )


def _advice(name: str) -> str:
    if len(name) > MAX_LENGTH:
        return f"shorten the name: it has {len(name)} characters"
    legal = re.sub(r"_+", "_", re.sub(r"[^0-9A-Za-z_-]", "_", name)).strip("_-")
    return f"rename it to {legal}, which is {legal.replace('_', '-')} in the vault" if legal else "rename it"


def shown(name: str) -> str:
    """The name as it may be printed: it is no secret, but what is passed for one may break the line."""
    return re.sub(r"[^\x21-\x7e]", "?", name[:MAX_LENGTH])
