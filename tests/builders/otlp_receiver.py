"""A receiver of OTLP over HTTP that keeps what it is sent."""

from __future__ import annotations

from collections.abc import Mapping

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

__all__ = ["OtlpReceiver"]


class OtlpReceiver:
    """Answers 200 unless told otherwise; a request it cannot parse is answered with 400."""

    def __init__(self, server: HTTPServer) -> None:
        self.url = server.url_for("").rstrip("/")
        self.logs: list[LogRecord] = []
        self.spans: list[Span] = []
        self.services: set[str] = set()
        self.headers: list[dict[str, str]] = []
        self.status: dict[str, int] = {}
        """Status by path, for answers other than 200."""
        self.retry_after: Mapping[str, str] = {}
        server.expect_request("/v1/logs", method="POST").respond_with_handler(self._take_logs)
        server.expect_request("/v1/traces", method="POST").respond_with_handler(self._take_spans)

    def _take_logs(self, request: Request) -> Response:
        answer = self._answer(request)
        parsed = ExportLogsServiceRequest.FromString(request.get_data())
        if answer.status_code == 200:
            for resource in parsed.resource_logs:
                self.services.update(one.value.string_value for one in resource.resource.attributes)
                self.logs += [record for scope in resource.scope_logs for record in scope.log_records]
        return answer

    def _take_spans(self, request: Request) -> Response:
        answer = self._answer(request)
        parsed = ExportTraceServiceRequest.FromString(request.get_data())
        if answer.status_code == 200:
            self.spans += [span for one in parsed.resource_spans for scope in one.scope_spans for span in scope.spans]
        return answer

    def _answer(self, request: Request) -> Response:
        self.headers.append({name.lower(): value for name, value in request.headers.items()})
        return Response(b"", self.status.get(request.path, 200), headers=dict(self.retry_after))
