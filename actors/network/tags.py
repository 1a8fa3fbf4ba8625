"""Tags of whatever has them (`editing.py`). Pure; called by `editing.py`."""

from __future__ import annotations

from actors.errors import CallerError, bad_request, not_found
from actors.network.messages import EditTags

TAGS_LIMIT = 50  # of one row, as Nova allows a server
TAG_LIMIT = 255  # characters, as Neutron's


def edited(request: EditTags, before: tuple[str, ...]) -> tuple[str, ...]:
    """The tags afterwards, sorted and each once; a tag to take away that is not there is a 404."""
    missing = [tag for tag in request.remove if tag not in before]
    if missing:
        raise CallerError(not_found("tags", f"Tag {missing[0]} could not be found.", "TagNotFound"))
    wanted = before if request.replace is None else request.replace
    after = ({*wanted} - {*request.remove}) | {*request.add}
    if len(after) > TAGS_LIMIT:
        raise CallerError(bad_request("tags", f"at most {TAGS_LIMIT} tags are kept for one resource"))
    for tag in after:
        if not 0 < len(tag) <= TAG_LIMIT or "," in tag or not tag.isprintable():
            text = f"{tag!r} is not a tag of 1 to {TAG_LIMIT} characters without commas"
            raise CallerError(bad_request("tags", text))
    return tuple(sorted(after))
