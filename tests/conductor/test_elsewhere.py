"""Which servers have anything on other hosts, which each hello of a compute actor asks of all of them."""

from __future__ import annotations

from pathlib import Path

import msgspec

from actors.conductor.boots import Boot
from actors.messages import Hello, KeptPlace
from tests.world import NODE_NAME, World, in_world

THERE = KeptPlace(host="h2", node="n2", claim_id="c")


def boot_of(world: World, server_id: str) -> Boot:
    boot = world.conductor.boot(server_id)
    assert boot is not None
    return boot


def test_what_is_asked_anew_or_taken_back_is_known(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        boot = boot_of(world, server.id)
        was, template = boot.instance, boot.template
        assert (boot.elsewhere, boot.kept_claims("n2")) == (False, [])
        boot.ask_anew(left_behind=(THERE,))
        assert boot.elsewhere and [claim.host for claim in boot.kept_claims("n2")] == ["h2"]
        boot.change(order=was.order)
        boot.template = template
        assert (boot.elsewhere, boot.kept_claims("n2")) == (False, [])

    in_world(tmp_path, play)


def test_a_hello_reads_no_order_of_a_server_of_another_node_again(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        boot = boot_of(world, server.id)
        await world.conductor.hello(Hello(node="n2", hosts=("h2",)))
        readable = boot.instance
        boot.instance = msgspec.structs.replace(readable, order=b"nobody can read this")
        welcome = await world.conductor.hello(Hello(node="n2", hosts=("h2",)))
        boot.instance = readable
        assert (welcome.running, welcome.kept, boot.instance.node) == ((), (), NODE_NAME)

    in_world(tmp_path, play)
