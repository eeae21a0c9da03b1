"""A stand-in for Azure Key Vault: HTTPS on loopback, speaking to the real client library.

It asks for a token as the service does, serves ``GET /secrets/NAME/`` and answers what tests script.
"""

from __future__ import annotations

import json
import ssl
import threading
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit

import trustme
from azure.core.credentials import AccessToken
from azure.keyvault.secrets._shared import http_challenge_cache

__all__ = ["Answer", "KeyVaultServer", "StoredSecret", "StubCredential", "forbidden"]

TENANT = "00000000-0000-4000-8000-000000000001"
CALLER = "00000000-0000-4000-8000-0000000000aa"
TOKEN = "synthetic-access-token"
FAR = 4_102_444_800
"""2100-01-01 in epoch seconds."""


@dataclass
class StoredSecret:
    """One secret of the vault; ``expires`` is in epoch seconds."""

    value: str | None
    enabled: bool = True
    expires: int | None = None
    version: str = "0123456789abcdef0123456789abcdef"


@dataclass(frozen=True)
class Answer:
    """A scripted answer."""

    status: int
    code: str = ""
    inner: str = ""
    message: str = "synthetic"
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None

    @property
    def body(self) -> bytes:
        if self.raw is not None:
            return self.raw
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.inner:
            error["innererror"] = {"code": self.inner}
        return json.dumps({"error": error}).encode()


def forbidden(inner: str) -> Answer:
    """A 403 as the service words it: several lines that name the caller and its network address."""
    message = (
        "Caller is not authorized to perform action on resource.\r\n"
        f"Caller: appid=00000000-0000-4000-8000-0000000000bb;oid={CALLER};iss=https://sts.example.test/{TENANT}/\r\n"
        "Action: 'Microsoft.KeyVault/vaults/secrets/getSecret/action'\r\nClient address: 203.0.113.9"
    )
    return Answer(403, "Forbidden", inner, message)


class StubCredential:
    """Gives a token that the server knows, and counts how often it was asked. ``fails`` is raised instead."""

    def __init__(self, token: str = TOKEN, fails: Exception | None = None) -> None:
        self.token = token
        self.fails = fails
        self.calls: list[tuple[str, ...]] = []
        self.closed = 0

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        self.calls.append(scopes)
        if self.fails is not None:
            raise self.fails
        return AccessToken(self.token, FAR)

    def close(self) -> None:
        self.closed += 1


@dataclass
class KeyVaultServer:
    """Serves between ``with`` and its end. ``url`` is the vault, ``ca_file`` what clients have to trust."""

    folder: Path
    secrets: dict[str, StoredSecret] = field(default_factory=dict)
    faults: dict[str, deque[Answer]] = field(default_factory=dict)
    """Answers by secret name, used up before the usual one is given."""
    silent: bool = False
    """Accepts requests and never answers."""
    requests: list[tuple[str, str, int, bool]] = field(default_factory=list)
    """Method, path, status, whether a token came along."""
    url: str = ""

    def __enter__(self) -> KeyVaultServer:
        # The client library keeps challenges for the whole process by host and port, and ports come again.
        http_challenge_cache.clear()
        authority = trustme.CA()
        self.ca_file = str(self.folder / "vault-ca.pem")
        authority.cert_pem.write_to_path(self.ca_file)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost", "127.0.0.1").configure_cert(self.context)
        self.stopping = threading.Event()
        self._server = _Server(self)
        self.url = f"https://localhost:{self._server.server_port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, name="key-vault-server", daemon=True
        )
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._thread.join(5)
        self._server.close_connections()
        self._server.server_close()

    @property
    def client_options(self) -> dict[str, object]:
        """What the client library needs to talk to this server; never part of production configuration."""
        return {"connection_verify": self.ca_file, "verify_challenge_resource": False}

    def answer(self, path: str, token: str | None) -> Answer:
        """What the vault says to ``GET path``."""
        parts = urlsplit(path)
        name = parts.path.removeprefix("/secrets/").strip("/").lower()
        if self.faults.get(name) and token is not None:
            return self.faults[name].popleft()
        if token != f"Bearer {TOKEN}":
            return self._challenge(known=token is not None)
        if "api-version" not in parse_qs(parts.query) or not name.replace("-", "").isalnum():
            return Answer(400, "BadParameter")
        return self._secret(name)

    def _challenge(self, *, known: bool) -> Answer:
        challenge = f'Bearer authorization="https://login.example.test/{TENANT}", resource="https://vault.example.test"'
        message = "AKV10022: Invalid audience" if known else "AKV10000: Request is missing a Bearer token"
        return Answer(401, "Unauthorized", message=message, headers={"WWW-Authenticate": challenge})

    def _secret(self, name: str) -> Answer:
        stored = {key.lower(): value for key, value in self.secrets.items()}.get(name)
        if stored is None:
            return Answer(404, "SecretNotFound")
        if not stored.enabled:
            return Answer(403, "Forbidden", "SecretDisabled", "Operation get is not allowed on a disabled secret.")
        attributes = {"enabled": True, "created": 1_700_000_000, "updated": 1_700_000_000}
        if stored.expires is not None:
            attributes["exp"] = stored.expires
        body: dict[str, Any] = {"id": f"{self.url}/secrets/{name}/{stored.version}", "attributes": attributes}
        if stored.value is not None:
            body["value"] = stored.value
        return Answer(200, raw=json.dumps(body).encode())


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, vault: KeyVaultServer) -> None:
        self.vault = vault
        self._open: set[Any] = set()
        super().__init__(("127.0.0.1", 0), _Handler)

    def get_request(self) -> tuple[Any, Any]:
        connection, address = super().get_request()
        # The handshake happens in the thread of the connection, at its first read.
        secured = self.vault.context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        self._open.add(secured)
        return secured, address

    def close_connections(self) -> None:
        for connection in list(self._open):
            connection.close()

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that refuse our certificate or hang up are part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    # Headers and body leave in one write: two would meet Nagle's algorithm and cost 40 ms each.
    wbufsize = -1

    def do_GET(self) -> None:
        vault = self.server.vault
        if vault.silent:
            vault.stopping.wait(30)
            self.close_connection = True
            return
        answer = vault.answer(self.path, self.headers.get("Authorization"))
        vault.requests.append(("GET", self.path, answer.status, "Authorization" in self.headers))
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, format: str, *args: Any) -> None:
        """The request log is a list."""
