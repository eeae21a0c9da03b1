from __future__ import annotations

import random
import uuid
from datetime import UTC, datetime, timedelta

import pytest

from builders.redaction_corpus import HITS, SURVIVORS
from busway.redaction.patterns import SHAPE, default_patterns
from busway.redaction.redactor import Redactor


@pytest.mark.parametrize(("name", "text", "secret"), HITS, ids=lambda value: str(value)[:40])
def test_shapes_are_hidden_and_what_stands_around_is_not(name: str, text: str, secret: str) -> None:
    redacted = Redactor().redact_text(text)
    assert secret not in redacted
    assert redacted == text.replace(secret, f"[redacted:pattern.{name}]")


@pytest.mark.parametrize("engine", ["re", "re2"])
@pytest.mark.parametrize("text", SURVIVORS)
def test_ordinary_text_survives(text: str, engine: str) -> None:
    assert Redactor(engine=engine).redact_text(text) == text  # type: ignore[arg-type]


def test_identifiers_and_times_survive_in_numbers() -> None:
    rng = random.Random(4)
    start = datetime(2015, 1, 1, tzinfo=UTC)
    redactor = Redactor()
    for _ in range(3000):
        number = rng.randrange(10 ** rng.randrange(1, 19))
        moment = start + timedelta(microseconds=rng.randrange(10**15))
        unique = uuid.UUID(int=rng.getrandbits(128), version=4)
        text = f"{unique} {number} {moment.isoformat()} {moment:%Y%m%d%H%M%S} {rng.random()!r} {unique.hex}"
        assert redactor.redact_text(text) == text


@pytest.mark.parametrize("pattern", default_patterns(), ids=lambda pattern: pattern.name)
def test_every_shape_has_an_example_and_its_literal_occurs_in_it(pattern: object) -> None:
    examples = [text for name, text, _ in HITS if name == getattr(pattern, "name", "")]
    assert examples
    for text in examples:
        shape = text.encode().translate(SHAPE)
        assert any(needle in shape for needle in getattr(pattern, "needles", ()))


def test_there_are_enough_shapes_and_every_quantifier_has_a_bound() -> None:
    patterns = default_patterns()
    assert len({pattern.name for pattern in patterns}) == len(patterns) >= 12
    for pattern in patterns:
        bare = pattern.regex.pattern.replace("}+", "}").replace(")+@", ")@")
        inside_classes_removed = __import__("re").sub(r"\[(?:\\.|[^\]\\])*\]", "C", bare).replace("\\+", "p")
        assert "*" not in inside_classes_removed, pattern.name
        assert "+" not in inside_classes_removed, pattern.name
        assert ",}" not in inside_classes_removed, pattern.name


def test_a_second_pass_changes_nothing() -> None:
    redactor = Redactor(["hunter22-registered"])
    corpus = [text for _, text, _ in HITS]
    corpus += [f"password=hunter22-registered;{text}" for text in corpus] + [f"token={text}" for text in corpus]
    for text in corpus:
        once = redactor.redact_text(text)
        assert redactor.redact_text(once) == once
