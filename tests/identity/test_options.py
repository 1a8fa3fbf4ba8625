"""Options: which are kept, and what follows from them."""

from __future__ import annotations

from typing import Any

import pytest

from actors.errors import CallerFault
from actors.identity.directory import DEFAULT_DOMAIN
from actors.identity.draft import Draft
from actors.identity.kinds import KINDS, Row
from actors.identity.options import merged, suffices
from actors.records import Domain, Project, Role, User

IMMUTABLE = {"immutable": True}
PASSWORD, CREDENTIAL = ["password"], ["application_credential"]


def draft(*rows: Row) -> Draft:
    return Draft([Domain(id=DEFAULT_DOMAIN, name="Default"), *rows], 0.0, 1.0)


def user(**options: Any) -> User:
    return User(id="u", name="u", password_hash="", options=options)


def status(reply: object) -> int:
    return reply.status if isinstance(reply, CallerFault) else 200


def test_none_takes_an_option_away_and_the_others_stay() -> None:
    assert merged({"a": True, "b": False}, {"a": None, "c": True}) == {"b": False, "c": True}


@pytest.mark.parametrize("noun", ["project", "role", "domain"])
def test_what_is_immutable_is_neither_changed_nor_deleted_until_it_is_no_more(noun: str) -> None:
    kind, there = KINDS[noun], draft()
    assert status(there.create(kind, "x", {"name": "x", "options": IMMUTABLE})) == 200
    assert status(there.update(kind, "x", {"name": "y"})) == 403
    assert status(there.update(kind, "x", {"name": "y", "options": {"immutable": False}})) == 403
    assert status(there.remove(kind.record, "x")) == 403
    assert status(there.update(kind, "x", {"options": {"immutable": None}})) == 200
    assert status(there.update(kind, "x", {"name": "y"} | ({"enabled": False} if noun == "domain" else {}))) == 200
    assert there.remove(kind.record, "x") is None


def test_a_domain_with_something_immutable_stays() -> None:
    there = draft(Domain(id="d", name="d", enabled=False), Project(id="p", name="p", domain_id="d", options=IMMUTABLE))
    assert status(there.remove(Domain, "d")) == 403
    assert there.get(Domain, "d") is not None and there.changes == []


@pytest.mark.parametrize(
    ("noun", "options"),
    [
        ("user", {"immutable": True}),
        ("user", {"colour": True}),
        ("user", {"lock_password": [["password"]]}),
        ("user", {"multi_factor_auth_rules": True}),
        ("user", {"multi_factor_auth_rules": [[]]}),
        ("user", {"multi_factor_auth_rules": [["password", "totp"]]}),
        ("user", {"multi_factor_auth_rules": [["totp"]]}),
        ("user", {"multi_factor_auth_rules": [["password", "application_credential"]]}),
        ("user", {"multi_factor_auth_rules": [PASSWORD] * 11}),
        ("project", {"lock_password": True}),
        ("role", {"colour": True}),
    ],
)
def test_an_option_that_could_not_be_kept_to_is_refused(noun: str, options: dict[str, Any]) -> None:
    there = draft()
    assert (
        status(
            there.create(
                KINDS[noun],
                "x",
                {"name": "x", "password_hash": "", "options": options}
                if noun == "user"
                else {"name": "x", "options": options},
            )
        )
        == 400
    )
    assert there.changes == []


def test_rules_say_how_somebody_may_log_in() -> None:
    assert suffices(user(), ["password"])
    assert suffices(user(multi_factor_auth_enabled=True), ["password"])
    assert suffices(user(multi_factor_auth_rules=[PASSWORD]), ["password", "token"])
    assert not suffices(user(multi_factor_auth_rules=[CREDENTIAL]), ["password"])
    assert suffices(user(multi_factor_auth_rules=[CREDENTIAL, PASSWORD]), ["password"])
    assert suffices(user(multi_factor_auth_rules=[CREDENTIAL], multi_factor_auth_enabled=False), ["password"])


def test_the_roles_that_a_cloud_begins_with_are_immutable() -> None:
    from actors.identity.first import ROLES, furnish

    there = draft()
    furnish(there)
    for name in ROLES:
        role = there.role(name)
        assert role is not None and role.options == IMMUTABLE
        assert status(there.remove(Role, role.id)) == 403
