"""The words that shapes of bodies are made of: JSON Schema, as OpenAPI 3.1 has it. Pure."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
TEXT_OR_NULL: Schema = {"type": ["string", "null"]}
NULL: Schema = {"type": "null"}
WHOLE: Schema = {"type": "integer"}
WHOLE_OR_NULL: Schema = {"type": ["integer", "null"]}
COUNT: Schema = {"type": "integer", "minimum": 0}
NUMBER: Schema = {"type": "number"}
FLAG: Schema = {"type": "boolean"}
TEXTS: Schema = {"type": "array", "items": TEXT}
TEXT_BY_NAME: Schema = {"type": "object", "additionalProperties": TEXT}
ANYTHING: Schema = {}
TIME: Schema = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z?$"}
TIME_OR_NULL: Schema = {"oneOf": [TIME, NULL]}


def rows(schema: Schema) -> Schema:
    return {"type": "array", "items": schema}


def exactly(required: Schema, optional: Schema | None = None) -> Schema:
    """These fields and no others."""
    return {
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": list(required),
        "additionalProperties": False,
    }


LINKS = rows(exactly({"rel": TEXT, "href": TEXT}, {"type": TEXT}))


def page(noun: str, row: Schema, more: Schema | None = None) -> Schema:
    """Some rows, and where the next ones are."""
    return exactly({noun: rows(row)}, {f"{noun}_links": LINKS, **(more or {})})


PAGES: Schema = {"limit": COUNT, "marker": TEXT}
SORT: Schema = {"sort_key": TEXT, "sort_dir": {"type": "string", "enum": ["asc", "desc"]}}
