"""The JSON Schemas of workflow and of pools files, for editors: completion, descriptions, red underlines.

An editor uses one with `# yaml-language-server: $schema=...` as the first line of a YAML file.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from definitions.model import Definition
from definitions.pools import PoolsDocument

DIALECT = "https://json-schema.org/draft/2020-12/schema"


class _Generator(GenerateJsonSchema):
    def encode_default(self, dft: Any) -> Any:
        """Frozen mappings are empty ones in JSON."""
        return dict(dft) if isinstance(dft, Mapping) else super().encode_default(dft)


def definition_schema() -> dict[str, Any]:
    """The schema of a workflow, as JSON; durations may be numbers or strings."""
    return _schema(Definition, "urn:longpole:definition:1", "Longpole workflow")


def pools_schema() -> dict[str, Any]:
    """The schema of a pools file, as JSON."""
    return _schema(PoolsDocument, "urn:longpole:pools:1", "Longpole pools")


def _schema(model: type[BaseModel], urn: str, title: str) -> dict[str, Any]:
    schema = model.model_json_schema(mode="validation", schema_generator=_Generator)
    _move_bounds(schema)
    return {"$schema": DIALECT, "$id": urn, **schema, "title": title}


def _move_bounds(node: Any) -> None:
    """Pydantic leaves the bounds of durations beside the choice of number or string, where JSON Schema knows none."""
    if isinstance(node, list):
        for item in node:
            _move_bounds(item)
    elif isinstance(node, dict):
        for bound, keyword in (("gt", "exclusiveMinimum"), ("ge", "minimum"), ("le", "maximum")):
            if bound in node and "anyOf" in node:
                value = node.pop(bound)
                number = next(choice for choice in node["anyOf"] if choice["type"] == "number")
                number[keyword] = value
        for item in node.values():
            _move_bounds(item)
