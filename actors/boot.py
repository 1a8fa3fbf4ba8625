"""THE PAGE: the boot of a machine, every step in order, each with its undo. Nothing else stands here.

CONTROL runs in the conductor, where the database is; its step `build` hands the boot to the compute actor of the
chosen host, which runs NODE. The steps before (1-5, authentication) happen at the door: `actors/api/service.py`.
`flow` names the rows of BOOT_FLOW; `saga.py` runs the tables, over whole batches of boots.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.compute import steps as node
from actors.conductor import steps as control
from actors.saga import NoUndo, Step
from actors.states import Event

if TYPE_CHECKING:
    from actors.compute.build import Build
    from actors.compute.service import Compute
    from actors.conductor.boots import Boot
    from actors.conductor.service import Conductor

CONTROL: tuple[Step[Conductor, Boot], ...] = (
    Step("record", "6-7", control.record, NoUndo("an accepted boot is never forgotten: it ends ACTIVE or in ERROR")),
    Step("place", "8-11", control.place, control.release),
    Step("build", "12-13", control.hand_over, control.take_back),
)

NODE: tuple[Step[Compute, Build], ...] = (
    Step("claim", "13-18", node.check_claim, node.drop_claim),
    Step(
        "image",
        "19-21",
        node.fetch_image,
        NoUndo("the node's image cache is shared by all boots and kept on purpose"),
        deadline_s=600,
        awaited_by="root_disk",
    ),
    Step(
        "networks",
        "22-24, B1, C",
        node.allocate_networks,
        node.deallocate_networks,
        event=Event.NETWORKING,
        awaited_by="config_drive",
    ),
    Step("block_devices", "25-27, B2", node.attach_block_devices, node.detach_block_devices, 300, Event.MAPPING),
    Step("config_drive", "28, B3", node.write_config_drive, node.remove_config_drive, event=Event.SPAWNING),
    Step("root_disk", "28, B3", node.make_root_disk, node.remove_root_disk, deadline_s=300),
    Step("ephemeral_disks", "28, B3", node.make_ephemeral_disks, node.remove_ephemeral_disks),
    Step("expect_plugged", "28, B3", node.expect_plugged, node.stop_expecting),
    Step("plug_vifs", "28, B3, D", node.plug_vifs, node.unplug_vifs),
    Step("define", "28, B3", node.define_guest, node.undefine_guest),
    Step("start_paused", "28, B3", node.start_paused, node.stop_guest),
    Step("await_plugged", "28, D", node.await_plugged, NoUndo("waiting leaves nothing"), deadline_s=330),
    Step("resume", "28, B3", node.resume_guest, NoUndo("stopping the guest undoes its running")),
    Step("await_running", "28, B3", node.await_running, NoUndo("waiting leaves nothing")),
)
