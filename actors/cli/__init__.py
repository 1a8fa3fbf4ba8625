"""The console script `novaray`."""

from __future__ import annotations


def main() -> None:
    from actors.cli.app import run

    run()
