"""What a simulated guest has on its serial console: what a kernel says as it boots, of a machine that is none. Pure.

Made when it is asked for, from what the hypervisor holds of the guest, so that fleets keep no logs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def boot_log(instance_id: str, taps: Sequence[str], disks: Mapping[str, str]) -> list[str]:
    """The lines, oldest first. `disks`: volume id → device."""
    return [
        f"simulated guest {instance_id}",
        "firmware: there is no machine here, and no code runs",
        "memory: as its flavor says, and all of it free",
        "root disk: empty",
        *(f"disk {device}: volume {volume_id}" for volume_id, device in disks.items()),
        *(f"network device {tap}: link is up" for tap in taps),
        "reached target: simulated",
    ]


def tail(lines: Sequence[str], count: int) -> str:
    """The last `count` of them, with no line's end after the last, as a real guest's are given."""
    return "\n".join(lines[-count:]) if count > 0 else ""
