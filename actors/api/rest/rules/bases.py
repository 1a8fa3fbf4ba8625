"""The rules that other rules are made of, by the names that the services give them.

At the edge the target is the caller's own project and user: whose row it is, the rooms decide.
"""

from __future__ import annotations

BASES = {
    "context_is_admin": "role:admin",
    "admin": "rule:context_is_admin",
    "member": "role:member or role:admin",
    "reader": "role:reader or rule:member or role:service",
    "writer": "rule:member or role:service",
    "overseer": "rule:admin_required or (role:reader and system_scope:all)",
    "admin_or_service": "rule:admin_api or role:service",
    "by_row": "@",  # decided by whose row it is
    "nobody": "!",
    # Nova's and Placement's
    "admin_api": "rule:admin",
    "project_member_api": "role:member and project_id:%(project_id)s",
    "project_reader_api": "role:reader and project_id:%(project_id)s",
    "project_member_or_admin": "rule:project_member_api or rule:context_is_admin",
    "project_reader_or_admin": "rule:project_reader_api or rule:context_is_admin",
    "service_api": "role:service",
    "admin_or_service_api": "rule:admin_or_service",
    # Keystone's
    "admin_required": "rule:admin",
    "cloud_admin": "rule:admin",
    "domain_manager": "role:manager and not domain_id:None",
    "overseer_or_domain_manager": "rule:overseer or rule:domain_manager",
    "service_role": "role:service",
    "service_or_admin": "rule:admin_or_service",
    "owner": "user_id:%(user_id)s",
    "token_subject": "user_id:%(target.token.user_id)s",
    "admin_or_token_subject": "rule:admin_required or rule:token_subject",
    "service_admin_or_token_subject": "rule:service_or_admin or rule:token_subject",
    # Neutron's and Cinder's
    "admin_only": "rule:admin",
    "regular_user": "",
    "admin_or_owner": "rule:admin or project_id:%(project_id)s",
    "network_owner": "project_id:%(network:project_id)s",
    "admin_or_network_owner": "rule:admin or rule:network_owner",
    "sg_owner": "project_id:%(security_group:project_id)s",
    "admin_or_sg_owner": "rule:admin or rule:sg_owner",
    "shared": "field:networks:shared=True",
    "context_is_advsvc": "role:advsvc",
    "xena_system_admin_or_project_member": "rule:admin or rule:project_member_api",
    "xena_system_admin_or_project_reader": "rule:admin or rule:project_reader_api",
    # Glance's
    "default": "",
    "metadef_default": "",
    "metadef_admin": "rule:context_is_admin",
}
