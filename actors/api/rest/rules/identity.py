"""Keystone's rules: docs.openstack.org/keystone, «Policy configuration».

Where a rule of Keystone's looks at whose row it is (`user_id:%(target.user.id)s`), the room decides by the row
(`actors/identity/may.py`), and the default here is open. A rule that `policy.yaml` gives has Keystone's targets
(`actors/api/rest/identity/targets.py`).
"""

from __future__ import annotations

from actors.api.rest.rules.table import ByQuery, Rule, Table

NOUNS = {
    "domains": "domain",
    "projects": "project",
    "users": "user",
    "groups": "group",
    "roles": "role",
    "regions": "region",
    "services": "service",
    "endpoints": "endpoint",
}
VERBS = {"GET": "get", "PATCH": "update", "DELETE": "delete"}
ROWS: dict[str, Rule] = {
    **{f"GET /v3/{noun}": f"identity:list_{noun}" for noun in NOUNS},
    **{f"POST /v3/{noun}": f"identity:create_{word}" for noun, word in NOUNS.items()},
    **{
        f"{verb} /v3/{noun}/{{row_id}}": f"identity:{act}_{word}"
        for noun, word in NOUNS.items()
        for verb, act in VERBS.items()
    },
}
GRANTS: dict[str, Rule] = {
    line: rule
    for scope in ("projects", "domains")
    for actor in ("users", "groups")
    for above, end in (("", ""), ("/OS-INHERIT", "/inherited_to_projects"))
    for held in [f"/v3{above}/{scope}/{{scope_id}}/{actor}/{{actor_id}}/roles"]
    for line, rule in {
        f"GET {held}{end}": "identity:list_grants",
        f"HEAD {held}/{{role_id}}{end}": "identity:check_grant",
        f"GET {held}/{{role_id}}{end}": "identity:check_grant",
        f"PUT {held}/{{role_id}}{end}": "identity:create_grant",
        f"DELETE {held}/{{role_id}}{end}": "identity:revoke_grant",
    }.items()
}
SYSTEM_GRANTS: dict[str, Rule] = {
    line: rule
    for actor in ("user", "group")
    for held in [f"/v3/system/{actor}s/{{actor_id}}/roles"]
    for line, rule in {
        f"GET {held}": f"identity:list_system_grants_for_{actor}",
        f"HEAD {held}/{{role_id}}": f"identity:check_system_grant_for_{actor}",
        f"GET {held}/{{role_id}}": f"identity:check_system_grant_for_{actor}",
        f"PUT {held}/{{role_id}}": f"identity:create_system_grant_for_{actor}",
        f"DELETE {held}/{{role_id}}": f"identity:revoke_system_grant_for_{actor}",
    }.items()
}
IN_GROUP = "/v3/groups/{group_id}/users"
CREDENTIALS = "/v3/users/{user_id}/application_credentials"
KEPT = "/v3/credentials"
PAIRS = "/v3/users/{user_id}/credentials/OS-EC2"
TAGS = "/v3/projects/{project_id}/tags"
IMPLIED = "/v3/roles/{prior}/implies"
TRUSTS = "/v3/OS-TRUST/trusts"
TRUSTS_READ: dict[str, Rule] = {
    "": ByQuery(
        {f"{who}_user_id": f"identity:list_trusts_for_{who}" for who in ("trustor", "trustee")}, "identity:list_trusts"
    ),
    "/{trust_id}": "identity:get_trust",
    "/{trust_id}/roles": "identity:list_roles_for_trust",
    "/{trust_id}/roles/{role_id}": "identity:get_role_for_trust",
}
OF_TRUSTS: dict[str, Rule] = {
    f"POST {TRUSTS}": "identity:create_trust",
    f"DELETE {TRUSTS}/{{trust_id}}": "identity:delete_trust",
    **{f"{verb} {TRUSTS}{path}": rule for verb in ("GET", "HEAD") for path, rule in TRUSTS_READ.items()},
}
OTHERS: dict[str, Rule] = {
    "PUT /v3/regions/{row_id}": "identity:create_region",
    "GET /v3/auth/tokens": "identity:validate_token",
    "HEAD /v3/auth/tokens": "identity:check_token",
    "DELETE /v3/auth/tokens": "identity:revoke_token",
    **{f"GET /v3/auth/{what}": f"identity:get_auth_{what}" for what in ("catalog", "projects", "domains", "system")},
    "GET /v3/users/{user_id}/projects": "identity:list_user_projects",
    "GET /v3/users/{user_id}/groups": "identity:list_groups_for_user",
    f"GET {IN_GROUP}": "identity:list_users_in_group",
    f"HEAD {IN_GROUP}/{{user_id}}": "identity:check_user_in_group",
    f"GET {IN_GROUP}/{{user_id}}": "identity:check_user_in_group",
    f"PUT {IN_GROUP}/{{user_id}}": "identity:add_user_to_group",
    f"DELETE {IN_GROUP}/{{user_id}}": "identity:remove_user_from_group",
    f"GET {CREDENTIALS}": "identity:list_application_credentials",
    f"POST {CREDENTIALS}": "identity:create_application_credential",
    f"GET {CREDENTIALS}/{{credential_id}}": "identity:get_application_credential",
    f"DELETE {CREDENTIALS}/{{credential_id}}": "identity:delete_application_credential",
    f"GET {KEPT}": "identity:list_credentials",
    f"POST {KEPT}": "identity:create_credential",
    f"GET {KEPT}/{{credential_id}}": "identity:get_credential",
    f"PATCH {KEPT}/{{credential_id}}": "identity:update_credential",
    f"DELETE {KEPT}/{{credential_id}}": "identity:delete_credential",
    f"GET {PAIRS}": "identity:ec2_list_credentials",
    f"POST {PAIRS}": "identity:ec2_create_credential",
    f"GET {PAIRS}/{{access}}": "identity:ec2_get_credential",
    f"DELETE {PAIRS}/{{access}}": "identity:ec2_delete_credential",
    f"GET {TAGS}": "identity:list_project_tags",
    f"PUT {TAGS}": "identity:update_project_tags",
    f"DELETE {TAGS}": "identity:delete_project_tags",
    f"GET {TAGS}/{{tag}}": "identity:get_project_tag",
    f"HEAD {TAGS}/{{tag}}": "identity:get_project_tag",
    f"PUT {TAGS}/{{tag}}": "identity:create_project_tag",
    f"DELETE {TAGS}/{{tag}}": "identity:delete_project_tag",
    "GET /v3/role_assignments": "identity:list_role_assignments",
    "GET /v3/role_inferences": "identity:list_role_inference_rules",
    f"GET {IMPLIED}": "identity:list_implied_roles",
    f"HEAD {IMPLIED}/{{implied}}": "identity:check_implied_role",
    f"GET {IMPLIED}/{{implied}}": "identity:get_implied_role",
    f"PUT {IMPLIED}/{{implied}}": "identity:create_implied_role",
    f"DELETE {IMPLIED}/{{implied}}": "identity:delete_implied_role",
}
OF_THE_SYSTEM = ("domain", "role", "region", "service", "endpoint")  # written by the cloud's administrators alone
OVERSEEN = ("role", "service", "endpoint")
SPECIAL = {
    **{
        f"identity:{act}_{word}": "rule:admin_required"
        for word in OF_THE_SYSTEM
        for act in ("create", "update", "delete")
    },
    **{f"identity:get_{word}": "rule:overseer" for word in OVERSEEN},
    **{f"identity:list_{word}s": "rule:overseer" for word in OVERSEEN},
    **dict.fromkeys(("identity:get_role", "identity:list_roles"), "rule:overseer_or_domain_manager"),
    "identity:list_trusts": "rule:overseer",  # those of one user: each its own
    **dict.fromkeys(("identity:get_region", "identity:list_regions"), "@"),
    **dict.fromkeys(("identity:add_user_to_group", "identity:remove_user_from_group"), "rule:admin_required"),
    **{
        f"identity:{what}": "rule:overseer"
        for what in ("list_implied_roles", "check_implied_role", "get_implied_role", "list_role_inference_rules")
    },
    **{f"identity:{act}_implied_role": "rule:admin_required" for act in ("create", "delete")},
    **{
        f"identity:{act}_system_grant_for_{actor}": "rule:admin_required"
        for act in ("create", "revoke")
        for actor in ("user", "group")
    },
}
TABLE = Table(
    "identity",
    ROWS | GRANTS | SYSTEM_GRANTS | OF_TRUSTS | OTHERS,
    SPECIAL,
    {
        "POST /v3/roles": {"domain_id": "identity:create_domain_role"},
        "GET /v3/roles": {"?domain_id": "identity:list_domain_roles"},
    },
    read="rule:by_row",
    write="rule:by_row",
    needs_project=False,
    has_targets=True,
    decides_alone=True,
    of_caller=frozenset(
        {
            "identity:create_application_credential",
            "identity:create_trust",
            *(f"identity:get_auth_{what}" for what in ("catalog", "projects", "domains", "system")),
        }
    ),
)
