"""Subnet pools: checked as Neutron does, and the cidrs that subnets get from them. Pure.

Called by `define.py` (subnets) and `editing.py` (pools). Invariant: no two subnets of a pool overlap, and each lies in
one of the pool's prefixes.
"""

from __future__ import annotations

import random
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network

from msgspec.structs import replace

from actors.errors import CallerError, bad_request, conflict
from actors.ids import random_id
from actors.messages import AuthContext
from actors.network import access
from actors.network.ipam import Cidr, parsed_cidr, version_of
from actors.network.messages import CreateSubnetPool, UpdateSubnetPool
from actors.network.rows import Rows
from actors.records import SubnetPool

SMALLEST_PREFIX = {4: 8, 6: 64}  # as Neutron's defaults, by IP version
LARGEST_PREFIX = {4: 30, 6: 126}  # what a subnet may have
QUOTA_UNIT = {4: 32, 6: 64}  # the prefix length of what a quota counts
PREFIXES_LIMIT = 64  # of one pool
KNOWN_LIMIT = 1 << 14  # cidrs of subnets that are not read anew


def pool_from(request: CreateSubnetPool, context: AuthContext, rows: Rows, random: random.Random) -> SubnetPool:
    if request.shared:
        access.check_admin(context, "shared", "share a subnet pool")
    prefixes = _prefixes(request.prefixes)
    version = version_of(prefixes[0])
    smallest = request.min_prefixlen or SMALLEST_PREFIX[version]
    pool = SubnetPool(
        id=random_id(random),
        name=request.name,
        project_id=access.check_project(context, request.project_id),
        prefixes=prefixes,
        min_prefixlen=smallest,
        default_prefixlen=request.default_prefixlen or smallest,
        max_prefixlen=request.max_prefixlen or LARGEST_PREFIX[version],
        shared=request.shared,
        is_default=request.is_default,
        default_quota=request.default_quota,
        description=request.description,
    )
    return _checked(pool, context, rows)


def pool_changed(request: UpdateSubnetPool, context: AuthContext, pool: SubnetPool, rows: Rows) -> SubnetPool:
    access.check_owner(context, pool, "subnet pool")
    prefixes = None if request.prefixes is None else _prefixes(request.prefixes)
    if prefixes is not None and not all(_within(ip_network(old), prefixes) for old in pool.prefixes):
        text = f"Illegal subnetpool update : existing prefixes {', '.join(pool.prefixes)} must stay"
        raise CallerError(bad_request("prefixes", text, "IllegalSubnetPoolUpdate"))
    given = {
        "name": request.name,
        "description": request.description,
        "prefixes": prefixes,
        "default_prefixlen": request.default_prefixlen,
        "min_prefixlen": request.min_prefixlen,
        "max_prefixlen": request.max_prefixlen,
        "is_default": request.is_default,
        "default_quota": request.default_quota,
    }
    changed = replace(pool, **{field: value for field, value in given.items() if value is not None})
    return _checked(changed, context, rows)


def cidr_from(pool: SubnetPool, rows: Rows, prefixlen: int, cidr: str) -> str:
    """The cidr asked for, if it is the pool's and free, or the next free one of that length."""
    held = [_known(subnet.cidr) for subnet in rows.subnets.values() if subnet.subnetpool_id == pool.id]
    if cidr:
        return str(_asked(pool, held, cidr))
    length = prefixlen or pool.default_prefixlen
    _check_length(pool, length)
    for prefix in map(ip_network, pool.prefixes):
        if length >= prefix.prefixlen and (found := _first_free(prefix, length, held)):
            return found
    why = f"Failed to allocate subnet: Insufficient prefix space to allocate subnet size /{length}."
    raise CallerError(conflict("subnetpool_id", why, "SubnetAllocationError"))


@lru_cache(maxsize=KNOWN_LIMIT)
def _known(cidr: str) -> Cidr:
    """Of a subnet. Each that takes from a pool looks at all that the pool has."""
    return ip_network(cidr)


