"""What clients send of definitions: which drafts it makes, and what is refused where."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from actors.errors import CallerError
from actors.image.metadefs import forms

PROPERTY: dict[str, Any] = {"title": "Cores", "type": "integer"}


def refused(read: Callable[[Any], object], body: Any) -> tuple[int, str]:
    with pytest.raises(CallerError) as error:
        read(body)
    return error.value.fault.status, error.value.fault.message


def test_a_namespace_with_all_of_its_parts() -> None:
    draft = forms.namespace_draft(
        {
            "namespace": "OS::Compute::Mine",
            "display_name": "Mine",
            "visibility": "public",
            "protected": True,
            "resource_type_associations": [{"name": "OS::Nova::Flavor", "prefix": "hw:"}],
            "properties": {"cores": PROPERTY | {"default": 2, "enum": ["1", "2"], "items": {"type": "string"}}},
            "objects": [{"name": "disk", "required": ["bus"], "properties": {"bus": {"title": "B", "type": "string"}}}],
            "tags": [{"name": "fast"}],
        }
    )
    assert (draft.namespace, draft.visibility, draft.protected, draft.tags) == (
        "OS::Compute::Mine", "public", True, ("fast",),
    )  # fmt: skip
    assert [(one.name, one.prefix) for one in draft.associations] == [("OS::Nova::Flavor", "hw:")]
    assert draft.properties["cores"]["default"] == "2"
    assert [(one.name, one.required, list(one.properties)) for one in draft.objects] == [("disk", ("bus",), ["bus"])]


@pytest.mark.parametrize(("default", "kept"), [("x", "x"), (2, "2"), (1.5, "1.5"), (True, "True")])
def test_a_default_is_kept_as_text(default: Any, kept: str) -> None:
    name, schema = forms.property_draft(PROPERTY | {"name": "cores", "default": default})
    assert (name, schema["default"]) == ("cores", kept)


BAD_PROPERTIES: dict[str, dict[str, Any]] = {
    "title is required": {"type": "string"},
    "type must be one of": {"title": "T", "type": "odd"},
    "has no field": PROPERTY | {"nonsense": 1},
    "default must be": PROPERTY | {"default": {"a": 1}},
    "minimum must be a number": PROPERTY | {"minimum": "1"},
    "maximum must be a number": PROPERTY | {"maximum": 2**63},
    "maximum must be a number ": PROPERTY | {"maximum": float("nan")},
    "minLength must be a whole number": PROPERTY | {"minLength": -1},
    "minItems must be a whole number": PROPERTY | {"minItems": True},
    "enum[1] must be a text": PROPERTY | {"enum": ["1", 2]},
    "enum must be a list": PROPERTY | {"enum": "1"},
    "readonly must be true": PROPERTY | {"readonly": "yes"},
    "items.type is required": PROPERTY | {"items": {}},
    "required must not have a text twice": PROPERTY | {"required": ["a", "a"]},
    "title must be a text": PROPERTY | {"title": "\ud800"},
    "title must be a text ": PROPERTY | {"title": "nul \x00"},
}


@pytest.mark.parametrize("said", BAD_PROPERTIES)
def test_a_bad_property_is_refused_wherever_it_stands(said: str) -> None:
    bad = BAD_PROPERTIES[said]
    status, message = refused(forms.property_draft, bad | {"name": "p"})
    assert status == 400 and said.strip() in message
    for body in ({"properties": {"p": bad}}, {"objects": [{"name": "o", "properties": {"p": bad}}]}):
        status, message = refused(forms.namespace_draft, body | {"namespace": "n"})
        assert status == 400 and said.strip() in message and "properties.p" in message


@pytest.mark.parametrize("value", ["", "x" * 81, 5, None, "a/b", "a\nb", "\ud800"])
def test_a_name_can_be_named_in_a_path(value: Any) -> None:
    for read, key in (
        (forms.namespace_draft, "namespace"),
        (forms.object_draft, "name"),
        (forms.association_draft, "name"),
        (forms.tag_name, "name"),
    ):
        status, message = refused(read, {key: value})
        assert status == 400 and key in message
    assert refused(forms.tag_names, {"tags": [{"name": value}]})[0] == 400
    assert refused(forms.property_draft, PROPERTY | {"name": value})[0] == 400


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ([], 400),
        ("x", 400),
        (None, 400),
        ({"namespace": "n", "nonsense": 1}, 400),
        ({"namespace": "n", "visibility": "shared"}, 400),
        ({"namespace": "n", "protected": "yes"}, 400),
        ({"namespace": "n", "display_name": None}, 400),
        ({"namespace": "n", "description": "x" * 501}, 400),
        ({"namespace": "n", "owner": "x" * 256}, 400),
        ({"namespace": "n", "properties": []}, 400),
        ({"namespace": "n", "objects": [{}]}, 400),
        ({"namespace": "n", "tags": [{"name": "t", "nonsense": 1}]}, 400),
        ({"namespace": "n", "tags": [{"name": f"t{n}"} for n in range(forms.PARTS_LIMIT + 1)]}, 400),
        ({"namespace": "n", "self": "x"}, 403),
        ({"namespace": "n", "created_at": "x"}, 403),
    ],
)
def test_bad_bodies(body: Any, status: int) -> None:
    assert refused(forms.namespace_draft, body)[0] == status


def test_parts_may_be_sent_back_as_they_were_shown() -> None:
    """As glanceclient and Horizon do where they change a namespace; Glance's schemas let them."""
    times = {"created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z"}
    parts = {
        "objects": {"name": "o", "self": "/o", "schema": "/s"} | times,
        "resource_type_associations": {"name": "OS::Nova::Flavor"} | times,
        "tags": {"name": "t"} | times,
    }
    shown = {kind: [part] for kind, part in parts.items()}
    plain = {kind: [{"name": part["name"]}] for kind, part in parts.items()}
    assert forms.namespace_draft({"namespace": "n", **shown}) == forms.namespace_draft({"namespace": "n", **plain})


def test_what_a_refusal_says_is_no_longer_than_what_it_is_about() -> None:
    _, message = refused(forms.namespace_draft, json.loads('{"namespace": "n", "%s": 1}' % ("x" * 100_000)))
    assert len(message) < 200
