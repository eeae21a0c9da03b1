"""Cache levels that break or answer nonsense when they are called."""

from __future__ import annotations

import pytest

from builders.distributions import CACHE, Site
from builders.plugin_world import (
    CANARY,
    Open,
    events_of,
)


@pytest.mark.parametrize(
    ("method", "body", "cause"),
    [
        ("get", f"raise KeyError({CANARY!r})", "KeyError"),
        ("get", "return 'text'", "it answered with str instead of bytes"),
        ("get", "return 3", "it answered with int instead of bytes"),
        ("set", f"raise OSError({CANARY!r})", "OSError"),
        ("delete", "raise ZeroDivisionError", "ZeroDivisionError"),
        ("delete", "return 'yes'", "it answered with str instead of int"),
        ("delete", "return None", "it answered with NoneType instead of int"),
        ("scan", "raise KeyError", "KeyError"),
        ("scan", "return [b'key']", "it answered with bytes instead of str"),
        ("scan", "return 'key'", "it answered with str instead of keys"),
        ("scan", "return None", "TypeError"),
    ],
)
def test_a_level_that_breaks_is_away_and_named(
    open_app: Open, site: Site, caplog: pytest.LogCaptureFixture, method: str, body: str, cause: str
) -> None:
    head = next(line for line in CACHE.splitlines() if f"def {method}(" in line)
    source = CACHE.replace(head, f"{head.partition(': ')[0]}: {body}" if ": " in head else head)
    site.install("odd", source, kind="caches", version="2.1")
    app = open_app(caches=["odd", "memory"])
    assert app.data.save_cache("vista.employees", [1])
    assert app.data.get_cached_data("vista.employees") == [1]
    app.data.invalidate("vista.employees/_")
    app.data.invalidate("vista:employees:*")
    assert f"cache level odd (acme-busway-odd 2.1) is away: {cause}" in caplog.text
    (odd, memory) = app.data.stats()["levels"]
    assert {key: odd[key] for key in ("level", "distribution", "version", "state", "errors")} == {
        "level": "odd", "distribution": "acme-busway-odd", "version": "2.1", "state": "away", "errors": 1
    }  # fmt: skip
    assert memory["state"] == "up"
    assert app.events.flush(30)
    told = next(row for row in events_of(app) if row.get("what") == "cache level away")
    assert (told["level"], told["distribution"], told["version"]) == ("odd", "acme-busway-odd", "2.1")
    assert CANARY not in caplog.text
