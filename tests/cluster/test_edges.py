"""Which nodes get a REST edge of their own, as nodes come, go and come back."""

from __future__ import annotations

from actors.cluster import names
from actors.cluster.edges import Edges


class Actors:
    """Those that there are, by name → the node's id at their start."""

    def __init__(self) -> None:
        self.there: dict[str, str] = {}
        self.edges = self.supervised()

    def supervised(self) -> Edges:
        return Edges(self._start, lambda name: self.there.pop(name, None), self.there.__contains__)

    def _start(self, node: str, node_id: str) -> None:
        self.there[names.edge_name(node)] = node_id

    def see(self, **alive: str) -> dict[str, str]:
        self.edges.look(alive)
        self.edges.check()
        return self.there


def test_a_node_that_comes_gets_one_and_loses_it_when_it_leaves() -> None:
    actors = Actors()
    assert actors.see() == {}
    assert actors.see(a="1") == {"edge@a": "1"}
    assert actors.see(a="1", b="2") == {"edge@a": "1", "edge@b": "2"}
    assert actors.see(b="2") == {"edge@b": "2"}


def test_one_that_is_bound_to_an_earlier_life_of_its_node_is_started_anew() -> None:
    actors = Actors()
    actors.see(a="1")
    assert actors.see(a="2") == {"edge@a": "2"}


def test_one_whose_start_failed_is_started_again() -> None:
    actors = Actors()
    actors.see(a="1")
    actors.there.clear()
    assert actors.see(a="1") == {"edge@a": "1"}


def test_a_supervisor_that_starts_again_leaves_what_serves() -> None:
    actors = Actors()
    actors.see(a="1")
    actors.there["edge@a"] = "as it was"
    actors.edges = actors.supervised()
    assert actors.see(a="1") == {"edge@a": "as it was"}
