"""Neutron's own kind of check: `field:networks:shared=True` asks what a field of the row is that a request is about.

oslo.policy makes a check of an expression's part by the word before its first colon; `policy.py` tells it of this one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from oslo_policy.policy import Check


class FieldCheck(Check):  # type: ignore[misc]  # the library's classes are untyped
    """Its `match` is what follows the colon: `networks:shared=True`."""

    def __call__(self, target: Mapping[str, Any], credentials: object, enforcer: object) -> bool:
        name, _, value = str(self.match).partition("=")
        return name in target and str(target[name]) == value
