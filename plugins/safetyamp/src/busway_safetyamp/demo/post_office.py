"""A mail server for the demo: it takes what Busway mails, shows it to nobody else, and sends nothing on."""

from __future__ import annotations

import email
import email.policy
import socketserver
import threading
from email.message import EmailMessage
from functools import partial
from typing import Any

__all__ = ["PostOffice"]

_HOST = "127.0.0.1"


class PostOffice:
    """A server of SMTP on loopback, in a daemon thread. Speaks as much of it as one client needs, without TLS."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        """What was taken, oldest first."""
        self._server = _Server((_HOST, 0), partial(_Counter, self.mails))

    @property
    def settings(self) -> dict[str, str]:
        """What makes the email sink bring its mail here."""
        host, port = self._server.server_address[:2]
        return {
            "SMTP_SERVER": str(host),
            "SMTP_PORT": str(port),
            "SMTP_TLS": "none",
            "ALERT_EMAIL_FROM": "busway@bluestem.example.test",
            "ALERT_EMAIL_TO": "safety-team@bluestem.example.test",
        }

    def start(self) -> None:
        """Opens."""
        threading.Thread(target=self._server.serve_forever, args=(0.05,), name="demo-mail", daemon=True).start()

    def close(self) -> None:
        """Closes; what was taken stays."""
        self._server.shutdown()
        self._server.server_close()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True


class _Counter(socketserver.StreamRequestHandler):
    """One client, command by command (RFC 5321)."""

    def __init__(self, mails: list[EmailMessage], *connection: Any) -> None:
        self._mails = mails
        super().__init__(*connection)

    def handle(self) -> None:
        self._say("220 demo")
        while line := self.rfile.readline():
            command = line[:4].strip().upper()
            if command == b"QUIT":
                self._say("221 bye")
                return
            if command == b"DATA":
                self._say("354 go on")
                self._take()
            self._say("250 ok")

    def _take(self) -> None:
        lines: list[bytes] = []
        while (line := self.rfile.readline()) and line != b".\r\n":
            lines.append(line.removeprefix(b"."))  # dots at the start of a line are doubled on the way
        self._mails.append(email.message_from_bytes(b"".join(lines), policy=email.policy.default))

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())
