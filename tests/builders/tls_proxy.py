"""TLS in front of a server that speaks none."""

from __future__ import annotations

import ssl
from pathlib import Path

import trustme

from builders.fault_proxy import FaultProxy

__all__ = ["TlsProxy"]


class TlsProxy(FaultProxy):
    """Proves that it is ``name`` with a certificate of an authority of its own, whose PEM file is ``ca_file``."""

    def __init__(self, port: int, folder: Path, name: str = "127.0.0.1") -> None:
        authority = trustme.CA()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(name).configure_cert(context)
        self.ca_file = folder / f"ca-{port}.pem"
        authority.cert_pem.write_to_path(self.ca_file)
        super().__init__(port, context)
