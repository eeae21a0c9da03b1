from __future__ import annotations

import copy
import io
import json
import logging
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from busway.redaction.log_formatter import RedactingFormatter, guard_logging
from busway.redaction.redactor import Redactor

SECRET = 'Tr0ub4dor&3/"quoted"'


class JsonFormatter(logging.Formatter):
    """The usual kind: everything in the record that is not standard, as JSON."""

    standard = frozenset(vars(logging.makeLogRecord({})))

    def format(self, record: logging.LogRecord) -> str:
        extra = {name: value for name, value in vars(record).items() if name not in self.standard}
        return json.dumps({"message": record.getMessage(), "exc": record.exc_text, **extra}, default=str)


class Broken(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        raise RuntimeError(SECRET)


class Rude:
    def __str__(self) -> str:
        raise RuntimeError(SECRET)


@pytest.fixture
def redactor() -> Redactor:
    return Redactor([SECRET])


@pytest.fixture
def out() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def log(out: io.StringIO, redactor: Redactor) -> Iterator[logging.Logger]:
    logger = logging.Logger("test")
    handler = logging.StreamHandler(out)
    handler.setFormatter(RedactingFormatter(logging.Formatter("%(levelname)s %(message)s"), redactor))
    logger.addHandler(handler)
    yield logger
    handler.close()


def failing() -> None:
    raise ValueError(f"bad {SECRET}\n2026-01-01 INFO forged")


def test_message_and_arguments(log: logging.Logger, out: io.StringIO) -> None:
    log.info("a %s b %d", SECRET, 7)
    log.warning("for %(who)s: %(n)d", {"who": f"<{SECRET}>", "n": 3})
    log.info("plain %%, no arguments")
    assert out.getvalue().splitlines() == [
        "INFO a [redacted:secret] b 7",
        "WARNING for <[redacted:secret]>: 3",
        "INFO plain %%, no arguments",
    ]


def test_containers_among_the_arguments_lose_what_their_keys_give_away(log: logging.Logger, out: io.StringIO) -> None:
    log.info("created %s with %r", {"name": "Jane", "id": 7}, [{"clientSecret": "x"}])
    log.info("a whole %s", {"name": "Jane"})
    assert out.getvalue().splitlines() == [
        "INFO created {'name': '[redacted:name]', 'id': 7} with [{'clientSecret': '[redacted:secret]'}]",
        "INFO a whole {'name': '[redacted:name]'}",
    ]


def test_a_marker_in_the_place_of_a_number_does_not_lose_the_message(log: logging.Logger, out: io.StringIO) -> None:
    log.info("zip %(zip)05d", {"zip": 123})
    assert out.getvalue() == "INFO zip 00123\n"


def test_tracebacks_causes_and_stacks(log: logging.Logger, out: io.StringIO) -> None:
    try:
        try:
            failing()
        except ValueError as error:
            raise RuntimeError("outer") from error
    except RuntimeError:
        log.exception("it failed", stack_info=True)
    text = out.getvalue()
    assert "Tr0ub" not in text
    assert text.count("[redacted:secret]") == 1
    lines = text.splitlines()
    assert lines[:2] == ["ERROR it failed", "  Traceback (most recent call last):"]
    assert all(line.startswith("  ") for line in lines[1:])
    assert "  2026-01-01 INFO forged" in lines
    assert "  Stack (most recent call last):" in lines


def test_a_traceback_that_another_handler_has_kept_in_the_record(redactor: Redactor) -> None:
    record = logging.makeLogRecord({"msg": "x", "exc_text": f"Traceback\nValueError: {SECRET}"})
    assert RedactingFormatter(None, redactor).format(record) == "x\n  Traceback\n  ValueError: [redacted:secret]"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029"])
def test_no_line_can_be_forged(end: str, log: logging.Logger, out: io.StringIO) -> None:
    log.info("user %s logged in", f"jane{end}2026-01-01 CRITICAL forged")
    log.info(f"two{end}lines")
    try:
        raise ValueError(f"a{end}ERROR forged")
    except ValueError:
        log.exception("x")
    forged = [line for line in out.getvalue().splitlines() if not line.startswith((" ", "INFO", "ERROR x"))]
    assert forged == []
    assert out.getvalue().count("\n") == len(out.getvalue().splitlines())


def test_terminals_are_not_steered(log: logging.Logger, out: io.StringIO) -> None:
    log.info("clear \x1b[2J\x07 bell, tab\tstays")
    assert out.getvalue() == "INFO clear \\x1b[2J\\x07 bell, tab\tstays\n"


def test_extra_fields(redactor: Redactor) -> None:
    formatter = RedactingFormatter(JsonFormatter(), redactor)
    record = logging.makeLogRecord(
        {
            "msg": "m",
            "password": "hunter2",
            "note": f"use {SECRET}",
            "person": {"name": "Jane", "n": 1},
            "line": "a\nb",
            "count": 3,
            SECRET: "as a key",
        }
    )
    shown = json.loads(formatter.format(record))
    assert "Tr0ub" not in json.dumps(shown).replace('\\"', '"')
    assert {name: shown[name] for name in ("password", "note", "person", "line", "count")} == {
        "password": "[redacted:password]",
        "note": "use [redacted:secret]",
        "person": {"name": "[redacted:name]", "n": 1},
        "line": "a\\nb",
        "count": 3,
    }


def test_names_of_threads_and_loggers(redactor: Redactor) -> None:
    formatter = RedactingFormatter(logging.Formatter("%(name)s %(threadName)s %(message)s"), redactor)
    record = logging.makeLogRecord({"name": "a\nb", "threadName": f"t-{SECRET}", "msg": "m"})
    assert formatter.format(record) == "a\\nb t-[redacted:secret] m"


@pytest.mark.parametrize("style", ["%", "{", "$"])
def test_every_style_of_format(style: Any, redactor: Redactor) -> None:
    layout = {"%": "%(levelname)s: %(message)s", "{": "{levelname}: {message}", "$": "$levelname: $message"}[style]
    record = logging.makeLogRecord({"msg": "{x} %% $y %s", "args": (SECRET,), "levelname": "INFO"})
    formatter = RedactingFormatter(logging.Formatter(layout, style=style), redactor)
    assert formatter.format(record) == "INFO: {x} % $y [redacted:secret]"


def test_the_record_is_not_changed(redactor: Redactor) -> None:
    payload = {"name": "Jane", "deep": [{"token": "x"}]}
    try:
        failing()
    except ValueError:
        info = sys.exc_info()
    record = logging.makeLogRecord({"msg": f"m {SECRET} %s", "args": (payload,), "exc_info": info, "payload": payload})
    before, deep = dict(vars(record)), copy.deepcopy(payload)
    RedactingFormatter(logging.Formatter("%(asctime)s %(message)s"), redactor).format(record)
    assert vars(record) == before
    assert record.args == (payload,)
    assert payload == deep


@pytest.mark.parametrize(
    ("inner", "fields"),
    [
        (Broken(), {"msg": SECRET}),
        (logging.Formatter(), {"msg": f"{SECRET} %s"} | {"args": (1, 2)}),
        (logging.Formatter(), {"msg": "%s", "args": (Rude(),)}),
        (logging.Formatter("%(missing)s"), {"msg": SECRET}),
        (logging.Formatter(), {"msg": Rude()}),
    ],
)
def test_what_cannot_be_formatted_is_dropped_and_counted(
    inner: logging.Formatter, fields: dict[str, Any], redactor: Redactor
) -> None:
    assert RedactingFormatter(inner, redactor).format(logging.makeLogRecord(fields)) == "[redacted:error]"
    assert redactor.failures == 1


def test_a_bad_call_does_not_print_the_secret_on_stderr(
    log: logging.Logger, out: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    log.info("%d", SECRET)
    assert out.getvalue() == "[redacted:error]\n"
    assert capsys.readouterr().err == ""


def test_guarding_reaches_every_handler_also_later_ones(redactor: Redactor, out: io.StringIO) -> None:
    original = logging.Handler.format
    early, late = logging.StreamHandler(out), logging.StreamHandler(out)
    late.setFormatter(logging.Formatter("late %(message)s"))
    logger = logging.Logger("guarded")
    logger.addHandler(early)
    undo = guard_logging(redactor)
    try:
        logger.addHandler(late)
        logger.info("is %s", SECRET)
        another = logging.Logger("another")
        another.addHandler(logging.StreamHandler(out))
        another.info(SECRET)
        assert early.formatter is None
    finally:
        undo()
    assert out.getvalue() == "is [redacted:secret]\nlate is [redacted:secret]\n[redacted:secret]\n"
    assert logging.Handler.format is original
    logger.info("is %s", SECRET)
    assert SECRET in out.getvalue()


def test_guards_of_two_redactors_add_up_and_are_undone_in_any_order(out: io.StringIO) -> None:
    original = logging.Handler.format
    logger = logging.Logger("guarded")
    logger.addHandler(logging.StreamHandler(out))
    first, second = guard_logging(Redactor(["first-s3cret"])), guard_logging(Redactor(["second-s3cret"]))
    logger.info("first-s3cret second-s3cret")
    first()
    first()
    logger.info("first-s3cret second-s3cret")
    second()
    logger.info("first-s3cret second-s3cret")
    assert out.getvalue().splitlines() == [
        "[redacted:secret] [redacted:secret]",
        "first-s3cret [redacted:secret]",
        "first-s3cret second-s3cret",
    ]
    assert logging.Handler.format is original


def test_guarding_one_logger_leaves_others_alone(redactor: Redactor, out: io.StringIO) -> None:
    logger, other = logging.Logger("guarded"), logging.Logger("other")
    handler, handler2 = logging.StreamHandler(out), logging.StreamHandler(out)
    plain = logging.Formatter("1 %(message)s")
    handler.setFormatter(plain)
    logger.addHandler(handler)
    other.addHandler(handler2)
    undo = guard_logging(redactor, logger)
    logger.info(SECRET)
    other.info(SECRET)
    undo()
    assert handler.formatter is plain
    logger.info(SECRET)
    assert out.getvalue().splitlines() == ["1 [redacted:secret]", SECRET, f"1 {SECRET}"]


def test_values_rotate_while_others_log(out: io.StringIO) -> None:
    redactor, stop = Redactor(["standing-s3cret"]), threading.Event()
    logger = logging.Logger("guarded")
    logger.addHandler(logging.StreamHandler(out))

    def write() -> None:
        while not stop.is_set():
            logger.info("standing-s3cret")

    undo = guard_logging(redactor)
    threads = [threading.Thread(target=write) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for number in range(40):
            redactor.register(f"rotating-s3cret-{number}")
            logger.info("rotating-s3cret-%d", number)
            redactor.retire(f"rotating-s3cret-{number - 5}")
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        undo()
    assert set(out.getvalue().splitlines()) == {"[redacted:secret]"}
