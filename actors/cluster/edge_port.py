"""Which port the REST edge takes: the one that was asked for, else the one it had before, else any that is free.

Called by `up`, which writes it down: an actor that restarts listens where it did, and what clients have written in
their own files goes on being true after `down` and `up`.
"""

from __future__ import annotations

import socket

from msgspec import structs

from actors.cluster.config import CloudConfig, from_json


def settled(cloud: CloudConfig) -> CloudConfig:
    """The configuration with its port; raises RuntimeError where the wanted one is taken."""
    if cloud.api_port:
        if not _is_free(cloud.api_host, cloud.api_port):
            raise RuntimeError(f"port {cloud.api_port} of {cloud.api_host} is in use: choose another by --api-port")
        return cloud
    before = from_json(CloudConfig, cloud.file.read_bytes()).api_port if cloud.file.exists() else 0
    port = before if before and _is_free(cloud.api_host, before) else _any(cloud.api_host)
    return structs.replace(cloud, api_port=port)


def _is_free(host: str, port: int) -> bool:
    with _listener(host) as one:
        try:
            one.bind((host, port))
        except OSError:
            return False
    return True


def _any(host: str) -> int:
    with _listener(host) as one:
        one.bind((host, 0))
        return int(one.getsockname()[1])


def _listener(host: str) -> socket.socket:
    one = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return one
