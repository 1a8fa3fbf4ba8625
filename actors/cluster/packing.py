"""Lists of messages on the wire between actors: one msgpack text for each run of a kind, instead of a pickle of each.

Used by `shell.py` for what is asked of a room and what it answers. Ray pickles every
argument and every reply, and pickling a struct takes five times as long as encoding it. A packed list is a list like
any other for whoever holds it; it arrives as a plain one.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import groupby
from typing import Any

import msgspec

Runs = tuple[tuple[Any, bytes], ...]  # of each run its kind, a type that msgspec knows, and its items

PLAIN = (str, int, float, bool, type(None))


class PackedList(list[Any]):
    """Structs of module-level classes, tuples of one kind of them, or plain values."""

    def __reduce_ex__(self, protocol: object) -> tuple[Callable[..., list[Any]], tuple[Any]]:
        runs = _runs(self)
        return (list, (list(self),)) if runs is None else (_unpack, (runs,))


def packed(value: Any) -> Any:
    """Lists are packed, anything else goes as it is."""
    return PackedList(value) if type(value) is list else value


def _runs(items: list[Any]) -> Runs | None:
    """None for what msgpack can't hold: other classes, a lone surrogate, a number of more than 64 bits."""
    try:
        return tuple((kind, _encoder.encode(list(run))) for kind, run in groupby(items, _kind))
    except (LookupError, UnicodeEncodeError, OverflowError, TypeError):
        return None


def _kind(item: Any) -> Any:
    kind: Any = type(item)
    if issubclass(kind, msgspec.Struct) or kind in PLAIN:
        return kind
    if kind is tuple and item and isinstance(item[0], msgspec.Struct):
        first: Any = type(item[0])
        return _tuple_of(first)
    raise LookupError(kind)


@cache
def _tuple_of(kind: Any) -> Any:
    return tuple[kind, ...]


def _unpack(runs: Runs) -> list[Any]:
    return [item for kind, data in runs for item in _decoder(kind).decode(data)]


@cache
def _decoder(kind: Any) -> msgspec.msgpack.Decoder[list[Any]]:
    return msgspec.msgpack.Decoder(list[kind])


_encoder = msgspec.msgpack.Encoder()
