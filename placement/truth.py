"""Booleans as people write them in extra specs, image properties and tags: "yes", "True", "1". All else is false."""

from __future__ import annotations

TRUE_WORDS = frozenset({"1", "t", "true", "on", "y", "yes"})


def is_true(text: str) -> bool:
    return text.strip().lower() in TRUE_WORDS
