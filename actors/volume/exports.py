"""Which exports a storage daemon has, which it should have, and what is to be done about it: pure.

Each volume is one block node and one export of that node; both carry the same short name, made from the volume's id.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import msgspec

NODE_NAME_LIMIT = 31  # characters of a block node's name in QEMU
PREFIX = "v"  # QEMU wants a letter first


class Corrections(msgspec.Struct, frozen=True, kw_only=True):
    """Names of exports and nodes to remove, in this order, then volume ids whose nodes and exports are to be added."""

    remove_exports: tuple[str, ...] = ()
    remove_nodes: tuple[str, ...] = ()
    add_nodes: tuple[str, ...] = ()
    add_exports: tuple[str, ...] = ()


def node_name(volume_id: str) -> str:
    """120 of the id's 128 bits: as many as fit, and enough."""
    return (PREFIX + volume_id.replace("-", ""))[:NODE_NAME_LIMIT]


def corrections(wanted: Collection[str], exports: Collection[str], nodes: Collection[str]) -> Corrections:
    """From what is there (names) to what is wanted (volume ids). Nodes that aren't named as ours are left alone."""
    names = {node_name(volume_id) for volume_id in wanted}
    ours = {name for name in nodes if name.startswith(PREFIX)}
    return Corrections(
        remove_exports=tuple(sorted(set(exports) - names)),
        remove_nodes=tuple(sorted(ours - names)),
        add_nodes=tuple(sorted(volume_id for volume_id in wanted if node_name(volume_id) not in ours)),
        add_exports=tuple(sorted(volume_id for volume_id in wanted if node_name(volume_id) not in exports)),
    )


def volumes_of(names: Collection[str], volume_ids: Collection[str]) -> list[str]:
    """The volumes, of those that there are, whose exports have these names; a name that is no volume's stays itself."""
    known = {node_name(volume_id): volume_id for volume_id in volume_ids}
    return sorted(known.get(name, name) for name in names)


def node_of(volume_id: str, filename: str) -> dict[str, Any]:
    """Arguments of blockdev-add. No backing file is ever opened, whatever the header says."""
    return {
        "driver": "qcow2",
        "node-name": node_name(volume_id),
        "discard": "unmap",
        "backing": None,
        "file": {"driver": "file", "filename": filename},
    }


def export_of(volume_id: str) -> dict[str, Any]:
    """Arguments of block-export-add: writable, named by the volume's id."""
    name = node_name(volume_id)
    return {"type": "nbd", "id": name, "node-name": name, "name": volume_id, "writable": True}
