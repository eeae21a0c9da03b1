"""A real mail server on loopback (aiosmtpd), with a throw-away authority and answers that tests script."""

from __future__ import annotations

import asyncio
import base64
import email
import email.policy
import re
import ssl
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, cast

import trustme
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

__all__ = ["Received", "SmtpServer"]


@dataclass(frozen=True)
class Received:
    """One mail that was taken."""

    sender: str
    recipients: tuple[str, ...]
    raw: bytes

    @property
    def message(self) -> EmailMessage:
        return email.message_from_bytes(self.raw, policy=email.policy.default)

    @property
    def text(self) -> str:
        part = self.message.get_body(("plain",))
        assert part is not None
        return cast(str, part.get_content())

    @property
    def html(self) -> str:
        part = self.message.get_body(("html",))
        assert part is not None
        return cast(str, part.get_content())

    @property
    def event_ids(self) -> list[str]:
        return re.findall(r"^  event: (\S+)\r?$", self.text, re.MULTILINE)


@dataclass
class SmtpServer:
    """Serves between ``with`` and its end. ``ca_file`` is what clients have to trust.

    Scripted answers: ``rcpt_answers`` by recipient, ``data_answers`` and ``mail_answers`` in order, then the usual one.
    ``judge`` answers to the text of a mail; ``drops`` cut the connection after a mail, which was ``taken`` or ``lost``.
    """

    folder: Path
    tls: Literal["starttls", "implicit", "none"] = "starttls"
    accounts: dict[str, str] = field(default_factory=dict)
    names: tuple[str, ...] = ("localhost", "127.0.0.1")
    """What the certificate is made out for."""
    tokens: dict[str, str] = field(default_factory=dict)
    """Accounts that sign in with XOAUTH2, and their tokens."""
    utf8: bool = False
    """Whether SMTPUTF8 is offered."""
    max_bytes: int | None = None
    """Announced with SIZE."""
    late: float = 0.0
    """Seconds before the answer to a mail."""
    mails: list[Received] = field(default_factory=list)
    judge: Callable[[Received], str] = lambda mail: "250 OK"
    drops: deque[Literal["taken", "lost"]] = field(default_factory=deque)
    rcpt_answers: dict[str, deque[str]] = field(default_factory=dict)
    data_answers: deque[str] = field(default_factory=deque)
    mail_answers: deque[str] = field(default_factory=deque)
    connections: int = 0
    logins: int = 0
    noops: int = 0
    host: str = "127.0.0.1"
    port: int = 0
    """0: any that is free."""
    authority: trustme.CA = field(default_factory=trustme.CA)
    started: bool = False

    def __enter__(self) -> SmtpServer:
        self.ca_file = str(self.folder / "smtp-ca.pem")
        self.authority.cert_pem.write_to_path(self.ca_file)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.authority.issue_cert(*self.names).configure_cert(self._context)
        self._transports: set[asyncio.WriteTransport] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="smtp-server", daemon=True)
        self._thread.start()
        self._server = self._run(self._listen())
        self.port = self._server.sockets[0].getsockname()[1]
        self.started = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._run(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def drop_connections(self) -> None:
        """Cuts every connection, as a server does that restarts."""

        async def drop() -> None:
            for transport in self._transports:
                transport.abort()

        self._run(drop())

    async def _listen(self) -> asyncio.Server:
        context = self._context if self.tls == "implicit" else None
        return await self._loop.create_server(self._session, self.host, self.port, ssl=context)

    async def _stop(self) -> None:
        self._server.close()
        for transport in self._transports:
            transport.abort()
        pending = asyncio.all_tasks() - {asyncio.current_task()}
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        for _ in range(5):  # lets the aborted transports close their sockets
            await asyncio.sleep(0)

    def _run(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(5)

    def _session(self) -> SMTP:
        server = self

        class Protocol(SMTP):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                server._transports.add(cast(asyncio.WriteTransport, transport))
                if self._original_transport is None:
                    server.connections += 1  # STARTTLS announces the same connection a second time
                super().connection_made(transport)

        return Protocol(
            self,
            hostname="mail.example.test",
            loop=self._loop,
            tls_context=self._context if self.tls == "starttls" else None,
            authenticator=self._authenticate if self.accounts else None,
            auth_exclude_mechanism=["LOGIN", "PLAIN"] if self.tokens else ["XOAUTH2"],
            # aiosmtpd does not see that a connection is implicitly secured: AUTH is then offered, not required.
            auth_required=bool(self.accounts or self.tokens) and self.tls == "starttls",
            auth_require_tls=self.tls == "starttls",
            enable_SMTPUTF8=self.utf8,
            data_size_limit=self.max_bytes,
        )

    def _authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: LoginPassword
    ) -> AuthResult:
        known = self.accounts.get(data.login.decode()) == data.password.decode()
        self.logins += known
        return AuthResult(success=known, handled=False)

    async def auth_XOAUTH2(self, server: SMTP, args: list[str]) -> AuthResult:  # noqa: N802 - named by aiosmtpd
        """As large providers do it: a refusal comes as a challenge, which the client answers with nothing."""
        user, _, token = base64.b64decode(args[1]).decode().removeprefix("user=").partition("\x01auth=Bearer ")
        if self.tokens.get(user) == token.removesuffix("\x01\x01"):
            self.logins += 1
            return AuthResult(success=True)
        await server.challenge_auth('{"status":"400"}')
        return AuthResult(success=False, handled=False)

    async def handle_NOOP(  # noqa: N802 - named by aiosmtpd
        self, server: SMTP, session: Session, envelope: Envelope, argument: str
    ) -> str:
        self.noops += 1
        return "250 OK"

    async def handle_MAIL(  # noqa: N802 - named by aiosmtpd
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.mail_answers:
            return self.mail_answers.popleft()
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(  # noqa: N802 - named by aiosmtpd
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answers = self.rcpt_answers.get(address)
        if answers:
            return answers.popleft()
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - see above
        if self.data_answers:
            return self.data_answers.popleft()
        await asyncio.sleep(self.late)
        mail = Received(envelope.mail_from or "", tuple(envelope.rcpt_tos), cast(bytes, envelope.content))
        drop = self.drops.popleft() if self.drops else None
        if drop == "taken":
            self.mails.append(mail)
        if drop:
            cast(asyncio.WriteTransport, server.transport).abort()
            return "250 OK"  # nobody hears it
        answer = self.judge(mail)
        if answer.startswith("250"):
            self.mails.append(mail)
        return answer
