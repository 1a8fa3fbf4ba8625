"""A load client logs in as every other client of OpenStack does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks.openstack_login import LoginError, from_environment, is_given

CLOUDS = """
clouds:
  mine:
    auth:
      auth_url: https://cloud.example/identity/v3/
      username: ann
      password: 12345
      project_name: web
      user_domain_name: people
    region_name: north
    interface: internalURL
"""
BASE = {"OS_AUTH_URL": "https://cloud.example/identity", "OS_USERNAME": "ann", "OS_PASSWORD": "secret"}


def identity(environ: dict[str, str]) -> dict[str, Any]:
    auth: dict[str, Any] = from_environment(environ).auth["auth"]
    return auth


def test_an_entry_of_clouds_yaml(tmp_path: Path) -> None:
    file = tmp_path / "clouds.yaml"
    file.write_text(CLOUDS)
    login = from_environment({"OS_CLIENT_CONFIG_FILE": str(file), "OS_CLOUD": "mine"})
    assert (login.auth_url, login.region, login.interface) == ("https://cloud.example/identity", "north", "internal")
    user = {"name": "ann", "domain": {"name": "people"}, "password": "12345"}
    assert login.auth["auth"] == {
        "identity": {"methods": ["password"], "password": {"user": user}},
        "scope": {"project": {"name": "web", "domain": {"id": "default"}}},
    }
    assert "12345" not in repr(login)


def test_a_cloud_that_is_named_wins_over_the_variable(tmp_path: Path) -> None:
    file = tmp_path / "clouds.yaml"
    file.write_text(CLOUDS)
    environ = {"OS_CLIENT_CONFIG_FILE": str(file), "OS_CLOUD": "other"}
    assert from_environment(environ, "mine").region == "north"
    with pytest.raises(LoginError, match="other"):
        from_environment(environ)


def test_the_variables_alone() -> None:
    said = identity(BASE | {"OS_USER_DOMAIN_ID": "d1", "OS_PROJECT_ID": "p1"})
    user = {"name": "ann", "domain": {"id": "d1"}, "password": "secret"}
    assert said == {
        "identity": {"methods": ["password"], "password": {"user": user}},
        "scope": {"project": {"id": "p1"}},
    }


def test_a_user_by_id_needs_no_domain() -> None:
    user = identity(BASE | {"OS_USER_ID": "u1"})["identity"]["password"]["user"]
    assert user == {"id": "u1", "password": "secret"}


def test_an_application_credential_brings_its_own_scope() -> None:
    environ = BASE | {
        "OS_APPLICATION_CREDENTIAL_ID": "c1",
        "OS_APPLICATION_CREDENTIAL_SECRET": "s",
        "OS_PROJECT_ID": "p",
    }
    credential = {"id": "c1", "secret": "s"}
    wanted = {"methods": ["application_credential"], "application_credential": credential}
    assert identity(environ) == {"identity": wanted}


def test_a_token_and_the_whole_system() -> None:
    assert identity(BASE | {"OS_TOKEN": "t", "OS_SYSTEM_SCOPE": "all"}) == {
        "identity": {"methods": ["token"], "token": {"id": "t"}},
        "scope": {"system": {"all": True}},
    }


@pytest.mark.parametrize("environ", [{}, {"OS_USERNAME": "ann"}])
def test_without_an_address_there_is_no_login(environ: dict[str, str]) -> None:
    assert not is_given(environ)
    with pytest.raises(LoginError, match="auth_url"):
        from_environment(environ)
