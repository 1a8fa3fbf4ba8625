"""How a driver boots servers: what it may choose, with what holds where it chooses nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from actors.messages import BlockDevice, NetworkRequest


@dataclass(frozen=True, slots=True)
class BootOptions:
    """How to boot: names or ids. No `networks` and `network_mode` 'auto' = the project's one network."""

    flavor: str = "tiny"
    image: str = "tiny"
    networks: tuple[NetworkRequest | str, ...] = ()
    network_mode: str = "auto"
    security_groups: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    block_devices: tuple[BlockDevice, ...] = ()
    user_data: str | bytes = ""
    key_name: str = ""
    public_key: str = ""
    metadata: dict[str, str] | None = None
    config_drive: bool = True
    availability_zone: str = ""
    hints: dict[str, tuple[str, ...]] | None = None
    server_group: str = ""
    wait_for_capacity_s: float = 0.0  # where no host has room: wait for one so long; 0 = fail at once
    idempotency_key: str = ""  # repeated, it is answered with the servers of the first time, deleted ones too


def changed(options: BootOptions, changes: Mapping[str, object]) -> BootOptions:
    """With these fields instead. Raises `TypeError` for one that there is not."""
    unknown = set(changes) - set(BootOptions.__dataclass_fields__)
    if unknown:
        raise TypeError(f"BootOptions has no {', '.join(sorted(unknown))}")
    values = {name: changes.get(name, getattr(options, name)) for name in BootOptions.__dataclass_fields__}
    return BootOptions(**values)  # type: ignore[arg-type]  # the caller's types were checked where they were written
