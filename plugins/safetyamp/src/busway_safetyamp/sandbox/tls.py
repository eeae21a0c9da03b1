"""A certificate for this machine, made when it is needed and trusted by nobody else."""

from __future__ import annotations

import ssl
from dataclasses import dataclass

from busway.errors import UsageError

__all__ = ["Certificate"]


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a stand-in shows, and what a client has to trust for it."""

    context: ssl.SSLContext
    """For the server."""
    authority: bytes
    """The authority in PEM form, for ``SAFETYAMP_CA_FILE``."""

    @classmethod
    def make(cls) -> Certificate:
        """A new one for 127.0.0.1 and localhost. Raises ``UsageError`` BW8008 where ``trustme`` is not installed."""
        try:
            import trustme
        except ImportError as error:
            raise _no_trustme() from error
        authority = trustme.CA(organization_name="Busway sandbox, for this machine only")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
        return cls(context, authority.cert_pem.bytes())


def _no_trustme() -> UsageError:
    return UsageError(
        "BW8008",
        "the sandbox cannot serve HTTPS",
        where="the stand-in of Microsoft Entra ID",
        why="trustme, which makes its certificate, is not installed",
        fix="pip install 'busway-safetyamp[sandbox]', or do without: busway safetyamp sandbox --no-graph",
    )
