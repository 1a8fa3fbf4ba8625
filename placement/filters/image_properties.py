"""ImagePropertiesFilter: the host can run a guest of the image's architecture, hypervisor type and vm mode.

One of the host's (architecture, hypervisor type, vm mode) must hold all that is asked, each in its place, and the
hypervisor's version must meet img_hv_requested_version. Nova is laxer in both; `nova.py` has its reading.
"""

from __future__ import annotations

import operator
import re
from typing import TypeAlias

from placement.errors import BadRequest
from placement.image import CANONICAL
from placement.request import Shape

Guests: TypeAlias = tuple[tuple[tuple[str, str, str], ...], int]
"""What a host supports, and its hypervisor's version."""

VERSION_KEY = "img_hv_requested_version"
ASKED_KEYS = (("hw_architecture", "architecture"), ("img_hv_type", "hypervisor_type"), ("hw_vm_mode", "vm_mode"))
"""Property names of architecture, hypervisor type and vm mode: the present one, and the one before it."""

READ_PROPERTIES = frozenset((*(key for keys in ASKED_KEYS for key in keys), VERSION_KEY))
"""The image properties that decide anything here."""

COMPARISONS = {
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    ">": operator.gt,
}
COMPARISON = re.compile(r"\s*(<=|>=|==|!=|<|>)\s*(\d+(?:\.\d+)*)\s*")


class ImagePropertiesFilter:
    name = "ImagePropertiesFilter"
    facet = "guests"

    def asks(self, shape: Shape) -> bool:
        return any(asked_guest(shape)) or bool(_property(shape, VERSION_KEY))

    def admits(self, fact: Guests, shape: Shape) -> bool:
        supported, version = fact
        asked = asked_guest(shape)
        runs = not any(asked) or any(_in_place(asked, guest) for guest in supported)
        return runs and version_fits(version, _property(shape, VERSION_KEY))

    def wants(self, fact: Guests, shape: Shape) -> str:
        wanted = "/".join(word or "any" for word in asked_guest(shape))
        version = _property(shape, VERSION_KEY)
        return f"it cannot run {wanted}" + (f" on a hypervisor {version}" if version else "")


def asked_guest(shape: Shape) -> tuple[str, str, str]:
    """(architecture, hypervisor type, vm mode) in canonical words; '' where nothing is asked."""
    if not shape.image_properties:
        return ("", "", "")
    properties = dict(shape.image_properties)
    words = []
    for (now, earlier), canonical in zip(ASKED_KEYS, CANONICAL, strict=True):
        word = (properties.get(now) or properties.get(earlier) or "").lower()
        words.append(canonical.get(word, word))
    return (words[0], words[1], words[2])


def version_fits(version: int, predicate: str) -> bool:
    """Whether a version (a*1_000_000 + b*1_000 + c; 0 = not known, not checked) meets ">=6.0,<7"."""
    if not version or not predicate:
        return True
    have = (version // 1_000_000, version // 1_000 % 1_000, version % 1_000)
    comparisons = [_comparison(text) for text in predicate.split(",")]
    return all(COMPARISONS[sign](have, wanted) for sign, wanted in comparisons)


def _comparison(text: str) -> tuple[str, tuple[int, ...]]:
    match = COMPARISON.fullmatch(text)
    if match is None:
        raise BadRequest(VERSION_KEY, f"{text!r} is not a comparison with a version, such as >=6.0")
    numbers = [int(number) for number in match[2].split(".")]
    return match[1], tuple(numbers + [0] * (3 - len(numbers)))


def _in_place(asked: tuple[str, str, str], guest: tuple[str, str, str]) -> bool:
    return all(not word or word == has.lower() for word, has in zip(asked, guest, strict=True))


def _property(shape: Shape, key: str) -> str:
    return next((value for name, value in shape.image_properties if name == key), "")
