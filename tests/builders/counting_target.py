"""A real HTTP server on loopback that takes so many calls a period from all of its clients, and answers 429 to more."""

from __future__ import annotations

import threading
import time
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

__all__ = ["CountingTarget"]


class CountingTarget:
    """Serves between ``with`` and its end, and keeps the books.

    The window slides with every call; or begins anew each ``period`` when ``fixed``. Calls are counted when they
    arrive; those it refuses do not count, and are told how long to stay away in ``Retry-After`` (a fraction).
    """

    def __init__(self, calls: int, period: float, *, fixed: bool = False) -> None:
        self.calls = calls
        self.period = period
        self.arrivals: list[tuple[float, str]] = []
        """When a call was let in (monotonic seconds), and its path."""
        self.refused: list[float] = []
        self._fixed = fixed
        self._window: deque[float] = deque()
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.judge = self._judge

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def __enter__(self) -> CountingTarget:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    def count(self, path: str = "") -> int:
        """Calls let in so far, to ``path`` or at all."""
        with self._lock:
            return sum(path in ("", one) for _, one in self.arrivals)

    def _judge(self, path: str) -> float:
        """0.0 for a call that is let in, else the seconds to stay away."""
        with self._lock:
            now = time.monotonic()
            begin = now - now % self.period if self._fixed else now - self.period
            while self._window and self._window[0] <= begin:
                self._window.popleft()
            if len(self._window) >= self.calls:
                self.refused.append(now)
                return begin + self.period - now if self._fixed else self._window[0] + self.period - now
            self._window.append(now)
            self.arrivals.append((now, path))
            return 0.0


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        wait = self.server.judge(self.path)  # type: ignore[attr-defined]
        self.send_response(429 if wait else 200)
        if wait:
            self.send_header("Retry-After", f"{wait:.3f}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the books are kept elsewhere."""
