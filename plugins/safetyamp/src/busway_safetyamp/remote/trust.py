"""Whom HTTPS trusts: the public authorities, and those the deployment adds."""

from __future__ import annotations

import ssl
from pathlib import Path

import httpx

from busway.errors import ConfigurationError

__all__ = ["trust"]


def trust(ca_file: str, root: Path) -> ssl.SSLContext:
    """A context that verifies always, against the public authorities and those in ``ca_file`` (PEM; may be empty).

    Made once for all clients: reading the public authorities takes some 20 ms. Raises ``ConfigurationError`` BW5010.

    :param root: folder that a relative path is relative to.
    """
    context = httpx.create_ssl_context()
    if not ca_file:
        return context
    path = root / Path(ca_file).expanduser()
    try:
        context.load_verify_locations(path)
    except OSError as error:  # ssl.SSLError, for a file that is none, is one too
        raise _unusable(path, error) from None
    return context


def _unusable(path: Path, error: OSError) -> ConfigurationError:
    why = "it holds no certificates in PEM form" if isinstance(error, ssl.SSLError) else error.strerror or "unreadable"
    return ConfigurationError(
        "BW5010",
        "the file with certificate authorities cannot be used",
        where=f"SAFETYAMP_CA_FILE ({path})",
        why=why,
        fix="give a PEM file (-----BEGIN CERTIFICATE-----): `busway config explain SAFETYAMP_CA_FILE`",
    )
