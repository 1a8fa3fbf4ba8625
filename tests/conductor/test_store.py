"""The store on both databases: what goes in comes out, in order, all or none, whatever goes wrong."""

from __future__ import annotations

import asyncio
import resource
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from actors.conductor.database import open_database
from actors.conductor.rows import MANY
from actors.conductor.store import VALUES_LIMIT, Store, StoreError, StoreUnavailableError, upgrade
from actors.errors import CallerError
from actors.ledger import MemoryLedger
from actors.records import (
    RECORD_TYPES,
    AddressPair,
    Change,
    Flavor,
    Instance,
    Notification,
    Port,
    Project,
    Record,
    Role,
    SigningKey,
    drop,
)
from actors.states import Vm
from actors.vifs import FixedIp, SubnetInfo, Vif
from tests.conductor.samples import CHANGES, ONE_OF_EACH

SLOW = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def use(url: str, work: Callable[[Store], Awaitable[None]], **options: Any) -> None:
    async def run() -> None:
        upgrade(url)
        store = Store(url, **options)
        try:
            await work(store)
        finally:
            await store.close()

    asyncio.run(run())


def project(number: int, name: str = "") -> Project:
    return Project(id=f"p{number}", name=name or f"project {number}")


VIF = Vif(
    port_id="x",
    network_id="n",
    network_name="net",
    mac_address="fa:16:3e:00:00:01",
    mtu=1450,
    fixed_ips=(FixedIp("s", "10.0.0.2"),),
    subnets=(SubnetInfo(id="s", cidr="10.0.0.0/24", gateway_ip="10.0.0.1", host_routes=(("0.0.0.0/0", "10.0.0.1"),)),),
    profile={"pci_slot": "0000:01"},
)


async def names(store: Store) -> dict[str, str]:
    return {row.id: row.name for row in await store.load(Project)}


@SLOW
@given(sample=ONE_OF_EACH)
def test_every_kind_comes_back_as_it_went(database_url: str, sample: tuple[Record, ...]) -> None:
    async def work(store: Store) -> None:
        await store.commit(list(sample))
        for record in sample:
            assert await store.load_where(type(record), "id", [record.id]) == [record]

    use(database_url, work)


def test_nested_fields_and_enumerated_states(database_url: str) -> None:
    port = Port(
        id="x",
        network_id="n",
        project_id="p",
        mac_address="fa:16:3e:00:00:01",
        fixed_ips=(FixedIp("s", "1.1.1.1"),),
        allowed_address_pairs=(AddressPair("1.1.1.0/24"),),
        profile={"pci_slot": "0000:01"},
    )
    instance = Instance(
        id="i",
        name="<&\"'\u2603",
        project_id="p",
        user_id="u",
        vm_state=Vm.BUILDING,
        task_state="",
        power_state="NOSTATE",
        flavor=Flavor(id="f", name="small", vcpus=1, ram_mib=64, disk_gib=1),
        order=bytes(range(256)),
        fault={"code": 500, "details": {"deep": [1, None, 2.5]}},
        addresses=(VIF,),
    )

    async def work(store: Store) -> None:
        await store.commit([port, instance])
        assert await store.load(Port) == [port]
        assert await store.load(Instance) == [instance]

    use(database_url, work)


def test_everything_is_there_after_reopening(database_url: str) -> None:
    async def write(store: Store) -> None:
        await asyncio.gather(*(store.commit([project(number)]) for number in range(50)))
        await store.commit([drop(project(7))])

    async def read(store: Store) -> None:
        assert set(await names(store)) == {f"p{number}" for number in range(50) if number != 7}
        for kind in RECORD_TYPES:
            assert isinstance(await store.load(kind), list)

    use(database_url, write)
    use(database_url, read)


@SLOW
@given(commits=st.lists(st.lists(CHANGES, max_size=4), max_size=8))
def test_the_order_of_changes_holds(database_url: str, commits: list[list[Change]]) -> None:
    memory = MemoryLedger()

    async def work(store: Store) -> None:
        await store.commit([drop(row) for row in [*await store.load(Project), *await store.load(Role)]])
        await asyncio.gather(*(store.commit(changes) for changes in commits))
        for changes in commits:
            await memory.commit(changes)
        for kind in (Project, Role):
            stored = {row.id: row for row in await store.load(kind)}
            assert stored == {row.id: row for row in await memory.load(kind)}

    use(database_url, work)


@pytest.mark.parametrize("count", [MANY - 1, MANY, 2 * MANY + 3])
def test_however_many_rows_come_at_once_all_are_written_and_replaced(database_url: str, count: int) -> None:
    async def work(store: Store) -> None:
        for name in ("first", "second"):
            await store.commit([project(number, f"{name} {number}") for number in range(count)])
            assert sorted(row.name for row in await store.load(Project)) == sorted(f"{name} {n}" for n in range(count))

    use(database_url, work)


def test_commits_that_arrive_together_share_a_transaction(database_url: str) -> None:
    async def work(store: Store) -> None:
        await asyncio.gather(*(store.commit([project(number)]) for number in range(100)))
        assert (store.statistics.commits, store.statistics.changes, store.statistics.groups) == (100, 100, 1)
        await store.commit([])
        assert store.statistics.groups == 1

    use(database_url, work)


