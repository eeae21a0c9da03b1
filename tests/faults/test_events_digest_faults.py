"""What people are told of many errors while processes come, go and are killed. Soak has 10,000 of them."""

from __future__ import annotations

from pathlib import Path

from builders.erring_processes import an_hour_of_errors


def test_an_hour_of_errors_is_one_message_and_one_digest_per_route(tmp_path: Path) -> None:
    told = an_hour_of_errors(tmp_path / "state", processes=4, errors=100, seed=1)
    first, hourly = told["email"]
    assert (first["kind"], hourly["kind"], hourly["errors"]) == ("first", "hourly", 400)
    assert hourly["suppressed"] == 400 - first["errors"] + first["suppressed"]
    assert [(one["kind"], one["errors"], one["suppressed"]) for one in told["chat"]] == [("hourly", 400, 400)]
    assert told["pager"] == [], "it is none of its business"
