"""A sandbox that runs in another process, as the settings it wrote tell of it."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

from dotenv import dotenv_values

from busway.errors import UnreachableError, UsageError
from busway_safetyamp.remote.loopback import is_loopback

__all__ = ["STAND_INS", "RunningSandbox"]

STAND_INS = {"safetyamp": "SAFETYAMP_DOMAIN", "samsara": "SAMSARA_DOMAIN", "graph": "MS_GRAPH_DOMAIN"}
"""Each stand-in, and the setting its address is in."""


class RunningSandbox:
    """Reads its address from ``env_file``. Raises ``UsageError`` BW8010 when that names no sandbox.

    :param stand_in: ``safetyamp``, ``samsara`` or ``graph``.
    """

    def __init__(self, env_file: Path, stand_in: str = "safetyamp") -> None:
        settings = {name: value or "" for name, value in dotenv_values(env_file).items()}
        self._address = settings.get(STAND_INS[stand_in], "")
        # A real account has no such addresses, and is not to be asked for them.
        if not is_loopback(self._address):
            raise _no_sandbox(env_file, STAND_INS[stand_in])
        self._authority = settings.get("SAFETYAMP_CA_FILE", "")

    def ask(self, method: str, subject: str, body: Any = None) -> dict[str, Any]:
        """The answer to a request below ``/sandbox/``. Raises ``UsageError`` BW8009, ``UnreachableError`` BW8011."""
        import httpx

        try:
            with httpx.Client(base_url=self._address, verify=self._trust(), trust_env=False, timeout=10) as client:
                answer = client.request(method, f"/sandbox/{subject}", json=body)
        except (OSError, httpx.RequestError) as error:
            raise _away(self._address, type(error).__name__) from None
        found: dict[str, Any] = answer.json()
        if answer.status_code == 422:
            raise UsageError("BW8009", found["message"], where=self._address, why=found["why"], fix=found["fix"])
        return found

    def _trust(self) -> ssl.SSLContext:
        if not self._address.startswith("https:"):
            return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        return ssl.create_default_context(cafile=self._authority)


def _no_sandbox(env_file: Path, setting: str) -> UsageError:
    why = f"it does not set {setting} to an address of this machine" if env_file.exists() else "there is no such file"
    return UsageError(
        "BW8010",
        "this file names no sandbox",
        where=str(env_file),
        why=why,
        fix="start one with busway safetyamp sandbox --env-file .env, or name its file: --env-file FILE",
    )


def _away(address: str, cause: str) -> UnreachableError:
    return UnreachableError(
        "BW8011",
        "the sandbox does not answer",
        where=address,
        why=cause,
        fix="start it again: busway safetyamp sandbox --env-file .env",
    )
