"""A stand-in for Azure Key Vault: HTTPS on loopback, speaking to the real client library.

It asks for a token as the service does, serves secrets, their versions, the list in pages and soft deletion, and
answers what tests script. A second one stands in for the metadata address that managed identities ask for tokens.
"""

from __future__ import annotations

import json
import re
import ssl
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

import trustme
from azure.core.credentials import AccessToken
from azure.keyvault.secrets._shared import http_challenge_cache

TENANT = "00000000-0000-4000-8000-000000000001"
OTHER_TENANT = "00000000-0000-4000-8000-000000000002"
CALLER = "00000000-0000-4000-8000-0000000000aa"
APPLICATION = "00000000-0000-4000-8000-0000000000bb"
CLIENT_ADDRESS = "203.0.113.9"
TOKEN = "synthetic-access-token"
FAR = 4_102_444_800
"""2100-01-01 in epoch seconds."""
PAGE = 25


@dataclass
class StoredSecret:
    """One secret of the vault; ``expires`` and ``not_before`` are in epoch seconds."""

    value: str | None
    enabled: bool = True
    expires: int | None = None
    version: str = "0123456789abcdef0123456789abcdef"
    not_before: int | None = None
    older: dict[str, str] = field(default_factory=dict)
    """Values of earlier versions, by version."""
    deleted: bool = False
    """Soft-deleted: gone for readers, and can be recovered."""


@dataclass(frozen=True)
class Answer:
    """A scripted answer."""

    status: int
    code: str = ""
    inner: str = ""
    message: str = "synthetic"
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    manner: Literal["whole", "cut", "drip", "never"] = "whole"
    """``cut`` hangs up in the middle of the body; ``drip`` sends it byte by byte until the vault is released, then the
    rest; ``never`` keeps the connection and sends nothing."""

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
        f"Caller: appid={APPLICATION};oid={CALLER};iss=https://sts.example.test/{TENANT}/\r\n"
        "Action: 'Microsoft.KeyVault/vaults/secrets/getSecret/action'\r\n"
        f"Client address: {CLIENT_ADDRESS}\r\nVault: synthetic;location=nowhere"
    )
    return Answer(403, "Forbidden", inner, message)


def unauthorized(message: str, *, claims: str = "") -> Answer:
    """A 401 with the vault's challenge; ``claims`` are what a revoked token's successor has to have."""
    challenge = f'Bearer authorization="https://login.example.test/{TENANT}", resource="https://vault.example.test"'
    if claims:
        challenge += f', error="insufficient_claims", claims="{claims}"'
    return Answer(401, "Unauthorized", message=message, headers={"WWW-Authenticate": challenge})


class StubCredential:
    """Gives a token that the server knows, and counts how often it was asked. ``fails`` is raised instead."""

    def __init__(self, token: str = TOKEN, fails: BaseException | None = None) -> None:
        self.token = token
        self.fails = fails
        self.calls: list[tuple[str, ...]] = []
        self.options: list[dict[str, Any]] = []
        self.closed = 0

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        self.calls.append(scopes)
        self.options.append(options)
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
    mute: bool = False
    """Accepts connections and does not even speak TLS."""
    latency_seconds: float = 0.0
    token: str = TOKEN
    """The token that is accepted."""
    claims: str = ""
    """What a token that is not accepted is told to have; empty for a plain challenge."""
    endless_list: bool = False
    """The last page of the list leads to the first."""
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
        self.released = threading.Event()
        self._server = _Server(_VaultHandler, self)
        self.url = f"https://localhost:{self._server.server_port}"
        self._server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
        self._server.stop()

    @property
    def client_options(self) -> dict[str, object]:
        """What the client library needs to talk to this server; never part of production configuration."""
        return {"connection_verify": self.ca_file, "verify_challenge_resource": False}

    def release(self) -> None:
        """Ends every silence: connections that hang are answered or closed, and later ones are served."""
        self.silent = self.mute = False
        self.released.set()

    def answer(self, method: str, path: str, token: str | None, body: bytes = b"") -> Answer:
        """What the vault says to one request."""
        parts = urlsplit(path)
        kind, _, rest = parts.path.strip("/").partition("/")
        name, _, version = rest.lower().partition("/")
        if self.faults.get(name) and token is not None:
            return self.faults[name].popleft()
        if token != f"Bearer {self.token}":
            known = token is not None
            message = "AKV10022: Invalid audience" if known else "AKV10000: Request is missing a Bearer token"
            return unauthorized(message, claims=self.claims if known else "")
        query = parse_qs(parts.query)
        if "api-version" not in query or (name and not re.fullmatch("[0-9a-z-]{1,127}", name)):
            return Answer(400, "BadParameter")
        if kind == "deletedsecrets":
            return self._deleted(name)
        if kind != "secrets":
            return Answer(404, "NotFound")
        if not name:
            return self._list(int(query.get("$skiptoken", ["0"])[0]))
        if method == "PUT":
            return self._put(name, body)
        return self._delete(name) if method == "DELETE" else self._secret(name, version)

    def _find(self, name: str) -> StoredSecret | None:
        """Names are the same in upper and lower case."""
        return {key.lower(): value for key, value in self.secrets.items()}.get(name)

    def _secret(self, name: str, version: str) -> Answer:
        stored = self._find(name)
        if stored is None or stored.deleted or (version and version not in {stored.version, *stored.older}):
            return Answer(404, "SecretNotFound", message=f"A secret with (name/id) {name} was not found.")
        if not stored.enabled:
            return Answer(403, "Forbidden", "SecretDisabled", "Operation get is not allowed on a disabled secret.")
        version = version or stored.version
        body = self._item(name, stored, version)
        value = stored.older.get(version, stored.value)
        return _found(body if value is None else {"value": value, **body})

    def _item(self, name: str, stored: StoredSecret, version: str = "") -> dict[str, Any]:
        attributes = {"enabled": stored.enabled, "created": 1_700_000_000, "updated": 1_700_000_000}
        times = {"exp": stored.expires, "nbf": stored.not_before}
        attributes |= {key: at for key, at in times.items() if at is not None}
        return {"id": f"{self.url}/secrets/{name}/{version}".rstrip("/"), "attributes": attributes}

    def _list(self, skip: int) -> Answer:
        there = [(name, stored) for name, stored in self.secrets.items() if not stored.deleted]
        following = skip + PAGE if skip + PAGE < len(there) else 0
        link = f"{self.url}/secrets?$skiptoken={following}" if following or self.endless_list else None
        return _found({"value": [self._item(*one) for one in there[skip : skip + PAGE]], "nextLink": link})

    def _put(self, name: str, body: bytes) -> Answer:
        stored = self._find(name)
        if stored is not None and stored.deleted:
            return Answer(409, "Conflict", "ObjectIsDeletedButRecoverable")
        self.secrets[name] = StoredSecret(json.loads(body)["value"])
        return self._secret(name, "")

    def _delete(self, name: str) -> Answer:
        stored = self._find(name)
        if stored is None or stored.deleted:
            return Answer(404, "SecretNotFound")
        stored.deleted = True
        return self._deleted(name)

    def _deleted(self, name: str) -> Answer:
        stored = self._find(name)
        if stored is None or not stored.deleted:
            return Answer(404, "SecretNotFound")
        dates = {"deletedDate": 1_700_000_000, "scheduledPurgeDate": FAR}
        return _found({**self._item(name, stored), "recoveryId": f"{self.url}/deletedsecrets/{name}", **dates})


