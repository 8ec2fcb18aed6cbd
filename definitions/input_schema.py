"""JSON Schemas for a run's input, given by strangers: checked so that none can hang or call out.

Patterns are matched by RE2, which takes linear time whatever the pattern; references are looked up in the schema only,
never fetched, and one check follows 20,000 of them at most (a schema whose references double at every level would go on
for ever).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import re2  # type: ignore[import-untyped]
from jsonschema import Draft202012Validator, FormatChecker, validators
from jsonschema.exceptions import SchemaError, ValidationError
from referencing import Registry, Resource
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

from definitions.errors import Problem
from definitions.json_values import field_path

MAX_REFERENCES = 20_000
MAX_PROBLEMS = 100
_REFERENCES_REMEDY = "only references into the schema itself (#/$defs/...) can be followed"

_Errors = Iterator[ValidationError]


@lru_cache(maxsize=1024)
def _pattern(text: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 1 << 20
    return re2.compile(text, options)


_patterns = FormatChecker(formats=())


@_patterns.checks("regex", raises=re2.error)
def _is_pattern(value: object) -> bool:
    return not isinstance(value, str) or _pattern(value) is not None


class _TooManyReferencesError(Exception):
    """The check follows more references than are allowed."""


def _match(validator: Any, pattern: str, instance: Any, schema: Any) -> _Errors:
    if validator.is_type(instance, "string") and not _pattern(pattern).search(instance):
        yield ValidationError(f"{instance[:80]!r} does not match {pattern!r}")


def _match_properties(validator: Any, patterns: Mapping[str, Any], instance: Any, schema: Any) -> _Errors:
    if not validator.is_type(instance, "object"):
        return
    for pattern, subschema in patterns.items():
        for key, value in instance.items():
            if _pattern(pattern).search(key):
                yield from validator.descend(value, subschema, path=key, schema_path=pattern)


def _additional(validator: Any, subschema: Any, instance: Any, schema: Any) -> _Errors:
    if not validator.is_type(instance, "object"):
        return
    listed = schema.get("properties", {})
    patterns = [_pattern(pattern) for pattern in schema.get("patternProperties", {})]
    extra = [key for key in instance if key not in listed and not any(pattern.search(key) for pattern in patterns)]
    if subschema is False:
        for key in extra:
            yield ValidationError(f"{key[:80]!r} is not a known field", path=(key,))
    else:
        for key in extra:
            yield from validator.descend(instance[key], subschema, path=key)


def _validator(schema: Any) -> Any:
    """A validator whose count of followed references starts at none."""
    followed = 0

    def counting(keyword: str) -> Any:
        follow = Draft202012Validator.VALIDATORS[keyword]

        def counted(validator: Any, target: Any, instance: Any, parent: Any) -> _Errors:
            nonlocal followed
            followed += 1
            if followed > MAX_REFERENCES:
                raise _TooManyReferencesError
            yield from follow(validator, target, instance, parent) or ()

        return counted

    bounded = validators.extend(  # type: ignore[no-untyped-call]
        Draft202012Validator,
        {
            "pattern": _match,
            "patternProperties": _match_properties,
            "additionalProperties": _additional,
            "$ref": counting("$ref"),
            "$dynamicRef": counting("$dynamicRef"),
        },
    )
    return bounded(schema, registry=Registry())


def schema_problems(schema: Any, path: str = "input_schema", code: str = "bad_input_schema") -> list[Problem]:
    """Why a value is no JSON Schema (2020-12) that can be used here; empty when it is one. `path`: where it is in its
    definition; `code`: that of each problem."""
    dialect = schema.get("$schema", "") if isinstance(schema, Mapping) else ""
    if dialect and "2020-12" not in str(dialect):
        remedy = "leave $schema out, or write https://json-schema.org/draft/2020-12/schema"
        return [Problem(code, f"{path}.$schema", f"{str(dialect)[:80]!r} is another dialect", remedy)]
    if "unevaluatedProperties" in str(schema) and "patternProperties" in str(schema):
        remedy = "use additionalProperties"
        return [Problem(code, path, "unevaluatedProperties does not go with patternProperties", remedy)]
    try:
        Draft202012Validator.check_schema(schema, format_checker=_patterns)
        unresolved = next(_unresolved(DRAFT202012.create_resource(schema)), None)
    except SchemaError as error:
        where = f"{path}.{field_path(tuple(error.absolute_path))}".rstrip(".")
        if error.validator == "format":
            remedy = "patterns are RE2: without look-around and back-references"
            return [Problem(code, where, f"{error.instance!r} is not a pattern", remedy)]
        return [Problem(code, where, _shortened(error.message), "it must be a JSON Schema (2020-12)")]
    except RecursionError:
        return [Problem(code, path, "is nested too deeply")]
    if unresolved is not None:
        return [Problem(code, path, f"it refers to {unresolved[:200]!r}, which is not in it", _REFERENCES_REMEDY)]
    return []


def _unresolved(schema: Resource[Any]) -> Iterator[str]:
    """References that lead nowhere."""
    registry: Registry[Any] = Registry()
    places = [(schema, registry.resolver_with_root(schema))]
    while places:
        part, resolver = places.pop()
        for keyword in ("$ref", "$dynamicRef"):
            reference = part.contents.get(keyword) if isinstance(part.contents, Mapping) else None
            if isinstance(reference, str):
                try:
                    resolver.lookup(reference)
                except Unresolvable:
                    yield reference
        places += ((each, resolver.in_subresource(each)) for each in part.subresources())


def input_problems(schema: Any, data: Any, name: str = "input_schema") -> list[Problem]:
    """Everything in `data` that does not meet a checked schema (codes `bad_input`), at most 100 problems."""
    problems: list[Problem] = []
    try:
        for error in _validator(schema).iter_errors(data):
            problems.append(Problem("bad_input", field_path(tuple(error.absolute_path)), _shortened(error.message)))
            if len(problems) == MAX_PROBLEMS:
                break
    except Unresolvable as error:
        message = f"the {name} refers to {error.ref!r}, which is not in it"
        problems.append(Problem("bad_input_schema", "", message, _REFERENCES_REMEDY))
    except (_TooManyReferencesError, RecursionError):
        problems.append(Problem("bad_input_schema", "", f"the {name} refers to itself without an end"))
    return problems


def _shortened(message: str) -> str:
    return message if len(message) <= 300 else f"{message[:300]}..."
