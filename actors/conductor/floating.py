"""Which floating IPs lead to a server's interfaces, as the network room told last. Pure.

Asked by the conductor, which writes. It shows them among a server's addresses; the network room alone decides of them.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from actors.conductor.boots import Boot
from actors.messages import FloatingIps
from actors.vifs import Vif

Pairs = tuple[tuple[str, str], ...]


def by_port(told: Iterable[FloatingIps]) -> dict[str, Pairs]:
    return {each.port_id: each.floating_ips for each in told}


def refloated(boots: Iterable[Boot], pairs: dict[str, Pairs], whole: bool) -> list[Boot]:
    """Changes those boots whose interfaces have other ones than is shown, and says which; `whole`: a port of which
    nothing is told has none."""
    return [boot for boot in boots if _change(boot, pairs, whole)]


def _change(boot: Boot, pairs: dict[str, Pairs], whole: bool) -> bool:
    known = boot.instance.addresses
    now = tuple(_floating(vif, pairs.get(vif.port_id, () if whole else vif.floating_ips)) for vif in known)
    if now == known:
        return False
    boot.change(addresses=now)
    return True


def _floating(vif: Vif, pairs: Pairs) -> Vif:
    return vif if vif.floating_ips == pairs else replace(vif, floating_ips=pairs)
