"""A load of boots over REST, against any OpenStack cloud: single POSTs with polling, one POST for many, and reads.

The cloud is the one that `clouds.yaml` or the OS_* variables name; without any it is one of the benchmark's own, with
simulated hosts, whose CPU time is then measured, too (its client's own is left out). Everything it makes it deletes.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec

from actors.cluster.clouds_file import CLOUD, clouds_file
from benchmarks.fleet import NETWORK, Say, fleet
from benchmarks.measure import Meter, Row, calibration_ms, percentiles, spent
from benchmarks.openstack_client import OpenStack, RefusedError
from benchmarks.openstack_login import FILE_VARIABLE, Login, from_environment, is_given

POLL_S = 0.5  # between two looks at a server, as clients do
END_LIMIT_S = 1_800.0  # for a server to leave BUILD, or to be gone
UNLIMITED = -1
DRIVER = "driver"  # the client's own CPU time among those of the cloud's processes


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of the cloud."""

    boots: int = 1_000  # by single POSTs
    concurrency: int = 50  # of those
    multi: int = 1_000  # servers of one POST; 0 = none
    reads: int = 5_000  # GETs of one server; 0 = none
    readers: int = 32  # of those
    image: str = ""  # name or id; '' = any that is active
    flavor: str = ""  # '' = the smallest
    network: str = ""  # '' = any


class Template(msgspec.Struct, frozen=True, kw_only=True):
    """What every server is made of, by id."""

    image: str
    flavor: str
    network: str

    def body(self, name: str, **more: object) -> dict[str, Any]:
        server = {"name": name, "imageRef": self.image, "flavorRef": self.flavor, "networks": [{"uuid": self.network}]}
        return {"server": server | more}


def run(load: Load, cloud: str = "", hosts: int = 1_000, say: Say = lambda line: None) -> list[Row]:
    """Raises `LoginError` where the cloud can't be reached, `RefusedError` where it refuses what is asked."""
    with _measured(cloud, hosts, say) as (login, meter):
        return asyncio.run(_load(login, load, meter, say))


@contextmanager
def _measured(cloud: str, hosts: int, say: Say) -> Iterator[tuple[Login, Meter | None]]:
    if cloud or is_given(os.environ):
        yield from_environment(os.environ, cloud), None
        return
    with fleet(hosts, say) as (own, meter):
        yield from_environment({FILE_VARIABLE: str(clouds_file(own.home))}, CLOUD), meter


async def _load(login: Login, load: Load, meter: Meter | None, say: Say) -> list[Row]:
    async with OpenStack(login) as cloud:
        await _lift_quotas(cloud)
        template = await _template(cloud, load)
        rows = []
        mark = f"bench-{uuid4().hex[:8]}"
        for case, title in ((_single, "single POSTs"), (_multi, "one POST"), (_reads, "reads")):
            say(f"{title}: {load.boots} by {load.concurrency}, {load.multi} at once, {load.reads} reads")
            row = await case(cloud, load, template, f"{mark}-{case.__name__.strip('_')}", meter)
            if row is not None:
                rows.append(row)
        return rows


# ---------------------------------------------------------------- the three loads


async def _single(cloud: OpenStack, load: Load, template: Template, mark: str, meter: Meter | None) -> Row:
    """Each POST has a client of its own, which then looks every `POLL_S` until its server is ACTIVE."""
    waits_s: list[float] = []
    ids: list[str] = []

    async def boot(number: int) -> None:
        began = time.perf_counter()
        _, body = await cloud.ask("POST", "compute", "/servers", template.body(f"{mark}-{number}"))
        ids.append(body["server"]["id"])
        await _active(cloud, ids[-1])
        waits_s.append(time.perf_counter() - began)

    counted = _Counted(meter, cloud, load.boots)
    await _in_parallel(boot, range(load.boots), load.concurrency)
    row = {"case": "single", "concurrency": load.concurrency, "boots": load.boots, **counted.row(percentiles(waits_s))}
    await _delete(cloud, ids, load.concurrency)
    return row


