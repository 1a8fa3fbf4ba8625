"""Who has a token for a domain or the system is in no project, and shares none with others of that kind."""

from __future__ import annotations

import pytest

from actors.errors import CallerError
from actors.messages import AuthContext
from actors.records import Volume
from actors.volume import query, rules
from actors.volume.messages import CreateVolume, RowQuery

EVE = AuthContext(
    user_id="eve",
    user_name="eve",
    project_id="",
    project_name="",
    roles=("member",),
    expires_at=1.0,
    token_id="t",
    domain_id="a",
)
STRAY = Volume(id="v", name="", project_id="", size_gib=1, status="available")


def test_what_is_of_no_project_is_nobody_s() -> None:
    assert not rules.is_owner(STRAY, EVE)
    assert not query.is_own("", EVE)
    assert query.listed([STRAY], RowQuery(), EVE) == []


def test_nothing_is_made_or_taken_without_a_project() -> None:
    with pytest.raises(CallerError) as refused:
        rules.new_volume(CreateVolume(token="", volume_id="v", name="", size_gib=1), EVE, {}, rules.Origin(), 0.0)
    assert refused.value.fault.status == 403
