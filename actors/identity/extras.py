"""What somebody says of a project or a user beyond what identity knows: kept and shown, and nothing follows from it.

Pure. Used by the edge, which must be able to send it on, and by `draft.py`. As Keystone has it, such fields stand
beside the others; here a null takes one away.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from actors.errors import CallerFault, bad_request

NAMES_LIMIT = 64  # of one row
NAME_LIMIT = 255  # characters
TEXT_LIMIT = 65_535  # characters of all texts of one row
DEPTH_LIMIT = 8  # of lists and objects in each other
WHOLE_LIMIT = 2**63


def extra_fault(extra: Mapping[str, Any]) -> CallerFault | None:
    if len(extra) > NAMES_LIMIT or any(not 0 < len(name) <= NAME_LIMIT for name in extra):
        return bad_request("", f"a row has at most {NAMES_LIMIT} fields of its owner's own, of {NAME_LIMIT} characters")
    try:
        length = sum(_length(name, 0) + _length(value, 0) for name, value in extra.items())
    except ValueError as error:
        return bad_request("", str(error))
    return bad_request("", f"fields of one's own have at most {TEXT_LIMIT} characters") if length > TEXT_LIMIT else None


def _length(value: Any, depth: int) -> int:
    """Characters of texts in it, and one for each other thing. Raises ValueError for what can't be kept."""
    if depth > DEPTH_LIMIT:
        raise ValueError(f"lists and objects are at most {DEPTH_LIMIT} in each other")
    match value:
        case None | bool():
            return 1
        case str():
            if "\0" in value or value.encode(errors="replace").decode() != value:
                raise ValueError("a text has a character that can't be kept")
            return len(value) + 1
        case int() if -WHOLE_LIMIT <= value < WHOLE_LIMIT:
            return 1
        case float() if math.isfinite(value):
            return 1
        case list() | tuple():
            return 1 + sum(_length(one, depth + 1) for one in value)
        case dict():
            return 1 + sum(_length(name, depth + 1) + _length(one, depth + 1) for name, one in value.items())
    raise ValueError("a number is too big to be kept")
