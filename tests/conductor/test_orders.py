"""An order is the same whether it stands whole in its row, or beside a template that others have as well."""

from __future__ import annotations

import asyncio
import gc
from pathlib import Path

import msgspec
from alembic import command
from alembic.config import Config
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from actors.conductor import migrations, orders
from actors.conductor.boots import new_boot, stored_boot
from actors.conductor.database import open_database
from actors.conductor.orders import joined, split, template_of, whole
from actors.conductor.store import Store, upgrade
from actors.messages import BootSpec
from actors.records import Flavor, Instance, Record
from tests.conductor.samples import of_type

SPECS: st.SearchStrategy[BootSpec] = of_type(BootSpec)


def row_of(spec: BootSpec, order: bytes, template: str) -> Instance:
    boot = new_boot(msgspec.structs.replace(spec, instance_ids=("i",)), "i", 0, 0.0)
    return msgspec.structs.replace(boot.instance, order=order, template=template)


@given(SPECS)
def test_what_is_split_is_joined_again(spec: BootSpec) -> None:
    template, own = split(spec)
    as_written = msgspec.structs.replace(spec, instance_ids=())
    assert joined(template, row_of(spec, own, template.id)) == as_written
    assert joined(template_of(template.row().spec), row_of(spec, own, template.id)) == as_written
    assert joined(None, row_of(spec, whole(as_written), "")) == as_written


@given(SPECS, SPECS)
def test_a_boot_is_as_it_was_after_a_restart(spec: BootSpec, other: BootSpec) -> None:
    """And what is changed of one order, is not of another that had the same template."""
    first, second = (
        new_boot(msgspec.structs.replace(spec, instance_ids=(name,)), name, 0, 0.0) for name in ("one", "two")
    )
    assert first.template is second.template
    templates = {template.id: template.row() for template in (first.template,) if template is not None}
    second.ask_anew(metadata=other.metadata)
    for boot in (first, second):
        again = stored_boot(boot.instance, None, templates)
        assert again.spec() == boot.spec()
    assert first.spec().metadata == spec.metadata and second.spec().metadata == other.metadata


def test_a_template_is_forgotten_with_the_last_that_has_it() -> None:
    flavor = Flavor(id="f", name="f", vcpus=1, ram_mib=1, disk_gib=1)
    spec = BootSpec(name="vm", hostname="vm", project_id="p", user_id="u", token="once", flavor=flavor)
    template, _ = split(spec)
    data = template.data
    assert data in orders._templates
    del template
    gc.collect()
    assert data not in orders._templates


def test_the_version_before_finds_orders_whole(tmp_path: Path) -> None:
    """The way back, by hand, for whoever must give a database to an older program."""
    flavor = Flavor(id="f", name="f", vcpus=1, ram_mib=1, disk_gib=1)
    spec = BootSpec(
        name="vm", hostname="vm", project_id="p", user_id="u", token="t", flavor=flavor, instance_ids=("i",),
        admin_password="secret", request_id="req", idempotency_key="key",
    )  # fmt: skip
    boot = new_boot(spec, "i", 0, 0.0)
    assert boot.template is not None
    url = f"sqlite:///{tmp_path / 'cloud.sqlite'}"
    asyncio.run(written(url, [boot.template.row(), boot.instance]))
    engine = open_database(url)
    with engine.begin() as connection:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(Path(migrations.__file__).parent))
        command.downgrade(config, "0016")
    with engine.connect() as connection:
        [order] = connection.execute(text('SELECT "order" FROM instances')).scalars()
    engine.dispose()
    assert msgspec.msgpack.decode(order, type=BootSpec) == msgspec.structs.replace(spec, instance_ids=())


async def written(url: str, rows: list[Record]) -> None:
    upgrade(url)
    store = Store(url)
    await store.commit(rows)
    await store.close()
