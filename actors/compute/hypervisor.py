"""The protocol that hypervisor drivers meet: `libvirt` (real guests) and `simulated` (none; for load tests).

Every method takes the builds of one cohort and returns the faults of those that failed; each may run twice, and each
undo (`remove_…`, `unplug`, `stop`, `undefine`) works from `build.order` alone and is content with nothing to do.
The same law tests run on every driver.
"""

from __future__ import annotations

from typing import Protocol

from actors.compute.build import Build
from actors.compute.guests import Guests
from actors.compute.watchdog import Watchdog
from actors.errors import Fault
from actors.messages import HostReport, ImageLocation
from actors.saga import Failures


class Hypervisor(Protocol):
    cohort: int  # how many builds go through the steps together: 1 where each waits for its own guest

    @property
    def guests(self) -> Guests:
        """What is done to guests that have been built."""

    @property
    def watchdog(self) -> Watchdog:
        """What stops guests that outlive the compute actor, where it can't."""

    async def start(self) -> None:
        """Connect; raises `HostError` with the step 'hypervisor' if it can't be reached."""

    async def close(self) -> None: ...

    async def reports(self) -> list[HostReport]:
        """Capacity and use of each host that this driver serves."""

    async def fetch_images(self, builds: list[Build]) -> Failures:
        """Bring each build's image into the node's cache once; sets `build.image_path`."""

    async def cache_image(self, location: ImageLocation, token: str) -> Fault | None:
        """Bring an image into the node's cache before a build needs it."""

    async def evict_images(self) -> list[str]:
        """Remove from the node's cache the images that neither a boot nor a guest has used for long; their ids.
        Raises `HostError`."""

    async def write_config_drives(self, builds: list[Build]) -> Failures: ...
    async def remove_config_drives(self, builds: list[Build]) -> None: ...

    async def make_root_disks(self, builds: list[Build]) -> Failures: ...
    async def remove_root_disks(self, builds: list[Build]) -> None: ...

    async def make_ephemeral_disks(self, builds: list[Build]) -> Failures: ...
    async def remove_ephemeral_disks(self, builds: list[Build]) -> None: ...

    async def plug(self, builds: list[Build]) -> Failures:
        """Make a tap for each VIF."""

    async def unplug(self, builds: list[Build]) -> None:
        """Remove the taps of the instance's ports (found by their alias, the instance id)."""

    async def define(self, builds: list[Build]) -> Failures: ...
    async def undefine(self, builds: list[Build]) -> None: ...

    async def start_paused(self, builds: list[Build]) -> Failures: ...
    async def stop(self, builds: list[Build]) -> None: ...

    async def resume(self, builds: list[Build]) -> Failures: ...

    async def await_running(self, builds: list[Build]) -> Failures: ...

    async def console(self, instance_id: str, lines: int) -> str:
        """The last lines of the guest's serial console ('' if it has none)."""

    async def instances(self) -> set[str]:
        """Ids of all instances of which anything is here: a guest, a tap, a file. Others' guests are not ours."""

    async def world(self) -> dict[str, list[str]]:
        """What is really here, by kind (domains, taps, files …): for audits and the law tests."""
