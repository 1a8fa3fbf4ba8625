"""How a client of OpenStack logs in: by `clouds.yaml` or by the OS_* variables, as every other client does. Pure.

Used by `openstack.py`. Knows the methods password, token and application credential, and the scopes of a project.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import yaml

FILE_VARIABLE = "OS_CLIENT_CONFIG_FILE"
PLACES = (Path("clouds.yaml"), Path("~/.config/openstack/clouds.yaml"), Path("/etc/openstack/clouds.yaml"))


class LoginError(RuntimeError):
    """It can't be said where the cloud is, or who asks."""


class Login(msgspec.Struct, frozen=True, kw_only=True):
    auth_url: str  # of identity, without /v3
    auth: dict[str, Any]  # the body of POST /v3/auth/tokens
    region: str = ""
    interface: str = "public"

    def __repr__(self) -> str:
        return f"Login({self.auth_url})"  # a password is inside


def is_given(environ: Mapping[str, str]) -> bool:
    """Whether the variables name a cloud at all."""
    return bool(environ.get("OS_CLOUD") or environ.get("OS_AUTH_URL"))


def from_environment(environ: Mapping[str, str], cloud: str = "") -> Login:
    """`cloud` is an entry of clouds.yaml; without one OS_CLOUD names it, or the OS_* variables say everything."""
    name = cloud or environ.get("OS_CLOUD", "")
    if name:
        return of_entry(_entry(name, environ))
    said = {key.removeprefix("OS_").lower(): value for key, value in environ.items() if key.startswith("OS_")}
    return of_entry({"auth": said, "region_name": said.get("region_name", ""), "interface": said.get("interface", "")})


def _entry(name: str, environ: Mapping[str, str]) -> Mapping[str, Any]:
    places = [Path(environ[FILE_VARIABLE])] if environ.get(FILE_VARIABLE) else [place.expanduser() for place in PLACES]
    for place in places:
        if place.is_file():
            clouds = (yaml.safe_load(place.read_text()) or {}).get("clouds") or {}
            if name in clouds:
                entry: Mapping[str, Any] = clouds[name]
                return entry
    raise LoginError(f"there is no cloud {name!r} in {', '.join(map(str, places))}")


def of_entry(entry: Mapping[str, Any]) -> Login:
    """An entry of clouds.yaml, or the variables in the same words."""
    auth = entry.get("auth") or {}
    if not auth.get("auth_url"):
        raise LoginError("there is no auth_url: set OS_CLOUD, or OS_AUTH_URL and what goes with it")
    return Login(
        auth_url=str(auth["auth_url"]).rstrip("/").removesuffix("/v3"),
        auth={"auth": {"identity": _identity(auth), **_scope(auth)}},
        region=str(entry.get("region_name") or ""),
        interface=str(entry.get("interface") or "public").removesuffix("URL"),
    )


def _identity(auth: Mapping[str, Any]) -> dict[str, Any]:
    if auth.get("application_credential_id"):
        credential = {"id": auth["application_credential_id"], "secret": auth.get("application_credential_secret", "")}
        return {"methods": ["application_credential"], "application_credential": credential}
    if auth.get("token"):
        return {"methods": ["token"], "token": {"id": auth["token"]}}
    user = _named(auth, "user") or {"name": auth.get("username", ""), "domain": _domain(auth, "user")}
    return {"methods": ["password"], "password": {"user": user | {"password": str(auth.get("password", ""))}}}


def _scope(auth: Mapping[str, Any]) -> dict[str, Any]:
    if auth.get("application_credential_id"):
        return {}  # it brings its own
    if auth.get("system_scope"):
        return {"scope": {"system": {"all": True}}}
    project = _named(auth, "project")
    if project is None and auth.get("project_name"):
        project = {"name": auth["project_name"], "domain": _domain(auth, "project")}
    return {"scope": {"project": project}} if project else {}


def _named(auth: Mapping[str, Any], kind: str) -> dict[str, Any] | None:
    return {"id": auth[f"{kind}_id"]} if auth.get(f"{kind}_id") else None


def _domain(auth: Mapping[str, Any], kind: str) -> dict[str, str]:
    if domain_id := auth.get(f"{kind}_domain_id"):
        return {"id": str(domain_id)}
    if name := auth.get(f"{kind}_domain_name"):
        return {"name": str(name)}
    return {"id": str(auth.get("default_domain") or "default")}
