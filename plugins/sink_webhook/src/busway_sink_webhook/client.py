"""The connection to the receiver: one, kept, with the URL in no log and no error."""

from __future__ import annotations

import ssl
from collections.abc import Mapping

import httpcore
import httpx

from busway.contracts.clock import Clock
from busway.errors import UnreachableError
from busway_sink_webhook.answer import Answer
from busway_sink_webhook.backend import GuardedBackend, Resolve
from busway_sink_webhook.deadline import Deadline
from busway_sink_webhook.guard import AddressGuard

__all__ = ["WebhookClient"]

CONNECT_SECONDS = 5.0
MAX_ANSWER_BYTES = 65_536
"""Read so that the connection can be used again; a longer answer costs the connection instead."""
KEPT_BYTES = 512
"""Of the answer, to be judged."""
IDLE_SECONDS = 60.0


class WebhookClient:
    """Posts, and follows nothing. Used by one thread.

    httpcore and not httpx: that one logs the URL of every request, and the URL of a chat hook is a secret; and it has
    no public way to choose how connections are made.
    """

    def __init__(self, guard: AddressGuard, context: ssl.SSLContext, resolve: Resolve, clock: Clock) -> None:
        self._deadline = Deadline(clock.monotonic)
        self._pool = httpcore.ConnectionPool(
            ssl_context=context,
            max_connections=1,
            keepalive_expiry=IDLE_SECONDS,
            network_backend=GuardedBackend(guard, resolve, self._deadline),
        )

    def post(self, target: httpx.URL, headers: Mapping[str, str], body: bytes, seconds: float) -> Answer:
        """The answer, which takes at most ``seconds``, whatever the receiver does.

        Raises ``UnreachableError`` BW3203 when there is none, ``ConfigurationError`` BW3204 for an internal address.
        """
        self._deadline.start(seconds)
        try:
            return self._post(target, headers, body, seconds)
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError) as error:
            failed: Exception = error
        # Outside of the handler: texts of a protocol error repeat what the receiver sent, and must not travel along.
        raise _unreachable(target.host, failed)

    def close(self) -> None:
        """Closes the connection. May be called twice."""
        self._pool.close()

    def _post(self, target: httpx.URL, headers: Mapping[str, str], body: bytes, seconds: float) -> Answer:
        url = httpcore.URL(scheme=target.raw_scheme, host=target.raw_host, port=target.port, target=target.raw_path)
        timeouts = {"connect": min(CONNECT_SECONDS, seconds), "read": seconds, "write": seconds, "pool": seconds}
        sent = [(b"host", target.netloc), *((name.encode(), value.encode()) for name, value in headers.items())]
        sent.append((b"content-length", b"%d" % len(body)))
        with self._pool.stream("POST", url, headers=sent, content=body, extensions={"timeout": timeouts}) as response:
            retry_after = _header(response, b"retry-after")
            return Answer(response.status, retry_after, self._read(response))

    def _read(self, response: httpcore.Response) -> bytes:
        """The beginning of the answer, undecoded: neither its size, its compression nor its pace can hold us."""
        kept, size = b"", 0
        try:
            for chunk in response.iter_stream():
                size += len(chunk)
                kept += chunk[: KEPT_BYTES - len(kept)]
                if size > MAX_ANSWER_BYTES:
                    break
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError):
            # The status has come and decides; that the rest did not costs the connection only.
            return kept
        return kept


def _header(response: httpcore.Response, name: bytes) -> str:
    found = [value for key, value in response.headers if key.lower() == name]
    return found[0].decode("latin-1") if found else ""


def _unreachable(host: str, error: Exception) -> UnreachableError:
    # The texts of connection errors come from the system; others may repeat what the receiver sent.
    told = f": {error}" if isinstance(error, httpcore.ConnectError) and str(error) else ""
    return UnreachableError(
        "BW3203",
        "the webhook does not answer",
        where=f"WEBHOOK_URL, host {host}",
        why=f"{type(error).__name__}{told}",
        fix="nothing is lost: it is tried again. Check the receiver and the network, then: busway events flush",
    )
