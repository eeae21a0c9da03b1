"""10,000 errors in an hour, by processes that come, go and are killed."""

from __future__ import annotations

from pathlib import Path

import pytest

from builders.erring_processes import an_hour_of_errors

pytestmark = [pytest.mark.soak, pytest.mark.timeout(600)]


@pytest.mark.parametrize("seed", range(5))
def test_10_000_errors_are_one_message_and_one_digest_per_route(tmp_path: Path, seed: int) -> None:
    told = an_hour_of_errors(tmp_path / "state", processes=10, errors=1_000, seed=seed)
    first, hourly = told["email"]
    assert (first["kind"], hourly["kind"], hourly["errors"]) == ("first", "hourly", 10_000)
    assert hourly["suppressed"] == 10_000 - first["errors"] + first["suppressed"]
    assert [(one["kind"], one["errors"], one["suppressed"]) for one in told["chat"]] == [("hourly", 10_000, 10_000)]
    assert told["pager"] == []
