"""Words of a server group's hints and policies, for those who know placement and those who need not load it."""

from __future__ import annotations

GROUP, GROUP_POLICY, GROUP_MOST = "group", "group_policy", "group_max_server_per_host"
"""Hints of a server group: its id, which a user gives, and its policy and rule, which the API adds."""

POLICIES = ("affinity", "anti-affinity", "soft-affinity", "soft-anti-affinity")

ZONE = "availability_zone"
"""The property of an aggregate that makes it a zone."""
