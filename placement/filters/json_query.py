"""JsonFilter: the hint `query`, a small language of lists: ["and", [">=", "$free_ram_mb", 1024], ["=", "$host", "a"]].

"$name" is what the host tells of itself, by the names of `capabilities.py`; "$stats.x" goes deeper. Oddities are
Nova's: what a host does not tell is dropped from the arguments; a comparison of fewer than two is false; "not" gives a
list, which inside "and" and "or" counts as true unless empty, and at the top is true if any of it is. What Nova's own
filter chokes on raises `BadRequest`.
"""

from __future__ import annotations

import json
import operator
from collections.abc import Callable
from typing import Any

from placement.errors import BadRequest
from placement.filters.capabilities import told
from placement.fleet import Fleet
from placement.request import Shape

QUERY = "query"
DEPTH_LIMIT = 64  # of nested lists


def _each(compare: Callable[[Any, Any], Any]) -> Callable[[list[Any]], bool]:
    """The first argument compared with every other."""

    def command(arguments: list[Any]) -> bool:
        if len(arguments) < 2:
            return False
        return all([bool(compare(arguments[0], other)) for other in arguments[1:]])  # noqa: C419 all are compared

    return command


COMMANDS: dict[str, Callable[[list[Any]], Any]] = {
    "=": _each(operator.eq),
    "<": _each(operator.lt),
    ">": _each(operator.gt),
    "<=": _each(operator.le),
    ">=": _each(operator.ge),
    "in": lambda arguments: len(arguments) > 1 and arguments[0] in arguments[1:],
    "not": lambda arguments: [not argument for argument in arguments],
    "and": all,
    "or": any,
}


class JsonFilter:
    name = "JsonFilter"

    def asks(self, shape: Shape) -> bool:
        return bool(shape.asks.hint(QUERY))

    def judges(self, shape: Shape) -> Callable[[Fleet, int], bool]:
        text = shape.asks.hint(QUERY)
        try:
            query = json.loads(text)
        except ValueError:
            raise BadRequest(QUERY, f"{text!r} is not JSON") from None
        return lambda fleet, row: _true(_answer(query, fleet, row, 0))

    def wants(self, fleet: Fleet, shape: Shape, row: int) -> str:
        return f"the query is not true of it: {shape.asks.hint(QUERY)}"


def _true(result: Any) -> bool:
    return any(result) if isinstance(result, list) else bool(result)


def _answer(query: Any, fleet: Fleet, row: int, depth: int) -> Any:
    if not query:
        return True
    if depth > DEPTH_LIMIT:
        raise BadRequest(QUERY, f"more than {DEPTH_LIMIT} lists in each other")
    if not isinstance(query, list) or not isinstance(query[0], str) or query[0] not in COMMANDS:
        raise BadRequest(QUERY, f"{query!r} does not begin with one of {' '.join(COMMANDS)}")
    values = (_value(argument, fleet, row, depth) for argument in query[1:])
    arguments = [value for value in values if value is not None]
    try:
        return COMMANDS[query[0]](arguments)
    except TypeError:
        raise BadRequest(QUERY, f"{query[0]!r} cannot compare {arguments!r}") from None


def _value(argument: Any, fleet: Fleet, row: int, depth: int) -> Any:
    if isinstance(argument, list):
        return _answer(argument, fleet, row, depth + 1)
    if not isinstance(argument, str):
        return argument
    if not argument:
        return None
    return _variable(argument[1:], fleet, row) if argument.startswith("$") else argument


def _variable(path: str, fleet: Fleet, row: int) -> Any:
    first, *rest = path.split(".")
    value = _service(fleet, row) if first == "service" else told(fleet, row, first)
    for name in rest:
        if value is None:
            return None
        if not isinstance(value, dict):
            raise BadRequest(QUERY, f"${first} has no parts")
        value = value.get(name)
    return value


def _service(fleet: Fleet, row: int) -> dict[str, Any]:
    state = fleet.state(row)
    reason = state.disabled_reason or None
    return {"host": state.name, "disabled": not state.enabled, "disabled_reason": reason, "binary": "nova-compute"}
