"""Who decides, as a command knows it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from busway.cli.deciding import named_actor
from busway.errors import UsageError
from busway.sync.decisions import check_decision


def raising(error: Exception) -> Callable[[], str]:
    def getuser() -> str:
        raise error

    return getuser


def test_the_variable_wins_over_the_user_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("getpass.getuser", lambda: "deploy")
    assert named_actor({"BUSWAY_ACTOR": " ann "}) == "ann"
    assert named_actor({"BUSWAY_ACTOR": " "}) == named_actor({}) == "deploy"


@pytest.mark.parametrize("error", [KeyError("uid not found"), OSError("no user name")])
def test_a_process_whose_user_has_no_name_must_be_told_one(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    monkeypatch.setattr("getpass.getuser", raising(error))
    assert named_actor({}) == ""
    with pytest.raises(UsageError) as caught:
        check_decision(named_actor({}), "why")
    assert (caught.value.code, caught.value.problem.why) == ("BW7012", "the actor is empty")


@pytest.mark.parametrize("reason", ["", "  "])
def test_a_decision_without_a_reason_is_none(reason: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_decision("ann", reason)
    assert caught.value.problem.why == "the reason is empty"