async def _multi(cloud: OpenStack, load: Load, template: Template, mark: str, meter: Meter | None) -> Row | None:
    """One request for all; the client looks every `POLL_S` whether one is still in BUILD."""
    if not load.multi:
        return None
    counted = _Counted(meter, cloud, load.multi)
    began = time.perf_counter()
    await cloud.ask("POST", "compute", "/servers", template.body(mark, min_count=load.multi, max_count=load.multi))
    await _none_in_build(cloud, mark)
    row = counted.row(percentiles([time.perf_counter() - began]))
    ids = await _ids(cloud, mark, "ACTIVE")
    if len(ids) != load.multi:
        raise RefusedError(f"{len(ids)} of {load.multi} servers of one request became ACTIVE")
    await _delete(cloud, ids, load.concurrency)
    return {"case": "multi", "concurrency": 1, "boots": load.multi, **row}


async def _reads(cloud: OpenStack, load: Load, template: Template, mark: str, meter: Meter | None) -> Row | None:
    if not load.reads:
        return None
    _, body = await cloud.ask("POST", "compute", "/servers", template.body(mark))
    server_id = body["server"]["id"]
    await _active(cloud, server_id)
    waits_s: list[float] = []

    async def read(number: int) -> None:
        began = time.perf_counter()
        await cloud.ask("GET", "compute", f"/servers/{server_id}")
        waits_s.append(time.perf_counter() - began)

    counted = _Counted(meter, cloud, load.reads)
    await _in_parallel(read, range(load.reads), load.readers)
    row = counted.row(percentiles(waits_s), "read")
    await _delete(cloud, [server_id], 1)
    return {"case": "reads", "concurrency": load.readers, "reads": load.reads, **row}


# ---------------------------------------------------------------- waiting


async def _active(cloud: OpenStack, server_id: str) -> None:
    async with asyncio.timeout(END_LIMIT_S):
        while True:
            _, body = await cloud.ask("GET", "compute", f"/servers/{server_id}")
            status = body["server"]["status"]
            if status == "ACTIVE":
                return
            if status != "BUILD":
                raise RefusedError(f"server {server_id} is {status}: {body['server'].get('fault')}")
            await asyncio.sleep(POLL_S)


async def _none_in_build(cloud: OpenStack, mark: str) -> None:
    async with asyncio.timeout(END_LIMIT_S):
        while True:  # what is waited for is in another program, which tells nobody
            if not await cloud.listed("compute", "/servers", "servers", name=mark, status="BUILD", limit="1"):
                return
            await asyncio.sleep(POLL_S)


async def _ids(cloud: OpenStack, mark: str, status: str) -> list[str]:
    """Page by page, since a cloud has a limit of its own."""
    ids: list[str] = []
    marker: dict[str, str] = {}
    while page := await cloud.listed("compute", "/servers", "servers", name=mark, status=status, **marker):
        ids += [server["id"] for server in page]
        marker = {"marker": ids[-1]}
    return ids


async def _delete(cloud: OpenStack, ids: Sequence[str], concurrency: int) -> None:
    async def gone(server_id: str) -> None:
        status, _ = await cloud.ask("DELETE", "compute", f"/servers/{server_id}")
        async with asyncio.timeout(END_LIMIT_S):
            while status != 404:
                await asyncio.sleep(POLL_S)
                status, _ = await cloud.ask("GET", "compute", f"/servers/{server_id}")

    await _in_parallel(gone, ids, concurrency)


async def _in_parallel(act: Callable[[Any], Awaitable[None]], items: Sequence[Any], workers: int) -> None:
    waiting = iter(items)

    async def work() -> None:
        for item in waiting:
            await act(item)

    async with asyncio.TaskGroup() as group:
        for _ in range(workers):
            group.create_task(work())


# ---------------------------------------------------------------- what servers are made of


