"""Which floating IPs lead to a server's interfaces, as the network room told last. Pure.

Held by the conductor, which writes. It shows them among a server's addresses; the network room alone decides of them.
What is told of an interface that is only being made is newer than what the end of that will bring, and laid over it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from actors.conductor.boots import Boot
from actors.messages import FloatingIps
from actors.vifs import Vif

Pairs = tuple[tuple[str, str], ...]
EARLY_LIMIT = 10_000  # ports of which is kept what was told early; the oldest goes


class FloatingShown:
    def __init__(self) -> None:
        self._early: dict[str, Pairs] = {}  # by port

    def hear(self, boots: Mapping[str, Boot], told: list[FloatingIps], whole: bool) -> list[Boot]:
        """Changes those boots whose interfaces have other ones than is shown, and says which; `whole`: a port of which
        nothing is told has none."""
        if whole:
            self._early.clear()
        for each in told:
            if each.instance_id in boots:
                self._keep(boots[each.instance_id], each)
        pairs = {each.port_id: each.floating_ips for each in told}
        named = (boots[each.instance_id] for each in told if each.instance_id in boots)
        concerned = boots.values() if whole else {boot.id: boot for boot in named}.values()
        return [boot for boot in concerned if _change(boot, pairs, whole)]

    def over(self, vifs: Iterable[Vif]) -> tuple[Vif, ...]:
        """Interfaces that have just been made, with what was told of them meanwhile."""
        if not self._early:
            return tuple(vifs)
        return tuple(_floating(vif, self._early.pop(vif.port_id, vif.floating_ips)) for vif in vifs)

    def _keep(self, boot: Boot, told: FloatingIps) -> None:
        self._early.pop(told.port_id, None)
        known = any(vif.port_id == told.port_id for vif in boot.instance.addresses)
        if boot.task or not known:
            self._early[told.port_id] = told.floating_ips
        while len(self._early) > EARLY_LIMIT:
            del self._early[next(iter(self._early))]


def _change(boot: Boot, pairs: dict[str, Pairs], whole: bool) -> bool:
    known = boot.instance.addresses
    now = tuple(_floating(vif, pairs.get(vif.port_id, () if whole else vif.floating_ips)) for vif in known)
    if now == known:
        return False
    boot.change(addresses=now)
    return True


def _floating(vif: Vif, pairs: Pairs) -> Vif:
    return vif if vif.floating_ips == pairs else replace(vif, floating_ips=pairs)
