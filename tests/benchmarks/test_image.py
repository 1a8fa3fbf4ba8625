"""The image benchmark on a small image: every row has its figures, and nothing is sent twice to a node."""

from __future__ import annotations

from benchmarks import image


def test_rows() -> None:
    rows = {(row["case"], row["nodes"]): row for row in image.run((1, 4), size_mib=1)}
    assert {("upload", 0), ("fetch", 1), ("fetch", 4)} <= set(rows)
    assert [rows["fetch", n]["from_room"] + rows["fetch", n]["from_peers"] for n in (1, 4)] == [1, 4]
    assert all(row["wall_s"] >= 0 and row["cpu_s"] >= 0 for row in rows.values())
    cached = rows.get(("cached boot", 1))
    assert cached is None or (cached["from_room"], cached["boots"]) == (0, image.BOOTS)