def test_one_callers_bad_rows_fail_nobody_else(database_url: str) -> None:
    bad = Project(id="bad", name=cast(str, None))

    async def work(store: Store) -> None:
        answers = await asyncio.gather(
            store.commit([project(1)]),
            store.commit([project(2), bad]),
            store.commit([project(3)]),
            return_exceptions=True,
        )
        assert answers[0] is None and answers[2] is None and isinstance(answers[1], StoreError)
        assert set(await names(store)) == {"p1", "p3"}
        assert (store.statistics.commits, store.statistics.failures) == (2, 1)

    use(database_url, work)


def test_an_error_shows_no_secrets(database_url: str) -> None:
    async def work(store: Store) -> None:
        key = SigningKey(id=cast(str, None), private_pem="very secret", public_pem="", created_at=0.0)
        with pytest.raises(StoreError) as caught:
            await store.commit([key])
        assert "very secret" not in "".join(traceback.format_exception(caught.value))

    use(database_url, work)


def test_a_full_queue_refuses_at_the_door(database_url: str) -> None:
    async def work(store: Store) -> None:
        first = asyncio.ensure_future(store.commit([project(1), project(2)]))
        second = asyncio.ensure_future(store.commit([project(3)]))
        await asyncio.sleep(0)
        with pytest.raises(CallerError) as caught:
            await store.commit([project(4)])
        assert caught.value.fault.status == 503
        await asyncio.gather(first, second)
        await store.commit([project(5)])
        assert set(await names(store)) == {"p1", "p2", "p3", "p5"}

    use(database_url, work, queue_limit=3)


def test_a_cancelled_caller_harms_nobody(database_url: str) -> None:
    async def work(store: Store) -> None:
        first = asyncio.ensure_future(store.commit([project(1)]))
        second = asyncio.ensure_future(store.commit([project(2)]))
        await asyncio.sleep(0)
        first.cancel()
        await second
        assert "p2" in await names(store)

    use(database_url, work)


def test_looking_for_values_and_turning_pages(database_url: str) -> None:
    def note(sequence: int) -> Notification:
        return Notification(
            id=f"n{sequence}",
            sequence=sequence,
            event_type="instance.create.end",
            instance_id=f"i{sequence % 3}",
            project_id="p",
            at=0.0,
            payload={},
        )

    async def work(store: Store) -> None:
        await store.commit([note(sequence) for sequence in range(1, VALUES_LIMIT + 100)])
        found = await store.load_where(Notification, "sequence", list(range(VALUES_LIMIT + 20)) * 2)
        assert len(found) == VALUES_LIMIT + 19
        assert await store.load_where(Notification, "sequence", []) == []
        page = await store.load_page(Notification, "sequence", after=10, limit=3)
        assert [row.sequence for row in page] == [11, 12, 13]
        assert [row.sequence for row in await store.load_page(Notification, "sequence", limit=2)] == [1, 2]
        newest = await store.newest(Notification, "sequence", 2)
        assert {row.sequence for row in newest} == {VALUES_LIMIT + 98, VALUES_LIMIT + 99}
        pairs = await store.columns(Notification, ("sequence", "event_type"), "sequence", 2)
        assert pairs == [(VALUES_LIMIT + 99, found[0].event_type), (VALUES_LIMIT + 98, found[0].event_type)]

    use(database_url, work)


def test_a_locked_sqlite_file_fails_those_who_wait_and_no_one_after(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'cloud.sqlite'}?timeout=0.1"

    async def work(store: Store) -> None:
        other = open_database(url)
        with other.connect() as holder:
            holder.exec_driver_sql("BEGIN IMMEDIATE")
            answers = await asyncio.gather(
                store.commit([project(1)]), store.commit([project(2)]), return_exceptions=True
            )
            assert all(isinstance(answer, StoreUnavailableError) and "locked" in str(answer) for answer in answers)
            assert await names(store) == {}
        other.dispose()
        await store.commit([project(3)])
        assert set(await names(store)) == {"p3"}

    use(url, work)


def test_a_full_disk_leaves_nothing_half_written(tmp_path: Path) -> None:
    """A limit on the size of files stands for the full disk."""

    async def work(store: Store) -> None:
        await store.commit([project(1)])
        log_bytes = (tmp_path / "cloud.sqlite-wal").stat().st_size
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (log_bytes + 100_000, hard))
        try:
            with pytest.raises(StoreUnavailableError):
                await store.commit([project(2), project(3, "x" * 1_000_000)])
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert set(await names(store)) == {"p1"}
        await store.commit([project(4)])
        assert set(await names(store)) == {"p1", "p4"}

    use(f"sqlite:///{tmp_path / 'cloud.sqlite'}", work)


def test_a_dropped_connection_costs_no_commit(database_url: str) -> None:
    if database_url.startswith("sqlite"):
        pytest.skip("SQLite has no server that could drop a connection")

    async def work(store: Store) -> None:
        await store.commit([project(1)])
        other = open_database(database_url)
        with other.connect() as connection:
            connection.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            )
        other.dispose()
        await store.commit([project(2)])
        assert set(await names(store)) == {"p1", "p2"}

    use(database_url, work)


def test_an_unreachable_server_says_so_at_once(tmp_path: Path) -> None:
    with pytest.raises(SQLAlchemyError, match="No such file"):
        upgrade(f"postgresql://nobody@/none?host={tmp_path}")
