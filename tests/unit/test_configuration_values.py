"""Values between a layer and a model, and as they are shown."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import BeforeValidator

from busway.configuration.values import TextForm, length_class, prepared, shown, shown_text, text_form
from busway.contracts.settings import Secret


@pytest.mark.parametrize(
    ("annotation", "form"),
    [
        (str, TextForm.AS_IS),
        (str | None, TextForm.AS_IS),
        (Secret, TextForm.AS_IS),
        (Secret | None, TextForm.AS_IS),
        (Literal["a", "b"], TextForm.AS_IS),
        (Annotated[str, BeforeValidator(str)], TextForm.AS_IS),
        (Literal[1, 2], TextForm.TRIMMED),
        (int, TextForm.TRIMMED),
        (bool | None, TextForm.TRIMMED),
        (Any, TextForm.TRIMMED),
        (list[str], TextForm.LISTED),
        (tuple[str, ...] | None, TextForm.LISTED),
        (str | list[str], TextForm.LISTED),
        (frozenset[int], TextForm.LISTED),
        (set, TextForm.LISTED),
        (dict[str, str], TextForm.JSON),
        (dict, TextForm.JSON),
    ],
)
def test_the_form_follows_from_the_type(annotation: Any, form: TextForm) -> None:
    assert text_form(annotation) is form


@pytest.mark.parametrize(
    ("form", "text", "expected"),
    [
        (TextForm.AS_IS, " x ", " x "),
        (TextForm.TRIMMED, " 1\n", "1"),
        (TextForm.LISTED, " a, b ,,c", ["a", "b", "c"]),
        (TextForm.LISTED, '["a, b", 2, ""]', ["a, b", 2]),
        (TextForm.LISTED, "[broken", "[broken"),
        (TextForm.LISTED, "", []),
        (TextForm.JSON, ' {"a": 1}', {"a": 1}),
        (TextForm.JSON, "{broken", "{broken"),
    ],
)
def test_text_is_made_ready(form: TextForm, text: str, expected: object) -> None:
    assert prepared(text, form) == expected


@pytest.mark.parametrize("form", list(TextForm))
def test_what_a_toml_file_typed_stays(form: TextForm) -> None:
    for value in (1, True, ["a"], 1.5):
        assert prepared(value, form) is value


def test_what_is_shown_has_no_secret() -> None:
    value = {"a": Secret("canary"), "u": ["redis://:canary@host/0", "https://user:canary@host"], "n": 1}
    assert "canary" not in str(shown(value))
    assert "redis://:**********@host/0" in shown_text(value)
    assert shown_text("plain") == "plain"


@pytest.mark.parametrize(
    ("length", "expected"), [(1, "under 8"), (8, "8 to 15"), (39, "16 to 39"), (40, "40 characters or more")]
)
def test_length_classes(length: int, expected: str) -> None:
    assert length_class("x" * length) == expected
