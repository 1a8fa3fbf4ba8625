"""Which port the REST edge takes: the one that was asked for, else the one it had before, else any that is free.

Called by `up`, which writes it down: an actor that restarts listens where it did, and what clients have written in
their own files goes on being true after `down` and `up`.
"""

from __future__ import annotations

from msgspec import structs

from actors.cluster.config import CloudConfig, from_json
from actors.cluster.ports import free_ports, is_free


def settled(cloud: CloudConfig) -> CloudConfig:
    """The configuration with its port; raises RuntimeError where the wanted one is taken."""
    if cloud.api_port:
        if not is_free(cloud.api_host, cloud.api_port):
            raise RuntimeError(f"port {cloud.api_port} of {cloud.api_host} is in use: choose another by --api-port")
        return cloud
    before = from_json(CloudConfig, cloud.file.read_bytes()).api_port if cloud.file.exists() else 0
    port = before if before and is_free(cloud.api_host, before) else free_ports(cloud.api_host, 1)[0]
    return structs.replace(cloud, api_port=port)
