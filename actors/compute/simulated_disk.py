"""The disk of a simulated guest, as a qcow2 file: it says that it is one, and is empty otherwise. Pure.

Called for images that are made of simulated guests, so that what follows (upload, inspection, a boot of the image) has
a real file of the real format. Facts: the qcow2 format, version 2, as QEMU documents it.
"""

from __future__ import annotations

import struct

CLUSTER_BITS = 9
CLUSTER = 1 << CLUSTER_BITS  # bytes
VIRTUAL_BYTES = 1 << 20
OWNED = 1 << 63  # of a table's entry: the cluster belongs to this file alone
REFCOUNTS, REFCOUNT_BLOCK, L1, L2, DATA, CLUSTERS = 1, 2, 3, 4, 5, 6  # the clusters after the header


def simulated_disk(instance_id: str) -> bytes:
    """A whole file, of which the disk's first sector says whose it is."""
    l1_size = VIRTUAL_BYTES // (CLUSTER * (CLUSTER // 8))
    header = struct.pack(
        ">4sIQIIQIIQQIIQ",
        b"QFI\xfb", 2, 0, 0, CLUSTER_BITS, VIRTUAL_BYTES, 0, l1_size, L1 * CLUSTER, REFCOUNTS * CLUSTER, 1, 0, 0,
    )  # fmt: skip
    text = f"The disk of simulated server {instance_id}: nothing was ever written to it.\n"
    clusters = [
        header,
        struct.pack(">Q", REFCOUNT_BLOCK * CLUSTER),
        struct.pack(f">{CLUSTERS}H", *[1] * CLUSTERS),
        struct.pack(">Q", L2 * CLUSTER | OWNED),
        struct.pack(">Q", DATA * CLUSTER | OWNED),
        text.encode(),
    ]
    return b"".join(cluster.ljust(CLUSTER, b"\0") for cluster in clusters)