@dataclass
class MetadataAddress:
    """Where a managed identity asks for tokens; plain HTTP on loopback, as on a virtual machine.

    It accepts and stays silent until it is released; then it gives ``token``.
    """

    token: str = TOKEN
    silent: bool = True
    requests: list[str] = field(default_factory=list)
    """Paths that were asked for."""

    def __enter__(self) -> MetadataAddress:
        self.released = threading.Event()
        self._server = _Server(_MetadataHandler, self)
        self._server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
        self._server.stop()

    @property
    def environ(self) -> dict[str, str]:
        """What leads the library's managed identity here."""
        return {
            "AZURE_POD_IDENTITY_AUTHORITY_HOST": f"http://127.0.0.1:{self._server.server_port}",
            "AZURE_TOKEN_CREDENTIALS": "ManagedIdentityCredential",
        }

    def release(self) -> None:
        """Answers, those who wait too."""
        self.silent = False
        self.released.set()


def _found(body: dict[str, Any]) -> Answer:
    return Answer(200, raw=json.dumps(body).encode())


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, handler: type[BaseHTTPRequestHandler], stands_for: Any) -> None:
        self.stands_for = stands_for
        self._open: set[Any] = set()
        super().__init__(("127.0.0.1", 0), handler)

    def start(self) -> None:
        self._thread = threading.Thread(
            target=self.serve_forever, kwargs={"poll_interval": 0.01}, name="key-vault-server", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        self.shutdown()
        self._thread.join(5)
        for connection in list(self._open):
            connection.close()
        self.server_close()

    def get_request(self) -> tuple[Any, Any]:
        connection, address = super().get_request()
        context: ssl.SSLContext | None = getattr(self.stands_for, "context", None)
        if context is not None:
            # The handshake happens in the thread of the connection, at its first read.
            connection = context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        self._open.add(connection)
        return connection, address

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

    def log_message(self, format: str, *args: Any) -> None:
        """The request log is a list."""

    def begin(self, status: int, length: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json; charset=utf-8", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def hang(self) -> None:
        self.server.stands_for.released.wait(30)
        self.close_connection = True


class _VaultHandler(_Handler):
    def handle(self) -> None:
        if self.server.stands_for.mute:
            self.hang()
            return
        super().handle()

    def do_GET(self) -> None:
        vault: KeyVaultServer = self.server.stands_for
        if vault.silent:
            self.hang()
            return
        if vault.latency_seconds:
            time.sleep(vault.latency_seconds)
        sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        answer = vault.answer(self.command, self.path, self.headers.get("Authorization"), sent)
        vault.requests.append((self.command, self.path, answer.status, "Authorization" in self.headers))
        self._give(answer, vault)

    def do_PUT(self) -> None:
        self.do_GET()

    def do_DELETE(self) -> None:
        self.do_GET()

    def _give(self, answer: Answer, vault: KeyVaultServer) -> None:
        if answer.manner == "never":
            self.hang()
            return
        body = answer.body
        self.begin(answer.status, len(body), answer.headers)
        sent = {"whole": len(body), "cut": len(body) // 2, "drip": 0}[answer.manner]
        self.wfile.write(body[:sent])
        while answer.manner == "drip" and sent < len(body) - 1 and not vault.released.wait(0.02):
            self.wfile.write(body[sent : sent + 1])
            self.wfile.flush()
            sent += 1
        if answer.manner == "cut":
            self.close_connection = True
        else:
            self.wfile.write(body[sent:])


class _MetadataHandler(_Handler):
    def do_GET(self) -> None:
        address: MetadataAddress = self.server.stands_for
        address.requests.append(self.path)
        if address.silent:
            address.released.wait(30)
        told = {"access_token": address.token, "expires_in": "86400", "token_type": "Bearer", "resource": "synthetic"}
        body = json.dumps(told).encode()
        self.begin(200, len(body), {})
        self.wfile.write(body)
