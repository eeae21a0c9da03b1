"""An HTTP server and a mail server for the parts of ``events.py``, both in a process of their own, so that they take
no time from the clients, and both with certificates of a throw-away authority.

The HTTP server does no more than it has to: it keeps connections, and answers each POST with 204.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

__all__ = ["HOST", "Servers", "serving"]

HOST = "127.0.0.1"


class Servers:
    """Both servers, from outside."""

    def __init__(self, process: subprocess.Popen[str], ca_file: Path) -> None:
        self._process = process
        self.ca_file = str(ca_file)
        told = self._answer()
        self.http, self.https = f"http://{HOST}:{told['http']}/hook", f"https://{HOST}:{told['https']}/hook"
        self.http_port, self.https_port = int(told["http"]), int(told["https"])
        self.smtp_port = int(told["smtp"])

    def seen(self) -> dict[str, Any]:
        """``posts`` and ``mails`` since the last question, the last ``head``, and the last ``bodies`` of both."""
        assert self._process.stdin is not None
        self._process.stdin.write("seen\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        found: dict[str, Any] = json.loads(self._process.stdout.readline())
        return found


@contextmanager
def serving(home: Path) -> Iterator[Servers]:
    """Both servers, with a folder for the certificate of their authority."""
    command = [sys.executable, "-W", "ignore", __file__, str(home)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Servers(process, home / "ca.pem")
        finally:
            process.kill()


class Seen:
    posts = mails = 0
    head = b""
    bodies: ClassVar[deque[bytes]] = deque(maxlen=5)


class Hook(asyncio.Protocol):
    def __init__(self) -> None:
        self._buffer = b""
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end]
            at = head.lower().find(b"content-length:") + 15
            whole = end + 4 + int(head[at:].split(b"\r\n", 1)[0])
            if len(self._buffer) < whole:
                return
            Seen.posts += 1
            Seen.head = head
            Seen.bodies.append(self._buffer[end + 4 : whole])
            self._buffer = self._buffer[whole:]
            self._transport.write(b"HTTP/1.1 204 No Content\r\n\r\n")


class Box:
    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - named by aiosmtpd
        Seen.mails += 1
        Seen.bodies.append(envelope.content)
        return "250 OK"


async def serve(home: Path) -> None:
    import trustme
    from aiosmtpd.smtp import SMTP, AuthResult

    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", HOST).configure_cert(context)
    authority.cert_pem.write_to_path(str(home / "ca.pem"))
    loop = asyncio.get_running_loop()

    def mailbox() -> Any:
        known = AuthResult(success=True)  # whoever it is: SMTPHandler uses TLS only to sign in
        return SMTP(Box(), hostname="localhost", tls_context=context, authenticator=lambda *_: known)

    servers = {
        "http": await loop.create_server(Hook, HOST, 0),
        "https": await loop.create_server(Hook, HOST, 0, ssl=context),
        "smtp": await loop.create_server(mailbox, HOST, 0),
    }
    print(json.dumps({name: one.sockets[0].getsockname()[1] for name, one in servers.items()}), flush=True)
    while await loop.run_in_executor(None, sys.stdin.readline):
        bodies = [one.decode() for one in Seen.bodies]
        told = {"posts": Seen.posts, "mails": Seen.mails, "head": Seen.head.decode(), "bodies": bodies}
        Seen.posts = Seen.mails = 0
        Seen.bodies.clear()
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
