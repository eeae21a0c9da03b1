"""Types as a person writes them."""

from __future__ import annotations

import inspect
import re
from typing import Any

__all__ = ["type_text"]

_MODULES = re.compile(r"\b(?:[A-Za-z_]\w*\.)+(?=[A-Za-z_])")


def type_text(annotation: Any) -> str:
    """`annotation` without the modules its names come from."""
    if annotation is None or annotation is type(None):
        return "None"
    return _MODULES.sub("", inspect.formatannotation(annotation)).replace("NoneType", "None")
