"""The settings that point Busway at a running sandbox, ready to paste or to load."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path

from busway.errors import UsageError
from busway_safetyamp.sandbox.seeding import FIELD_ROLE
from busway_safetyamp.sandbox.server import Sandbox

__all__ = ["exports", "sandbox_settings", "write_env_file"]

_FIRST_LINE = "# Written by `busway safetyamp sandbox`; it is overwritten at the next start."


def sandbox_settings(sandbox: Sandbox, vista_url: str) -> dict[str, str]:
    """Environment name to value, for the running ``sandbox`` and the Vista at ``vista_url``."""
    return {
        "SAFETYAMP_DOMAIN": sandbox.url,
        "SAFETYAMP_TOKEN": sandbox.token,
        "SAFETYAMP_FQDN": sandbox.fqdn,
        "SAFETYAMP_RATE_LIMIT_CALLS": str(sandbox.limiter.quota or 0),
        "VISTA_URL": vista_url,
        "VISTA_COMPANIES": "1",
        "SAFETYAMP_ROLE": FIELD_ROLE,
        "SAFETYAMP_COUNTRY": "US",
        "SAFETYAMP_TIMEZONE": "America/Chicago",
        "SAFETYAMP_ENRICHMENT": "off",
    }


def exports(settings: Mapping[str, str]) -> str:
    """Lines for a shell."""
    return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in settings.items())


def write_env_file(path: Path, settings: Mapping[str, str]) -> None:
    """Lines for ``.env``. Raises ``UsageError`` BW8005 when the file is somebody's own, or cannot be written."""
    try:
        if path.exists() and not path.read_text("utf-8").startswith(_FIRST_LINE):
            raise _not_ours(path, "it was not written by the sandbox, and may hold settings that exist nowhere else")
        lines = [_FIRST_LINE, *(f"{name}={shlex.quote(value)}" for name, value in settings.items()), ""]
        draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        draft.touch(mode=0o600)
        draft.write_text("\n".join(lines), "utf-8")
        draft.replace(path)
    except (OSError, UnicodeDecodeError) as error:
        raise _not_ours(path, getattr(error, "strerror", None) or "it is not text") from error


def _not_ours(path: Path, why: str) -> UsageError:
    return UsageError(
        "BW8005",
        "the settings are not written to this file",
        where=str(path),
        why=why,
        fix="give another file: busway safetyamp sandbox --env-file sandbox.env",
    )
