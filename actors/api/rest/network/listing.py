"""Lists as Neutron answers them: filters, sorting, pages with links, and the fields that are asked for.

Called by every router with the bodies of all that the caller may see. Pure but for the request's own URL. Filters
compare a body's fields as text; several values of one name are alternatives. Unknown names are a 400.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import URL, QueryParams

from actors.api.rest.tag_filters import TAG_FILTERS, tags_pass
from actors.errors import CallerError, bad_request

Body = dict[str, Any]

LIMIT_DIGITS = 9  # of a page's limit as text
CONTROLS = frozenset({"fields", "limit", "marker", "page_reverse", "sort_key", "sort_dir"})
TRUE_WORDS, FALSE_WORDS = frozenset({"true", "1", "yes", "t", "on"}), frozenset({"false", "0", "no", "f", "off", ""})


@dataclass(frozen=True, slots=True)
class Listing:
    """One question for a list. `known` are the names of the noun's fields."""

    url: URL
    query: QueryParams
    known: Collection[str]

    def answer(self, collection: str, bodies: Sequence[Body]) -> Body:
        """The whole answer: the page under the collection's name, and links if it was asked for by pages."""
        matching = [body for body in bodies if self._matches(body)]
        page, more = self._page(self._sorted(matching))
        answer: Body = {collection: [only(body, self.query.getlist("fields")) for body in page]}
        if self._limit() and (links := self._links(page, more)):
            answer[f"{collection}_links"] = links
        return answer

    def single(self, name: str) -> str:
        """The one value that a filter asks for, '' where it asks for none or for several."""
        values = self.query.getlist(name)
        return values[0] if len(values) == 1 else ""

    # ------------------------------------------------------------ filters

    def _matches(self, body: Body) -> bool:
        return all(self._passes(body, name, self.query.getlist(name)) for name in self._filters())

    def _filters(self) -> list[str]:
        names = [name for name in dict.fromkeys(self.query.keys()) if name not in CONTROLS]
        unknown = [name for name in names if name not in self.known and name not in TAG_FILTERS | {"changed_since"}]
        if unknown:
            raise CallerError(bad_request("", f"{unknown} is invalid attribute for filtering", "HTTPBadRequest"))
        return names

    def _passes(self, body: Body, name: str, values: list[str]) -> bool:
        if name in TAG_FILTERS:
            return tags_pass(body.get("tags", ()), name, ",".join(values).split(","))
        if name == "changed_since":
            return bool(body.get("updated_at", "") >= min(values))
        if name == "fixed_ips":
            return _addresses_pass(body.get(name, ()), values)
        return name in body and any(_equal(body[name], value) for value in values)

    # ------------------------------------------------------------ order and pages

    def _sorted(self, bodies: list[Body]) -> list[Body]:
        keys, ways = self.query.getlist("sort_key"), self.query.getlist("sort_dir") or ["asc"]
        if len(ways) == 1:
            ways *= len(keys)
        if len(keys) != len(ways) or not set(ways) <= {"asc", "desc"}:
            raise CallerError(bad_request("sort_dir", "each sort_key has a sort_dir, asc or desc"))
        for key, way in reversed(list(zip(keys, ways, strict=True))):
            if key not in self.known:
                raise CallerError(bad_request("sort_key", f"{key[:64]!r} is invalid attribute for sort key"))
            bodies.sort(key=lambda body: _orderable(body.get(key)), reverse=way == "desc")
        return bodies

    def _limit(self) -> int:
        """Rows of a page; 0 = all."""
        text = self.query.get("limit", "0")
        if not (text.isascii() and text.isdigit()) or len(text) > LIMIT_DIGITS:
            raise CallerError(bad_request("limit", f"Limit must be an integer 0 or greater and not {text[:64]!r}"))
        return int(text)

    def _reversed(self) -> bool:
        return self.query.get("page_reverse", "").lower() in TRUE_WORDS

    def _page(self, bodies: list[Body]) -> tuple[list[Body], bool]:
        """The page, and whether there is more beyond it in the direction of paging."""
        limit, marker = self._limit(), self.query.get("marker", "")
        if self._reversed():
            bodies = bodies[::-1]
        if marker:
            places = [place for place, body in enumerate(bodies) if _id(body) == marker]
            if not places:
                raise CallerError(bad_request("marker", f"The marker {marker[:64]!r} could not be found"))
            bodies = bodies[places[0] + 1 :]
        page = bodies[:limit] if limit else bodies
        more = len(bodies) > len(page)
        return (page[::-1] if self._reversed() else page), more

    def _links(self, page: list[Body], more: bool) -> list[Body]:
        if not page:
            return []
        begun = bool(self.query.get("marker"))
        ahead, behind = (begun, more) if self._reversed() else (more, begun)
        links = []
        if ahead:
            links.append({"rel": "next", "href": self._link(_id(page[-1]), False)})
        if behind:
            links.append({"rel": "previous", "href": self._link(_id(page[0]), True)})
        return links

    def _link(self, marker: str, backwards: bool) -> str:
        url = self.url.remove_query_params("page_reverse").include_query_params(marker=marker)
        return str(url.include_query_params(page_reverse="True") if backwards else url)


def only(body: Body, fields: Collection[str]) -> Body:
    """The fields asked for; all where none are."""
    return {name: value for name, value in body.items() if name in fields} if fields else body


def _id(body: Body) -> str:
    """An availability zone has a name alone."""
    return str(body.get("id", body.get("name")))


def _equal(has: Any, wanted: str) -> bool:
    if isinstance(has, bool):
        return has == _truth(wanted)
    if isinstance(has, list):
        return wanted in has
    if has is None:
        return wanted in ("", "None", "null")
    return str(has) == wanted or (isinstance(has, str) and ":" in has and has == wanted.lower())  # MACs in any case


def _truth(text: str) -> bool:
    """Raises `CallerError` 400: nobody means those that are not by a word that says nothing."""
    if (word := text.lower()) in TRUE_WORDS | FALSE_WORDS:
        return word in TRUE_WORDS
    text = f"Invalid input for operation: '{text[:64]}' cannot be converted to boolean."
    raise CallerError(bad_request("", text, "InvalidInput"))


def _addresses_pass(fixed_ips: Sequence[Mapping[str, str]], values: list[str]) -> bool:
    """Some address of the port is what all the named parts ask for."""
    wanted: dict[str, list[str]] = {}
    for value in values:
        part, _, text = value.partition("=")
        if part not in ("ip_address", "subnet_id", "ip_address_substr"):
            raise CallerError(bad_request("fixed_ips", f"{value[:64]!r} is neither ip_address=... nor subnet_id=..."))
        wanted.setdefault(part, []).append(text)
    parts = wanted.pop("ip_address_substr", [])
    return any(
        all(ip[part] in texts for part, texts in wanted.items())
        and (not parts or any(text in ip["ip_address"] for text in parts))
        for ip in fixed_ips
    )


def _orderable(value: Any) -> tuple[bool, str, Any]:
    """Nothing first; values of different kinds beside each other."""
    return value is not None, type(value).__name__, str(value) if isinstance(value, list | dict) else value or 0
