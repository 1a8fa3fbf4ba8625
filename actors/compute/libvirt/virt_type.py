"""Which kind of virtualisation a node's guests get: KVM where it really boots a guest, else QEMU's own translation."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from actors.cluster.config import NodeConfig

VirtType = Literal["kvm", "qemu"]


def choose_virt_type(config: NodeConfig) -> VirtType:
    """The operator's choice; `auto` asks the machine. Blocking: the first probe boots a guest, its result is kept."""
    if config.virt_type != "auto":
        return config.virt_type
    from actors.guest.kvm import probe_kvm  # needed here only

    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "novaray"
    return "kvm" if probe_kvm(cache) else "qemu"
