"""What the service counts of itself. The names are what alert rules and dashboards may use."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from busway.metrics.registry import Metrics

__all__ = ["NUMBERS", "Numbers"]

NUMBERS = {
    "busway_service_ready": "1 while the service can do its work, 0 while it cannot or is stopping.",
    "busway_service_degraded": "1 while something that policy calls optional does not work.",
    "busway_service_runs_total": "Runs by origin and how they ended.",
    "busway_service_runs_waiting": "Runs that wait to begin.",
    "busway_service_run_since_timestamp_seconds": "When the run under way was begun; 0 = none is.",
    "busway_service_triggers_total": "Runs asked for through the API, by answer.",
    "busway_service_job_late": "1 while the job is late.",
    "busway_service_job_next_timestamp_seconds": "When the job is to run next; 0 = only people start it.",
    "busway_service_requests_total": "Requests by method and status.",
    "busway_service_request_seconds": "How long answers took.",
}


class Numbers:
    """Writes them into the registry of the application."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def run_ended(self, origin: str, outcome: str) -> None:
        """One more."""
        self._metrics.counter("busway_service_runs_total", _help("runs_total"), origin=origin, outcome=outcome).add()

    def asked(self, answer: str) -> None:
        """A run was asked for: ``accepted``, or the code of the refusal."""
        self._metrics.counter("busway_service_triggers_total", _help("triggers_total"), answer=answer).add()

    def answered(self, method: str, status: int, seconds: float) -> None:
        """A request was answered."""
        counter = self._metrics.counter
        counter("busway_service_requests_total", _help("requests_total"), method=method, status=str(status)).add()
        self._metrics.histogram("busway_service_request_seconds", _help("request_seconds")).observe(seconds)

    def standing(self, *, ready: bool, degraded: bool, waiting: int, since_ns: int) -> None:
        """Where the service stands."""
        values = {
            "ready": float(ready),
            "degraded": float(degraded),
            "runs_waiting": float(waiting),
            "run_since_timestamp_seconds": since_ns / 1e9,
        }
        for name, value in values.items():
            self._metrics.gauge(f"busway_service_{name}", _help(name)).set(value)

    def jobs(self, next_ns: Mapping[str, int | None], late: Mapping[str, int]) -> None:
        """When each job runs next, and whether it is late."""
        for job, at_ns in next_ns.items():
            name = "job_next_timestamp_seconds"
            self._metrics.gauge(f"busway_service_{name}", _help(name), job=job).set((at_ns or 0) / 1e9)
            self._metrics.gauge("busway_service_job_late", _help("job_late"), job=job).set(float(job in late))


def _help(name: str) -> str:
    return NUMBERS[f"busway_service_{name}"]
