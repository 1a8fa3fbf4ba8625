"""Runs `nft` in the network namespace of the calling thread. Used by `linux.py` and `router.py`; the rest is pure."""

from __future__ import annotations

import json
import subprocess

from actors.network.nftables import TABLE, Json

DEADLINE_S = 30.0


def load(document: Json) -> None:
    """One transaction: all of it or nothing. Raises `OSError` with what nft said, or `SubprocessError`."""
    done = subprocess.run(
        ["nft", "-j", "-f", "-"],
        input=json.dumps(document),
        text=True,
        capture_output=True,
        timeout=DEADLINE_S,
        check=False,
    )
    if done.returncode:
        raise OSError(done.stderr.strip() or f"exit code {done.returncode}")


def tables() -> list[str]:
    """One line for each table, as `table inet novaray`."""
    done = subprocess.run(["nft", "list", "tables"], text=True, capture_output=True, timeout=DEADLINE_S, check=True)
    return done.stdout.splitlines()


def pairs(family: str, name: str) -> list[tuple[str, str]]:
    """What is in a map of our table; nothing where there is no such map."""
    done = subprocess.run(
        ["nft", "-j", "list", "map", family, TABLE, name],
        text=True,
        capture_output=True,
        timeout=DEADLINE_S,
        check=False,
    )
    if done.returncode:
        return []
    found = [each["map"] for each in json.loads(done.stdout)["nftables"] if "map" in each]
    return [(key, value) for each in found for key, value in each.get("elem", ())]
