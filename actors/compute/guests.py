"""What hypervisor drivers do with guests that have been built: `libvirt/guests.py` with real ones, and the simulated.

Called by the compute room's acts, one act of a guest at a time. Every method may run twice: what is so already is left
as it is. What a host can't do is raised as `HostError`, what its caller asked wrongly as `CallerError`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from actors.compute.build import Build, Disk, ResizeMark
from actors.messages import BootSpec, Claim, DiskOffer, Vif
from actors.records import Flavor
from actors.states import Power

NOT_WHOLE = "its disks have not all come"


class Guests(Protocol):
    forgetful: bool
    """Whether there may be guests that are not known: those of a simulated host outlive its actor's process, as real
    ones do, and are what their servers say they are."""

    def watch(self, changed: Callable[[str], None]) -> None:
        """Call this, on the event loop, with the instance id of each guest whose state may have changed."""

    async def powers(self) -> dict[str, Power]:
        """Of every guest that is here."""

    async def power(self, instance_id: str) -> Power | None:
        """None: there is no such guest, or nobody can tell now."""

    async def shut_down(self, instance_id: str, wait_s: float, hurry: asyncio.Event) -> None:
        """Ask it to shut down; when `wait_s` is over, or at a `hurry`, switch it off."""

    async def switch_off(self, instance_id: str) -> None: ...

    async def start_paused(self, instance_id: str) -> None:
        """From its definition, as it is now; taps that it lacks must be there."""

    async def plug(self, instance_id: str, vifs: tuple[Vif, ...], spec: BootSpec) -> list[str]:
        """Make the taps that are not there; the ports of those that were made."""

    async def unplug(self, instance_id: str, vif: Vif) -> None: ...

    async def pause(self, instance_id: str) -> None: ...
    async def unpause(self, instance_id: str) -> None: ...

    async def suspend(self, instance_id: str) -> None:
        """Its memory goes to disk."""

    async def attach_disk(self, instance_id: str, disk: Disk, spec: BootSpec) -> None:
        """Also to its definition, so that it has it after a reboot."""

    async def detach_disk(self, instance_id: str, volume_id: str) -> None:
        """Returns when the guest has let go of it."""

    async def attach_interface(self, instance_id: str, vif: Vif, spec: BootSpec) -> None: ...
    async def detach_interface(self, instance_id: str, mac_address: str) -> None: ...

    async def check_disks(self, build: Build) -> None:
        """Of one that is to be defined of disks that are here: raises `HostError` where one is not. Its config drive is
        made of its order."""

    async def rescue(self, build: Build, act_id: str) -> None:
        """Of a guest that is off: make a disk of `build.image` and define the guest to boot from it."""

    async def rescued_by(self, instance_id: str) -> str:
        """The act by which it is defined to boot from a rescue disk; '' = it boots from its own."""

    async def unrescue(self, instance_id: str) -> None:
        """Of a guest that is off: define it as it was before; what is left of a rescue goes."""

    async def resized(self, instance_id: str) -> ResizeMark | None:
        """Of a guest that may be what it was before its resize again."""

    async def is_of(self, instance_id: str, flavor: Flavor) -> bool:
        """Whether there is such a guest, and it is defined by this flavor."""

    async def check_sizes(self, build: Build) -> None:
        """Raises `CallerError` where a disk that it has would have to shrink, `HostError` where copies have no room."""

    async def check_fit(self, build: Build) -> None:
        """Raises `CallerError` where a disk that it has would have to shrink."""

    async def keep_disks(self, instance_id: str, mark: ResizeMark, hurry: asyncio.Event) -> None:
        """Of a guest that is off: a copy of each of its disks beside it, unless one was made for this resize."""

    async def fit(self, build: Build, before: BootSpec) -> None:
        """Of a guest that is off: disks grow; swap, and taps of another kind, are to be made anew. Raises `CallerError`
        where a disk would have to shrink."""

    async def unresize(self, instance_id: str, mark: ResizeMark | None, keep: bool = False) -> None:
        """Of a guest that is off and has this mark: its disks are their copies, and its definition is the one before
        its resize, with the volumes and ports that it has now. One that has another mark, or none, is left alone.
        `keep`: the disks that it has stay with what it wrote, grown or not."""

    async def has_copies(self, before: Build) -> bool:
        """Whether the disks of what it was before its resize are there, as their copies."""

    async def confirm_resize(self, instance_id: str, claim: Claim | None) -> None:
        """The copies and the mark go; a guest that runs notices nothing. `claim`: what it holds from now on."""

    async def offer_disks(self, instance_id: str, hurry: asyncio.Event, anew: bool) -> tuple[DiskOffer, ...]:
        """Of a guest that is off: a whole copy of each of its disks, but swap, that another host may fetch.
        `anew`: copies that were made before may be of another time; else they stay."""

    async def drop_offers(self, instance_id: str) -> None:
        """Nobody fetches them any more; the copies go."""

    async def take_disks(self, build: Build, offers: tuple[DiskOffer, ...]) -> None:
        """Fetch those that are not here yet. All that is here of it came from where these do. Where nobody offers any
        more, raises `HostError` unless all have come."""

    async def keep_root_kind(self, build: Build) -> None:
        """Of a guest that is to be defined again: its root disk is a CD-ROM where it was."""

    async def copy_root_disk(self, instance_id: str) -> Path:
        """The root disk of this moment as one qcow2 file, which the caller removes."""

    async def vnc(self, instance_id: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection to its screen; raises `LookupError` where it has none."""

    async def diagnostics(self, instance_id: str) -> dict[str, Any]:
        """What the hypervisor knows of it, in the words of Nova's server diagnostics."""
