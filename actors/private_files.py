"""Secrets that are made once, and kept in a file that only its owner reads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path


def kept(file: Path, made: Callable[[], str]) -> str:
    """What stands in it; what is `made` where it isn't there yet."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = file.with_suffix(".new")
        fresh.touch(mode=0o600)
        fresh.write_text(made())
        fresh.replace(file)
    return file.read_text().strip()
