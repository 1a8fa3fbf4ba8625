"""Who runs where, by what hosts tell of themselves.

Owned by `fleet.py`. Claims say where the fleet's own instances are; this is for those that only their hosts know.
"""

from __future__ import annotations

NOWHERE: frozenset[str] = frozenset()


class Residents:
    def __init__(self) -> None:
        self._of: dict[str, frozenset[str]] = {}  # host → instances
        self._hosts: dict[str, set[str]] = {}  # instance → hosts; two while it moves

    def hosts_of(self, instance_id: str) -> frozenset[str] | set[str]:
        return self._hosts.get(instance_id, NOWHERE)

    def set(self, host: str, instances: frozenset[str]) -> None:
        """These and no others run there."""
        before = self._of.pop(host, NOWHERE)
        if instances:
            self._of[host] = instances
        for instance_id in instances - before:
            self._hosts.setdefault(instance_id, set()).add(host)
        for instance_id in before - instances:
            hosts = self._hosts[instance_id]
            hosts.discard(host)
            if not hosts:
                del self._hosts[instance_id]
