"""What Placement's writes carry, by microversion. Numbers are whole and bounded as Placement's own are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar
from unicodedata import category
from uuid import UUID

from pydantic import AfterValidator, BaseModel, Field, StringConstraints, ValidationError
from pydantic.types import StrictInt

from actors.api.rest.bodies import Strict
from actors.errors import CallerError, bad_request

LARGEST = 2**31 - 1
LARGEST_RATIO = 3.40282e38
ENTRIES_LIMIT = 10_000  # of one list or object of a body
Model = TypeVar("Model", bound=BaseModel)


def _uuid(text: str) -> str:
    """Raises ValueError."""
    return str(UUID(text))


def _different(names: list[str]) -> list[str]:
    if len(set(names)) < len(names):
        raise ValueError("the same stands there twice")
    return names


def _plain(text: str) -> str:
    """No control characters: databases do not take them all."""
    if any(category(character).startswith("C") for character in text):
        raise ValueError("must not contain control characters")
    return text


Id = Annotated[str, StringConstraints(max_length=64), AfterValidator(_uuid)]
Word = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9_]+$", max_length=255)]
Owner = Annotated[str, StringConstraints(min_length=1, max_length=255), AfterValidator(_plain)]
ProviderName = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_plain)]
Whole = Annotated[StrictInt, Field(ge=0, le=LARGEST)]
AtLeastOne = Annotated[StrictInt, Field(ge=1, le=LARGEST)]
Resources = Annotated[dict[Word, AtLeastOne], Field(min_length=1, max_length=ENTRIES_LIMIT)]


class ProviderBody(Strict):
    name: ProviderName
    uuid: Id | None = None


class TreeProviderBody(ProviderBody):
    parent_provider_uuid: Id | None = None


class ProviderChangeBody(Strict):
    name: ProviderName


class TreeProviderChangeBody(ProviderChangeBody):
    parent_provider_uuid: Id | None = None


class InventoryRecord(Strict):
    total: AtLeastOne
    reserved: Whole = 0
    min_unit: AtLeastOne = 1
    max_unit: AtLeastOne = LARGEST
    step_size: AtLeastOne = 1
    allocation_ratio: Annotated[float, Field(strict=True, ge=0, le=LARGEST_RATIO, allow_inf_nan=False)] = 1.0
    resource_provider_generation: StrictInt | None = None  # counts beside the inventories, and is let pass here


class NewInventoryBody(InventoryRecord):
    resource_class: Word


class InventoryBody(InventoryRecord):
    resource_provider_generation: StrictInt


class InventoriesBody(Strict):
    resource_provider_generation: StrictInt
    inventories: Annotated[dict[Word, InventoryRecord], Field(max_length=ENTRIES_LIMIT)]


class TraitsBody(Strict):
    resource_provider_generation: StrictInt
    traits: Annotated[list[Word], Field(max_length=ENTRIES_LIMIT), AfterValidator(_different)]


class AggregatesBody(Strict):
    """Before 1.19 the list alone."""

    aggregates: Annotated[list[Id], Field(max_length=ENTRIES_LIMIT), AfterValidator(_different)]


class CountedAggregatesBody(AggregatesBody):
    resource_provider_generation: StrictInt


class ClassBody(Strict):
    name: Annotated[str, StringConstraints(max_length=255)]


class Named(Strict):
    uuid: Id


class ListedAllocation(Strict):
    resource_provider: Named
    resources: Resources


class ListedAllocations(Strict):
    """PUT /allocations/{consumer} before 1.8."""

    allocations: Annotated[list[ListedAllocation], Field(min_length=1, max_length=ENTRIES_LIMIT)]


class OwnedListedAllocations(ListedAllocations):
    """From 1.8 on."""

    project_id: Owner
    user_id: Owner


class OfProvider(Strict):
    resources: Resources
    generation: StrictInt | None = None  # as it was read; nothing is made of it


class Allocations(Strict):
    """POST /allocations from 1.13 on: no provider = the consumer holds nothing more."""

    allocations: Annotated[dict[Id, OfProvider], Field(max_length=ENTRIES_LIMIT)]
    project_id: Owner
    user_id: Owner


class SomeAllocations(Allocations):
    """PUT from 1.12 on."""

    allocations: Annotated[dict[Id, OfProvider], Field(min_length=1, max_length=ENTRIES_LIMIT)]


class CountedAllocations(Allocations):
    """Both from 1.28 on."""

    consumer_generation: StrictInt | None


class MappedAllocations(CountedAllocations):
    """From 1.34 on; which group of a request is which provider's, nobody asks for again."""

    mappings: dict[str, list[Id]] | None = None


class TypedAllocations(MappedAllocations):
    """From 1.38 on."""

    consumer_type: Word


class ReshapeBody(Strict):
    """POST /reshaper from 1.30 on."""

    inventories: Annotated[dict[Id, InventoriesBody], Field(min_length=1, max_length=ENTRIES_LIMIT)]
    allocations: Annotated[Mapping[Id, CountedAllocations], Field(max_length=ENTRIES_LIMIT)]


class MappedReshapeBody(ReshapeBody):
    allocations: Annotated[Mapping[Id, MappedAllocations], Field(max_length=ENTRIES_LIMIT)]


class TypedReshapeBody(ReshapeBody):
    allocations: Annotated[Mapping[Id, TypedAllocations], Field(max_length=ENTRIES_LIMIT)]


def parsed(model: type[Model], sent: Any) -> Model:
    """A body of which the microversion says what it is. Raises `CallerError` 400."""
    try:
        return model.model_validate(sent)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part)[:64] for part in first["loc"]) or "body"
        raise CallerError(bad_request("", f"JSON does not validate: {where}: {first['msg']}")) from None
