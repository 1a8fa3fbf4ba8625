"""The comparison language of extra specs: "<in> avx", ">= 5", "s!= 2.3", "<or> a <or> b".

Meanings are Nova's (documented under "Flavors: extra specs"): without a known operator the texts must be equal; "="
means at least; "<in>" and "<all-in>" look for pieces of text; a numeric operator that meets a text is a wrong request,
not a host that does not fit.
"""

from __future__ import annotations

import operator
from collections.abc import Callable

from placement.errors import BadRequest

NUMERIC: dict[str, Callable[[float, float], bool]] = {
    "=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    "<=": operator.le,
}
TEXTUAL: dict[str, Callable[[str, str], bool]] = {
    "s==": operator.eq,
    "s!=": operator.ne,
    "s>=": operator.ge,
    "s>": operator.gt,
    "s<=": operator.le,
    "s<": operator.lt,
    "<in>": lambda value, wanted: wanted in value,
}
ALL_IN, OR = "<all-in>", "<or>"


def matches(value: str, wanted: str, key: str = "") -> bool:
    """Whether a host's value meets what is wanted; `key` names the extra spec in a refusal."""
    sign, *words = wanted.split() or [""]
    if sign == OR:
        return _any_of(value, words, key)
    if sign == ALL_IN:
        return bool(words) and all(word in value for word in words)
    if sign in NUMERIC:
        return bool(words) and NUMERIC[sign](_number(value, key), _number(words[0], key))
    if sign in TEXTUAL:
        return bool(words) and TEXTUAL[sign](value, words[0])
    return value == wanted


def _any_of(value: str, words: list[str], key: str) -> bool:
    """Every second word is an alternative; those between are the repeated operator."""
    if not words:
        raise BadRequest(key, f"{OR} needs alternatives")
    return value in words[::2]


def _number(text: str, key: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise BadRequest(key, f"{text!r} cannot be compared as a number") from None
