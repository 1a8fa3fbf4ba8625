"""Traits: what a host must be able to do, and must not (`trait:HW_CPU_X86_AVX2=required` in a flavor or an image)."""

from __future__ import annotations

from placement.request import Shape


class TraitsFilter:
    name = "Traits"
    facet = "traits"

    def asks(self, shape: Shape) -> bool:
        return bool(shape.asks.required_traits or shape.asks.forbidden_traits)

    def admits(self, fact: frozenset[str], shape: Shape) -> bool:
        demands = shape.asks
        return demands.required_traits <= fact and not demands.forbidden_traits & fact

    def wants(self, fact: frozenset[str], shape: Shape) -> str:
        demands = shape.asks
        lacking = [f"it lacks {trait}" for trait in sorted(demands.required_traits - fact)]
        return " and ".join(lacking + [f"it has {trait}" for trait in sorted(demands.forbidden_traits & fact)])
