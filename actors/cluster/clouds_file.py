"""`clouds.yaml`: what every OpenStack client reads to find this cloud and log in to it as its administrator.

Written by `up` into the home folder, readable by its owner only, since the password is in it. Users' own files are
never touched: one line for the shell, which `up` and `novaray env` print, tells clients where this one is.
"""

from __future__ import annotations

import json
from pathlib import Path

from actors.cluster.config import CloudConfig
from actors.cluster.secret import admin_password

CLOUD = "novaray"
SCOPES = {CLOUD: "project_name: admin\n      project_domain_id: default", f"{CLOUD}-system": "system_scope: all"}
ENTRY = """\
  {name}:
    auth:
      auth_url: {url}/identity
      username: admin
      password: {password}
      user_domain_id: default
      {scope}
    region_name: RegionOne
    identity_api_version: "3"
"""


def clouds_file(home: Path) -> Path:
    return home / "clouds.yaml"


def write_clouds_file(cloud: CloudConfig) -> None:
    """One entry for the project `admin`, and one for the whole system."""
    password = json.dumps(admin_password(cloud.home))  # YAML reads JSON's strings
    entries = (
        ENTRY.format(name=name, url=cloud.api_url, password=password, scope=scope) for name, scope in SCOPES.items()
    )
    fresh = clouds_file(cloud.home).with_suffix(".new")
    fresh.unlink(missing_ok=True)
    fresh.touch(mode=0o600)
    fresh.write_text("clouds:\n" + "".join(entries))
    fresh.replace(clouds_file(cloud.home))


def client_variables(home: Path) -> dict[str, str]:
    """What makes a client talk to this cloud."""
    return {"OS_CLOUD": CLOUD, "OS_CLIENT_CONFIG_FILE": str(clouds_file(home))}
