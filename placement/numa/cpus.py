"""CPU lists as people write them: "0-3,^2,8"."""

from __future__ import annotations

from placement.errors import BadRequest

CPUS_LIMIT = 65_536  # a range beyond that is a mistake, not a machine


def cpu_set(text: str, field: str) -> frozenset[int]:
    """Numbers and ranges, less those after ^. Raises `BadRequest`."""
    wanted: set[int] = set()
    never: set[int] = set()
    for part in filter(None, (part.strip() for part in text.split(","))):
        if part.startswith("^"):
            never.add(_number(part[1:], text, field))
        elif "-" in part:
            first, _, last = part.partition("-")
            wanted.update(_range(_number(first, text, field), _number(last, text, field), text, field))
        else:
            wanted.add(_number(part, text, field))
    return frozenset(wanted - never)


def _range(first: int, last: int, text: str, field: str) -> range:
    if first > last or last - first > CPUS_LIMIT:
        raise BadRequest(field, f"{text!r} has a range that is empty or endless")
    return range(first, last + 1)


def _number(part: str, text: str, field: str) -> int:
    if not part.strip().isdecimal():
        raise BadRequest(field, f"{text!r} is not a list of CPUs such as 0-3,^2,8")
    return int(part)
