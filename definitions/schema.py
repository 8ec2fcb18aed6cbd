"""The JSON Schema of a workflow file, for editors: completion, descriptions, red underlines.

An editor uses it with `# yaml-language-server: $schema=...` as the first line of a YAML file.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from definitions.model import Definition

DIALECT = "https://json-schema.org/draft/2020-12/schema"


class _Generator(GenerateJsonSchema):
    def encode_default(self, dft: Any) -> Any:
        """Frozen mappings are empty ones in JSON."""
        return dict(dft) if isinstance(dft, Mapping) else super().encode_default(dft)


def definition_schema() -> dict[str, Any]:
    """The schema, as JSON; durations may be numbers or strings."""
    schema = Definition.model_json_schema(mode="validation", schema_generator=_Generator)
    _move_bounds(schema)
    return {"$schema": DIALECT, "$id": "urn:longpole:definition:1", **schema, "title": "Longpole workflow"}


def _move_bounds(node: Any) -> None:
    """Pydantic leaves the bounds of durations beside the choice of number or string, where JSON Schema knows none."""
    if isinstance(node, list):
        for item in node:
            _move_bounds(item)
    elif isinstance(node, dict):
        for bound, keyword in (("gt", "exclusiveMinimum"), ("ge", "minimum")):
            if bound in node and "anyOf" in node:
                value = node.pop(bound)
                number = next(choice for choice in node["anyOf"] if choice["type"] == "number")
                number[keyword] = value
        for item in node.values():
            _move_bounds(item)