def _first_free(prefix: Cidr, length: int, held: list[Cidr]) -> str:
    """The first cidr of that length in the prefix that overlaps none of these; '' where there is none. One step for
    each of them, however large they are."""
    size = 1 << (prefix.max_prefixlen - length)
    begin = int(prefix.network_address)
    for first, last in sorted((int(one.network_address), int(one.broadcast_address)) for one in held):
        if begin + size <= first:
            break
        if last >= begin:
            begin = (last // size + 1) * size
    fits = begin + size - 1 <= int(prefix.broadcast_address)
    return f"{type(prefix.network_address)(begin)}/{length}" if fits else ""


def check_quota(pool: SubnetPool, rows: Rows, project_id: str, cidr: Cidr) -> None:
    """Of what the project has of the pool already and this. As in Neutron a quota of 0 holds nobody back."""
    held = [
        _known(subnet.cidr)
        for subnet in rows.subnets.values()
        if (subnet.subnetpool_id, subnet.project_id) == (pool.id, project_id)
    ]
    addresses = pool.default_quota << (cidr.max_prefixlen - QUOTA_UNIT[cidr.version])
    if 0 < addresses < sum(one.num_addresses for one in (*held, cidr)):
        text = "Per-tenant subnet pool prefix quota exceeded."
        raise CallerError(conflict("subnetpool_id", text, "SubnetPoolQuotaExceeded"))


def _asked(pool: SubnetPool, held: list[Cidr], text: str) -> Cidr:
    cidr = _network(text, "cidr")
    _check_length(pool, cidr.prefixlen)
    if not _within(cidr, pool.prefixes) or any(cidr.overlaps(other) for other in held):
        why = f"Failed to allocate subnet: Cannot allocate requested subnet {cidr} from the available set of prefixes."
        raise CallerError(conflict("cidr", why, "SubnetAllocationError"))
    return cidr


def _check_length(pool: SubnetPool, length: int) -> None:
    if not pool.min_prefixlen <= length <= pool.max_prefixlen:
        kind = "MinPrefixSubnetAllocationError" if length < pool.min_prefixlen else "MaxPrefixSubnetAllocationError"
        text = f"a prefix length of {length} is not between {pool.min_prefixlen} and {pool.max_prefixlen}, the pool's"
        raise CallerError(bad_request("prefixlen", text, kind))


def _checked(pool: SubnetPool, context: AuthContext, rows: Rows) -> SubnetPool:
    lengths = pool.min_prefixlen, pool.default_prefixlen, pool.max_prefixlen
    largest = LARGEST_PREFIX[version_of(pool.prefixes[0])]
    if not 1 <= lengths[0] <= lengths[1] <= lengths[2] <= largest:
        text = f"1 <= min {lengths[0]} <= default {lengths[1]} <= max {lengths[2]} <= {largest} does not hold"
        raise CallerError(bad_request("default_prefixlen", text, "IllegalSubnetPoolPrefixBounds"))
    if pool.is_default:
        access.check_admin(context, "is_default", "make a subnet pool the default one")
        version = version_of(pool.prefixes[0])
        others = (other for other in rows.pools.values() if other.is_default and other.id != pool.id)
        if any(version_of(other.prefixes[0]) == version for other in others):
            raise CallerError(conflict("is_default", "another subnet pool is the default one", "InvalidInput"))
    return pool


def _prefixes(asked: tuple[str, ...]) -> tuple[str, ...]:
    if not 1 <= len(asked) <= PREFIXES_LIMIT:
        raise CallerError(bad_request("prefixes", f"a subnet pool has 1 to {PREFIXES_LIMIT} prefixes"))
    networks = [_network(text, f"prefixes[{index}]") for index, text in enumerate(asked)]
    fours = [network for network in networks if isinstance(network, IPv4Network)]
    sixes = [network for network in networks if isinstance(network, IPv6Network)]
    if fours and sixes:
        text = "Illegal prefix: a subnet pool has prefixes of one IP version."
        raise CallerError(bad_request("prefixes", text, "PrefixVersionMismatch"))
    return tuple(str(network) for network in (*collapse_addresses(fours), *collapse_addresses(sixes)))


def _within(cidr: Cidr, prefixes: tuple[str, ...]) -> bool:
    """Of the same version, as all of a pool's are."""
    return any(
        cidr.prefixlen >= (prefix := ip_network(text)).prefixlen
        and cidr.version == prefix.version
        and cidr.network_address in prefix
        for text in prefixes
    )


def _network(text: str, where: str) -> Cidr:
    try:
        return parsed_cidr(text, strict=False)
    except ValueError:
        raise CallerError(bad_request(where, f"{text!r} is not an IP network")) from None
