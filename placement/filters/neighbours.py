"""Filters by who runs on a host already: SameHostFilter, DifferentHostFilter and the two server-group filters."""

from __future__ import annotations

from placement.filters.form import Narrowing
from placement.fleet import Fleet
from placement.request import Request


class SameHostFilter:
    """A host of any of the named instances: Nova is content with one of them."""

    name = "SameHostFilter"

    def narrow(self, fleet: Fleet, request: Request) -> Narrowing | None:
        if not request.same_host:
            return None
        return Narrowing(only=frozenset(fleet.rows_of(fleet.hosts_of(request.same_host))))

    def wants(self, request: Request) -> str:
        return "it has none of the instances of the hint same_host"


class DifferentHostFilter:
    """Not a host of any of the named instances."""

    name = "DifferentHostFilter"

    def narrow(self, fleet: Fleet, request: Request) -> Narrowing | None:
        if not request.different_host:
            return None
        return Narrowing(never=frozenset(fleet.rows_of(fleet.hosts_of(request.different_host))))

    def wants(self, request: Request) -> str:
        return "it has an instance of the hint different_host"


class ServerGroupAffinityFilter:
    """Where the group's members are; the first member may go anywhere."""

    name = "ServerGroupAffinityFilter"

    def narrow(self, fleet: Fleet, request: Request) -> Narrowing | None:
        group = request.group
        if group is None or group.policy != "affinity":
            return None
        hosts = {*group.hosts, *fleet.group_hosts(group.id)}
        return Narrowing(only=frozenset(fleet.rows_of(hosts))) if hosts else None

    def wants(self, request: Request) -> str:
        return "it has no member of the server group"


class ServerGroupAntiAffinityFilter:
    """Not where the group already has as many members as its rule allows on one host. Where the instance is, it may
    stay."""

    name = "ServerGroupAntiAffinityFilter"

    def narrow(self, fleet: Fleet, request: Request) -> Narrowing | None:
        group = request.group
        if group is None or group.policy != "anti-affinity":
            return None
        members = fleet.members_by_host(group)
        full = {host for host, count in members.items() if count >= group.max_server_per_host}
        return Narrowing(never=frozenset(fleet.rows_of(full - fleet.hosts_of((request.instance_id,)))))

    def wants(self, request: Request) -> str:
        return "it has enough members of the server group"
