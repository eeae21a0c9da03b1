"""Calls: a turn, a request, the meaning of its answer, and another attempt where that may help."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from busway_safetyamp.remote.answers import judged
from busway_safetyamp.remote.retries import Retries
from busway_safetyamp.remote.service import Call
from busway_safetyamp.remote.turns import Share, Turns
from busway_safetyamp.remote.wire import Wire

__all__ = ["ATTEMPTS", "Caller"]

ATTEMPTS = 5


class Caller:
    """Makes calls to one remote and returns the JSON of their answers. Safe to use from many threads.

    Reads and updates are repeated after 429, 502, 503, 504 and lost connections (an update sets values, so a second
    one changes nothing); a create only after 429 and 503, which say that nothing was done. Each attempt takes a turn.

    :param authorization: gives the header; asked for each attempt, so that a rotated key takes effect at once.
    :param retries: of reads.
    :param write_retries: of writes, where those are others: in a run the engine tries writes again, within one budget
        for all of a job.
    """

    def __init__(
        self,
        wire: Wire,
        *,
        authorization: Callable[[], str],
        turns: Turns,
        retries: Retries,
        write_retries: Retries | None = None,
    ) -> None:
        self._wire = wire
        self._authorization = authorization
        self._turns = turns
        self._reads = retries
        self._writes = write_retries or retries

    def call(
        self,
        call: Call,
        share: Share,
        *,
        params: Mapping[str, Any] | None = None,
        content: bytes | None = None,
        url: str | None = None,
    ) -> Any:
        """The JSON of a good answer.

        Raises ``RefusedError`` (BW50xx), ``RejectedRecordError`` (BW5003) and ``UnreachableError`` (BW51xx). An error
        with ``ambiguous = True`` says that the record may exist now.

        :param url: the whole address, where it is not the path of ``call``.
        """

        def attempt() -> Any:
            self._turns.wait(share)
            headers = {"Authorization": self._authorization()}
            if content is not None:
                headers["Content-Type"] = "application/json"
            request = {"params": params, "headers": headers, "content": content, "url": url or call.path}
            return judged(call, self._wire.exchange(call, **request))

        retries = self._reads if call.method == "GET" else self._writes
        return retries.run(attempt, on_throttled=self._turns.back_off)

    def close(self) -> None:
        """Gives the connections back."""
        self._wire.close()
