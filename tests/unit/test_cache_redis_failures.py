"""What goes wrong with the server, as a code, a cause and a fix."""

from __future__ import annotations

import builtins
import ssl

import pytest
from redis import exceptions
from redis._parsers import _RESP2Parser

from busway.cli.explain import page_of
from busway_cache_redis.address import Address
from busway_cache_redis.failures import failure

WHERE = Address("cache", 7000)
SECRET = "jane.doe@example.test"


def said(answer: str) -> Exception:
    """What redis-py makes of an error the server answers with."""
    error = _RESP2Parser.parse_error(answer)  # type: ignore[no-untyped-call]
    assert isinstance(error, Exception)
    return error


def below(error: Exception, cause: BaseException) -> Exception:
    error.__context__ = cause
    return error


def unproven() -> ssl.SSLError:
    error = ssl.SSLCertVerificationError(1, "[SSL: CERTIFICATE_VERIFY_FAILED] no")
    error.verify_message = "unable to get local issuer certificate"
    return error


REFUSED = OSError(111, "Connection refused")
CASES = [
    (said("OOM command not allowed when used memory > 'maxmemory'."), "BW2025", "memory is full"),
    (said("ERR Error running script (call to f_1): @user_script:3: -OOM command not allowed"), "BW2025", "memory"),
    (said("READONLY You can't write against a read only replica."), "BW2025", "read-only replica"),
    (said("ERR Error running script: @user_script: 3: -READONLY You can't write"), "BW2025", "read-only replica"),
    (said("MISCONF Redis is configured to save RDB snapshots"), "BW2025", "cannot save"),
    (said("NOREPLICAS Not enough good replicas to write."), "BW2025", "too few replicas"),
    (said("LOADING Redis is loading the dataset in memory"), "BW2026", "loading"),
    (said("BUSY Redis is busy running a script."), "BW2026", "busy with a script"),
    (said("MASTERDOWN Link with MASTER is down"), "BW2026", "lost its primary"),
    (said("CLUSTERDOWN The cluster is down"), "BW2026", "lost its primary"),
    (said("TRYAGAIN Multiple keys request during rehashing of slot"), "BW2026", "moving data"),
    (said("ERR max number of clients reached"), "BW2026", "maxclients"),
    (said("NOAUTH Authentication required."), "BW2027", "credentials"),
    (said("WRONGPASS invalid username-password pair or user is disabled."), "BW2027", "credentials"),
    (said("ERR invalid password"), "BW2027", "credentials"),
    (said("NOPERM this user has no permissions to run the 'get' command"), "BW2027", "may not do this"),
    (exceptions.InvalidResponse(f"Protocol Error: {SECRET!r}"), "BW2028", "InvalidResponse"),
    (ValueError(f"invalid literal for int(): {SECRET}"), "BW2028", "ValueError"),
    (RecursionError("too deep"), "BW2028", "RecursionError"),
    (below(exceptions.ConnectionError("x"), unproven()), "BW2031", "not trusted (unable to get local issuer"),
    (below(exceptions.ConnectionError("x"), ssl.SSLError(1, "[SSL: WRONG_VERSION] no")), "BW2031", "no TLS"),
    (exceptions.TimeoutError("Timeout reading from socket"), "BW2006", "no answer in time"),
    (builtins.TimeoutError("late"), "BW2006", "no answer in time"),
    (below(exceptions.ConnectionError("x"), REFUSED), "BW2006", "no connection (Connection refused)"),
    (exceptions.ConnectionError("Connection closed by server."), "BW2006", "it was closed"),
    (said(f"WRONGTYPE Operation against {SECRET}"), "BW2006", "it refused the command (WRONGTYPE)"),
    (said(f"ERR unknown command {SECRET}"), "BW2006", "it refused the command"),
]


@pytest.mark.parametrize(("error", "code", "why"), CASES)
def test_each_has_its_code(error: Exception, code: str, why: str) -> None:
    coded = failure(error, WHERE)
    assert coded.code == code
    assert why in coded.problem.why
    assert coded.problem.where == "cache:7000"
    assert coded.problem.fix
    assert SECRET not in coded.render()
    assert page_of(code)


@pytest.mark.parametrize(("error", "code", "why"), CASES)
def test_only_what_was_turned_away_is_sure_not_to_have_happened(error: Exception, code: str, why: str) -> None:
    assert failure(error, WHERE).ambiguous is (code != "BW2025")
