"""Where a node's own libvirt daemon keeps what, and what its configuration says. Pure.

Called by `daemon.py` (which starts and stops it), by `keeper.py` through its command line, and by the driver for the
URI. Everything lies under `NodeConfig.libvirt`, but the sockets: a unix socket's path has 107 characters at most, so
they lie in a short folder named after a digest of the long one.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from actors.cluster.config import NodeConfig

RUNTIME = Path("/run/novaray")
CLIENTS = 64  # connections that the daemon takes
WORKERS = 20  # calls that it serves at once

# What each of the daemon's fixed places is for this node: below `NodeConfig.libvirt`.
PLACES = {
    "etc": "/etc/libvirt",
    "run": "/run/libvirt",
    "lib": "/var/lib/libvirt",
    "log": "/var/log/libvirt",
    "cache": "/var/cache/libvirt",
}

# A node is one user's own: guests run as root without confinement by the daemon, as on any machine without systemd,
# cgroups and AppArmor. An operator's hardened daemon is reached by `libvirt_uri` instead.
QEMU_CONF = """\
user = "root"
group = "root"
security_driver = "none"
dynamic_ownership = 0
remember_owner = 0
cgroup_controllers = []
namespaces = []
stdio_handler = "file"
seccomp_sandbox = 0
vnc_listen = "127.0.0.1"
spice_listen = "127.0.0.1"
"""


@dataclass(frozen=True, slots=True)
class DaemonFiles:
    folder: Path  # NodeConfig.libvirt
    netns: str

    @property
    def runtime(self) -> Path:
        return RUNTIME / sha256(str(self.folder).encode()).hexdigest()[:12]

    @property
    def socket(self) -> Path:
        return self.runtime / "libvirt-sock"

    @property
    def lock(self) -> Path:
        """Locked by the keeper as long as it lives; holds its pid."""
        return self.folder / "keeper.pid"

    @property
    def keeper_log(self) -> Path:
        return self.folder / "keeper.log"

    @property
    def mark(self) -> str:
        """The name of a mount that every process of this daemon sees and no other does."""
        return f"novaray-libvirt-{self.runtime.name}"

    @property
    def capabilities(self) -> Path:
        return self.folder / "cache" / "qemu" / "capabilities"

    def guest_log(self, domain: str) -> Path:
        return self.folder / "log" / "qemu" / f"{domain}.log"

    def configuration(self) -> dict[str, str]:
        """The daemon's files, by path below `folder`."""
        host_uuid = uuid5(NAMESPACE_URL, f"file://{self.folder}")
        settings: dict[str, str | int] = {
            "unix_sock_dir": str(self.runtime),
            "unix_sock_group": "root",
            "unix_sock_rw_perms": "0700",
            "auth_unix_rw": "none",
            "auth_unix_ro": "none",
            "host_uuid": str(host_uuid),
            "max_clients": CLIENTS,
            "max_workers": WORKERS,
            "log_outputs": f"3:file:{self.folder}/libvirtd.log",
        }
        lines = [
            f'{key} = "{value}"' if isinstance(value, str) else f"{key} = {value}" for key, value in settings.items()
        ]
        return {"etc/libvirtd.conf": "\n".join(lines) + "\n", "etc/qemu.conf": QEMU_CONF}


def files_of(config: NodeConfig) -> DaemonFiles:
    return DaemonFiles(config.libvirt.absolute(), config.netns)


def uri_of(config: NodeConfig) -> str:
    """The operator's daemon, or else the node's own."""
    return config.libvirt_uri or f"qemu+unix:///system?socket={files_of(config).socket}"
