"""Who of a tree could take a request, as pure decisions."""

from __future__ import annotations

from actors.api.rest.placement.trees import SHARES, by_tree, candidates, in_trees, sharing_with
from actors.scheduler.messages import CandidateGroup, CandidateQuery, InventoryView, ProviderView


def provider(
    name: str, parent: str = "", traits: str = "", aggregates: str = "", used: int = 0, **stock: int
) -> ProviderView:
    inventories = {
        each: InventoryView(
            total=total, reserved=0, min_unit=1, max_unit=total, step_size=1, allocation_ratio=1.0, used=used
        )
        for each, total in stock.items()
    }
    return ProviderView(
        id=name,
        name=name,
        generation=0,
        inventories=inventories,
        traits=frozenset(traits.split()),
        aggregates=frozenset(aggregates.split()),
        parent_id=parent,
        root_id="root" if parent else "",
    )


TREE = [
    provider("root", aggregates="rack", CPU=4),
    provider("left", "root", traits="FAST", NIC=2, GPU=1),
    provider("right", "root", traits="SLOW", NIC=2, GPU=1),
    provider("below", "left", DISK=9),
]


def group(resources: str = "", required: str = "", member_of: str = "", in_tree: str = "") -> CandidateGroup:
    amounts = dict(part.split(":") for part in resources.split())
    return CandidateGroup(
        resources={name: int(amount) for name, amount in amounts.items()},
        required=tuple(frozenset({name}) for name in required.split() if name[0] != "!"),
        forbidden=frozenset(name[1:] for name in required.split() if name[0] == "!"),
        member_of=tuple(frozenset({name}) for name in member_of.split()),
        in_tree=in_tree,
    )


def found(query: CandidateQuery, *, shared: bool = True) -> list[dict[str, list[str]]]:
    """By group, whom it was given."""
    return [each.mappings for each in candidates(TREE, query, shared=shared)]


def asking(**groups: CandidateGroup) -> CandidateQuery:
    return CandidateQuery(groups={name.replace("rest", ""): one for name, one in groups.items()})


def test_the_group_without_a_name_is_shared_among_a_tree() -> None:
    assert found(asking(rest=group("CPU:1 NIC:1"))) == [{"": ["root", "left"]}, {"": ["root", "right"]}]
    assert found(asking(rest=group("CPU:1 NIC:1")), shared=False) == []
    assert found(asking(rest=group("NIC:1 GPU:1")), shared=False) == [{"": ["left"]}, {"": ["right"]}]
    assert found(asking(rest=group("CPU:5"))) == []


def test_traits_are_had_together_and_none_may_have_a_forbidden_one() -> None:
    assert found(asking(rest=group("CPU:1 NIC:1", "FAST"))) == [{"": ["root", "left"]}]
    assert found(asking(rest=group("CPU:1 NIC:1", "!FAST"))) == [{"": ["root", "right"]}]
    assert found(asking(rest=group("CPU:1", "FAST"))) == []


def test_a_named_group_fits_one_provider() -> None:
    assert found(asking(_A=group("NIC:1 GPU:1"))) == [{"_A": ["left"]}, {"_A": ["right"]}]
    assert found(asking(_A=group("NIC:1 CPU:1"))) == []
    assert found(asking(_A=group("NIC:1", "FAST"))) == [{"_A": ["left"]}]


def test_groups_share_what_a_provider_has() -> None:
    two = asking(_A=group("GPU:1"), _B=group("GPU:1"))
    assert found(two) == [{"_A": ["left"], "_B": ["right"]}, {"_A": ["right"], "_B": ["left"]}]
    nics = CandidateQuery(groups={"_A": group("NIC:1"), "_B": group("NIC:1")}, isolate=True)
    assert all(each["_A"] != each["_B"] for each in found(nics)) and len(found(nics)) == 2


def test_an_aggregate_of_the_root_is_one_of_the_whole_tree_for_the_group_without_a_name_alone() -> None:
    assert len(found(asking(rest=group("NIC:1", member_of="rack")))) == 2
    assert found(asking(_A=group("NIC:1", member_of="rack"))) == []


def test_the_root_and_subtrees_are_asked_for_themselves() -> None:
    disk = {"_A": group("NIC:1"), "_B": group("DISK:1")}
    assert len(found(CandidateQuery(groups=disk))) == 2
    near = CandidateQuery(groups=disk, subtrees=(frozenset({"_A", "_B"}),))
    assert found(near) == [{"_A": ["left"], "_B": ["below"]}]
    assert found(CandidateQuery(groups=disk, root=group(required="FAST"))) == []


def test_in_tree_names_any_provider_of_it() -> None:
    assert list(by_tree(reversed(TREE))) == ["root"] and by_tree(reversed(TREE))["root"][0].id == "root"
    query = in_trees(asking(rest=group("CPU:1", in_tree="below")), TREE)
    assert found(query) == [{"": ["root"]}]
    assert found(in_trees(asking(rest=group("CPU:1", in_tree="elsewhere")), TREE)) == []


def test_who_shares_by_an_aggregate_gives_to_every_tree_that_is_in_it() -> None:
    pool = provider("pool", traits=SHARES, aggregates="rack", DISK=100)
    shy = provider("shy", aggregates="rack", DISK=100)
    far = provider("far", traits=SHARES, aggregates="other", DISK=100)
    assert sharing_with(TREE, [pool, shy, far, *TREE]) == [pool]
    assert sharing_with([pool], [pool]) == []  # its own

    def givers(query: CandidateQuery) -> list[dict[str, list[str]]]:
        return [each.mappings for each in candidates(TREE, query, shared=True, sharing=[pool])]

    assert givers(asking(rest=group("CPU:1 DISK:1"))) == [{"": ["root", "below"]}, {"": ["root", "pool"]}]
    assert givers(asking(rest=group("CPU:1 DISK:50"))) == [{"": ["root", "pool"]}]
    assert givers(asking(rest=group("CPU:1 DISK:50", in_tree="root"))) == []
    assert givers(asking(_A=group("CPU:1"), _B=group("DISK:50"))) == [{"_A": ["root"], "_B": ["pool"]}]
    assert givers(asking(rest=group("DISK:50"))) == []  # a candidate of its own tree, once
    near = CandidateQuery(groups={"_A": group("CPU:1"), "_B": group("DISK:50")}, subtrees=(frozenset({"_A", "_B"}),))
    assert givers(near) == []
    [both] = candidates(TREE, asking(rest=group("CPU:1 DISK:50")), shared=True, sharing=[pool])
    assert {each.id for each in both.providers} == {"root", "left", "right", "below", "pool"}


def test_a_tree_whose_host_is_away_goes_on_without_it() -> None:
    rest = TREE[1:]
    assert len(list(candidates(rest, asking(_A=group("NIC:1")), shared=True))) == 2
    assert not list(
        candidates(rest, CandidateQuery(groups={"_A": group("NIC:1")}, root=group(required="X")), shared=True)
    )
