"""The settings that point Busway at a running sandbox, ready to paste or to load."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path

from busway.errors import UsageError
from busway_safetyamp.sandbox.fleet import NUMBER_KEY
from busway_safetyamp.sandbox.graph import GraphSandbox
from busway_safetyamp.sandbox.samsara import SamsaraSandbox
from busway_safetyamp.sandbox.seeding import FIELD_ROLE, vehicle_site_types
from busway_safetyamp.sandbox.server import Sandbox
from busway_safetyamp.sandbox.words import COMPANY_NAME

__all__ = ["exports", "graph_settings", "samsara_settings", "sandbox_settings", "write_env_file"]

_FIRST_LINE = "# Written by `busway safetyamp sandbox`; it is overwritten at the next start."


def sandbox_settings(sandbox: Sandbox, vista_url: str) -> dict[str, str]:
    """Environment name to value, for the running ``sandbox`` and the Vista at ``vista_url``; there is no directory."""
    settings = {
        "SAFETYAMP_DOMAIN": sandbox.url,
        "SAFETYAMP_TOKEN": sandbox.token,
        "SAFETYAMP_FQDN": sandbox.fqdn,
        "SAFETYAMP_RATE_LIMIT_CALLS": str(sandbox.limiter.quota or 0),
        "VISTA_URL": vista_url,
        "VISTA_COMPANIES": "1",
        "SAFETYAMP_ROLE": FIELD_ROLE,
        "SAFETYAMP_COUNTRY": "US",
        "SAFETYAMP_TIMEZONE": "America/Chicago",
        "SAFETYAMP_ROOT_CLUSTER": COMPANY_NAME,
        "SAFETYAMP_VEHICLE_SITE_TYPES": vehicle_site_types(sandbox.world),
        "SAFETYAMP_ENRICHMENT": "off",
    }
    return {name: value for name, value in settings.items() if value}


def samsara_settings(sandbox: SamsaraSandbox) -> dict[str, str]:
    """The settings that point at a running stand-in of Samsara."""
    return {
        "SAMSARA_DOMAIN": sandbox.url,
        "SAMSARA_API_KEY": sandbox.token,
        "SAMSARA_RATE_LIMIT_CALLS": str(sandbox.limiter.quota or 0),
        "SAMSARA_NUMBER_KEY": NUMBER_KEY,
    }


def graph_settings(sandbox: GraphSandbox, ca_file: Path) -> dict[str, str]:
    """The settings that point at a running stand-in of Microsoft, whose authority is in ``ca_file``."""
    application = sandbox.application
    return {
        "MS_GRAPH_AUTHORITY": sandbox.url,
        "MS_GRAPH_DOMAIN": sandbox.url,
        "MS_GRAPH_TENANT_ID": application.tenant,
        "MS_GRAPH_CLIENT_ID": application.client_id,
        "MS_GRAPH_CLIENT_SECRET": application.secret,
        "SAFETYAMP_CA_FILE": str(ca_file),
        "SAFETYAMP_ENRICHMENT": "required",
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
