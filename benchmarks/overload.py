"""More than a cloud can take: so many requests at once that most must be refused at the door.

`run()` gives one row. All requests, each of one server and with a key of its own, are sent at the same moment, some in
a message. What is refused is told to come again (503); what is accepted must end ACTIVE, and be there once. Meanwhile
somebody asks for the state of one server over and over: how long the slowest answer takes says whether the cloud still
answers. Then those that were refused come again with their keys, until all were taken in or their time is up.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import ray

from actors.api.messages import BootRequest, ServersRequest
from actors.cloud import Cloud, Server
from actors.cluster import names
from actors.cluster.shell import answer_of, asking
from actors.errors import CallerFault
from actors.messages import NetworkRequest
from benchmarks.chaos import disagreements
from benchmarks.fleet import NETWORK, Say, fleet
from benchmarks.measure import Row, calibration_ms

REQUESTS = 100_000
A_MESSAGE = 100  # requests
HOSTS = 1_000
BUSY = 503
ANSWERED_S = 600.0  # for every request to be answered, and for what was accepted to end
AGAIN_S = 1.0  # between tries of those that were refused
TRIES = 300
LOOK_S = 0.1  # between questions of who watches
A_LOOK = 1_000  # servers that are looked at in one question


@dataclass(slots=True)
class Watch:
    """Asks for one server, over and over, in a thread of its own."""

    cloud: Cloud
    server: Server
    slowest_s: float = 0.0
    over: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        while not self.over.wait(LOOK_S):
            began = time.perf_counter()
            self.cloud.show([self.server.id])
            self.slowest_s = max(self.slowest_s, time.perf_counter() - began)


def run(requests: int = REQUESTS, hosts: int = HOSTS, say: Say = lambda line: None) -> list[Row]:
    with fleet(hosts, say) as (cloud, _):
        return [storm(cloud, requests, say)]


def storm(cloud: Cloud, count: int, say: Say) -> Row:
    speed_ms = calibration_ms()
    watch = Watch(cloud, cloud.boot("watched", networks=(NETWORK,)).wait())
    watcher = threading.Thread(target=watch.run)
    watcher.start()
    try:
        return _storm(cloud, count, say) | {
            "slowest_answer_s": round(watch.slowest_s, 2),
            "calibration_ms": speed_ms,
        }
    finally:
        watch.over.set()
        watcher.join()
        watch.server.delete()


def _storm(cloud: Cloud, count: int, say: Say) -> Row:
    asked = requests(cloud, count)
    say(f"{count} requests at once")
    began = time.perf_counter()
    replies = _send(cloud, asked)
    answered_s = time.perf_counter() - began
    accepted = [ids[0] for ids in replies if isinstance(ids, list)]
    refused = Counter(reply.status for reply in replies if isinstance(reply, CallerFault))
    say(f"{len(accepted)} accepted, refused: {dict(refused)}")
    ends = _ends(cloud, accepted)
    ended_s = time.perf_counter() - began
    row = {
        "requests": count,
        "accepted": len(accepted),
        "busy": refused[BUSY],
        "otherwise": sum(refused.values()) - refused[BUSY],
        "answered_s": round(answered_s, 1),
        "active": ends["ACTIVE"],
        "not_active": sum(ends.values()) - ends["ACTIVE"],
        "ended_s": round(ended_s, 1),
    }
    taken = _again(cloud, asked, replies, say)
    row["forgotten"] = count - len(set(taken))  # or never taken in
    row["all_s"] = round(time.perf_counter() - began, 1)
    row["leaked"] = disagreements(say)
    return row


def requests(cloud: Cloud, count: int) -> list[BootRequest]:
    """One server each, and a key, so that a request which comes again is the same."""
    network = NetworkRequest(network_id=cloud.networks.get(NETWORK).id)
    first = BootRequest(
        token=cloud.session.token, name="", flavor="tiny", image=cloud.images.get("tiny").id, networks=(network,)
    )
    return [msgspec.structs.replace(first, name=f"storm-{n}", idempotency_key=f"storm-{n}") for n in range(count)]


def _send(cloud: Cloud, asked: Sequence[BootRequest]) -> list[list[str] | CallerFault]:
    """All under way at once; a message that is refused as a whole is a refusal of each of its requests."""
    actor: Any = ray.get_actor(names.API, namespace=names.NAMESPACE)
    parts = [list(asked[first : first + A_MESSAGE]) for first in range(0, len(asked), A_MESSAGE)]
    sent = [actor.ask.remote(asking("boot", (part,))) for part in parts]
    return [reply for replies in ray.get(sent, timeout=ANSWERED_S) for reply in answer_of(replies)]


def _ends(cloud: Cloud, ids: Sequence[str]) -> Counter[str]:
    """How many have which status when none is on its way any more, or the time is up."""
    deadline = time.monotonic() + ANSWERED_S
    while True:
        parts = [ids[first : first + A_LOOK] for first in range(0, len(ids), A_LOOK)]
        ends = Counter(view.status for part in parts for view in cloud.show(part))
        if not ends["BUILD"] or time.monotonic() > deadline:
            return ends
        time.sleep(LOOK_S)


def _again(cloud: Cloud, asked: Sequence[BootRequest], replies: list[list[str] | CallerFault], say: Say) -> list[str]:
    """Those that were refused come again with their keys, when those before them are gone; the ids of all."""
    taken = {n: reply[0] for n, reply in enumerate(replies) if isinstance(reply, list)}
    fresh = list(taken.values())
    for _ in range(TRIES):
        _gone(cloud, fresh)
        waiting = [n for n in range(len(asked)) if n not in taken]
        if not waiting:
            break
        say(f"{len(waiting)} come again")
        found = _send(cloud, [asked[n] for n in waiting])
        new = {n: reply[0] for n, reply in zip(waiting, found, strict=True) if isinstance(reply, list)}
        taken |= new
        fresh = list(new.values())
        ends = _ends(cloud, fresh)
        if ends["ACTIVE"] != len(fresh):
            say(f"not all are ACTIVE: {dict(ends)}")
        if not fresh:
            time.sleep(AGAIN_S)
    return list(taken.values())


def _gone(cloud: Cloud, ids: Sequence[str]) -> None:
    """Deleted, to make room for others."""
    parts = [tuple(ids[first : first + A_LOOK]) for first in range(0, len(ids), A_LOOK)]
    for part in parts:
        cloud.session.call(names.API, "delete", ServersRequest(token=cloud.session.token, server_ids=part))
    for part in parts:
        request = ServersRequest(token=cloud.session.token, server_ids=part, wait_s=ANSWERED_S)
        statuses = cloud.session.call(names.API, "statuses", request, limit_s=2 * ANSWERED_S)
        assert all(isinstance(s, CallerFault) or s == "DELETED" for s in statuses), Counter(map(str, statuses))
