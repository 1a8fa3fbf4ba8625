"""A qcow2 disk on which nothing has been written, for volumes without data. Pure.

Version 3 with clusters of 64 KiB, as docs/interop/qcow2.rst of QEMU has it: header, one refcount table, one refcount
block, and an L1 table in which every entry says that nothing is there.
"""

from __future__ import annotations

import struct

CLUSTER_BITS = 16
CLUSTER = 1 << CLUSTER_BITS  # bytes
SPAN = CLUSTER * (CLUSTER // 8)  # bytes of the disk that one entry of the L1 table is for
HEADER_BYTES = 104
REFCOUNT_ORDER = 4  # counts have 16 bits
REFCOUNT_TABLE, REFCOUNT_BLOCK, L1_TABLE = CLUSTER, 2 * CLUSTER, 3 * CLUSTER  # where they begin


def empty_qcow2(virtual_size: int) -> bytes:
    """The file of a disk of that many bytes."""
    entries = -(-virtual_size // SPAN)
    l1_clusters = max(1, -(-entries * 8 // CLUSTER))
    header = struct.pack(
        ">4sIQIIQIIQQIIQQQQII",
        *(b"QFI\xfb", 3, 0, 0, CLUSTER_BITS, virtual_size, 0),  # no backing file, no encryption
        *(entries, L1_TABLE, REFCOUNT_TABLE, 1, 0, 0),  # no snapshots
        *(0, 0, 0, REFCOUNT_ORDER, HEADER_BYTES),  # no features
    )
    counts = struct.pack(">H", 1) * (3 + l1_clusters)
    clusters = (header, struct.pack(">Q", REFCOUNT_BLOCK), counts)
    return b"".join(cluster.ljust(CLUSTER, b"\0") for cluster in clusters) + bytes(l1_clusters * CLUSTER)