async def _template(cloud: OpenStack, load: Load) -> Template:
    flavors = await cloud.listed("compute", "/flavors/detail", "flavors")
    images = await cloud.listed("image", "/images", "images", status="active")
    networks = await cloud.listed("network", "/networks", "networks")
    smallest = sorted(flavors, key=lambda flavor: (flavor["ram"], flavor["vcpus"]))
    preferred = sorted(networks, key=lambda network: network["name"] != NETWORK)
    return Template(
        image=_chosen("image", images, load.image),
        flavor=_chosen("flavor", smallest, load.flavor),
        network=_chosen("network", preferred, load.network),
    )


def _chosen(noun: str, found: Sequence[Mapping[str, Any]], wanted: str) -> str:
    fitting = [one for one in found if wanted in ("", one["id"], one["name"])]
    if not fitting:
        raise RefusedError(f"the cloud has no {noun} {wanted}".rstrip())
    return str(fitting[0]["id"])


async def _lift_quotas(cloud: OpenStack) -> None:
    """An administrator's project may have as many as it wants; another's has what it has."""
    quotas = {"quota_set": dict.fromkeys(("instances", "cores", "ram"), UNLIMITED)}
    try:
        await cloud.ask("PUT", "compute", f"/os-quota-sets/{cloud.project_id}", quotas)
        await cloud.ask("PUT", "network", f"/quotas/{cloud.project_id}", {"quota": {"port": UNLIMITED}})
    except RefusedError:
        return  # the load itself will tell


# ---------------------------------------------------------------- what it costs


class _Counted:
    """Time, requests, and where the cloud runs here its CPU time, from now on."""

    def __init__(self, meter: Meter | None, cloud: OpenStack, items: int) -> None:
        self._meter, self._cloud, self._items = meter, cloud, items
        self._speed_ms = calibration_ms() if meter else 0.0
        self._before = meter.read() if meter else None
        self._requests, self._began = cloud.requests, time.perf_counter()

    def row(self, latencies: Row, noun: str = "boot") -> Row:
        took_s = time.perf_counter() - self._began
        row = {
            f"{noun}s_per_s": round(self._items / took_s, 1),
            **latencies,
            f"requests_per_{noun}": round((self._cloud.requests - self._requests) / self._items, 2),
        }
        if self._meter is None or self._before is None:
            return row
        cost = spent(self._before, self._meter.read(), self._items)
        by_process = {name: ms for name, ms in cost["cpu_ms_by_process"].items() if name != DRIVER}
        return row | {
            f"cpu_ms_per_{noun}": round(sum(by_process.values()), 4),
            "cpu_ms_by_process": by_process,
            "calibration_ms": self._speed_ms,
        }


def plot(rows: Sequence[Row], file: Path) -> None:
    """Latency of each load, and CPU time by process where it was measured."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4), layout="constrained")
    latency, cost = figure.subplots(1, 2)
    labels = [f"{row['case']}\n{row['concurrency']} at a time" for row in rows]
    for place, name in enumerate(("p50_ms", "p95_ms", "p99_ms")):
        latency.bar([x + 0.27 * (place - 1) for x in range(len(rows))], [row[name] for row in rows], 0.25, label=name)
    latency.set(title="Latency, milliseconds", yscale="log", xticks=range(len(rows)), xticklabels=labels)
    latency.legend()
    floor = [0.0] * len(rows)
    for process in sorted({name for row in rows for name in row.get("cpu_ms_by_process", {})}):
        heights = [row.get("cpu_ms_by_process", {}).get(process, 0.0) for row in rows]
        cost.bar(range(len(rows)), heights, bottom=floor, label=process)
        floor = [low + height for low, height in zip(floor, heights, strict=True)]
    cost.set(title="CPU milliseconds of the cloud, each", xticks=range(len(rows)), xticklabels=labels)
    if any(floor):
        cost.legend(fontsize=6)
    figure.savefig(file)
