"""What a server's order says while it goes to another host, or waits there, and what its hosts are told then. Pure.

Called by `migrating.py`, and where that is accepted. Invariant: the flavor of the order is the one that the server has
on the host where its row says that it is; where it has another one on its other host, `Moving.other` is that.
"""

from __future__ import annotations

from msgspec.structs import replace

from actors.acts import ActOrder, Arrive, Leave, Migrate, Resize, Return
from actors.conductor import moved
from actors.conductor.attached import with_named_volumes
from actors.conductor.boots import Boot
from actors.conductor.moves import move_of
from actors.messages import KeptPlace, Moving, Placed

Goes = Migrate | Resize


def set_out(boot: Boot, act: Goes, act_id: str, why: str = "") -> None:
    """It goes, until that is over; its volumes have the names that they have.

    `why`: of one that is resized, its own host has no room.
    """
    row = boot.instance
    moving = Moving(
        act_id=act_id,
        claim_id=move_of(act_id),
        host=row.host,
        node=row.node,
        zone=row.availability_zone,
        to=act.to if isinstance(act, Migrate) else "",
        stopped=act.stopped,
        why=why,
    )
    boot.ask_anew(moving=moving, block_devices=with_named_volumes(boot.spec(), boot.id))


def goes_to(boot: Boot, placed: Placed) -> None:
    """There is room: one that is resized is to have there what it was asked to become."""
    moving, resized = moving_of(boot), boot.spec().resized
    there = {"target_host": placed.host, "target_node": placed.node, "target_zone": placed.zone}
    moving = replace(moving, other=resized.to if resized else None, why="", **there)
    boot.ask_anew(moving=moving, resized=replace(resized, to=None) if resized else None)


def other_flavor(boot: Boot) -> None:
    """It is on the other of its two hosts from now on."""
    spec, moving = boot.spec(), moving_of(boot)
    if moving.other is not None:
        boot.ask_anew(flavor=moving.other, moving=replace(moving, other=spec.flavor))


def moving_of(boot: Boot) -> Moving:
    moving = boot.spec().moving
    assert moving is not None, "it goes to another host, or is there"
    return moving


def source_of(moving: Moving) -> KeptPlace:
    return KeptPlace(host=moving.host, node=moving.node, claim_id=moving.claim_id)


def target_of(moving: Moving) -> KeptPlace:
    return KeptPlace(host=moving.target_host, node=moving.target_node, claim_id=moving.claim_id)


def order_of(boot: Boot, place: KeptPlace, act: Leave | Arrive | Return, by: int) -> ActOrder:
    """With the ports and volumes that it has, to be asked for on that host."""
    row = boot.instance
    return ActOrder(
        id=f"{moving_of(boot).act_id}:{type(act).__name__}:{row.attempt}",
        instance_id=boot.id,
        attempt=row.attempt,
        host=place.host,
        spec=moved.with_what_it_has(boot),
        vifs=row.addresses,
        act=act,
        claim=replace(boot.claim(), host=place.host),
        by=by,
    )
