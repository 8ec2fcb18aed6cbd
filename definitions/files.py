"""Workflow files: YAML and JSON text to a document, with errors that say line and column.

YAML is read as version 1.2 means it: `no` and `2024-01-01` and `1:30` are strings, `true` and `false` the truth values.
A key that is there twice is refused, as is what aliases would blow up.
"""

from __future__ import annotations

import json
import re
from collections.abc import Hashable
from typing import Any, NoReturn

import yaml

from definitions.errors import DocumentUnreadable
from definitions.json_values import MAX_BYTES, MAX_DEPTH

SUFFIXES = (".yaml", ".yml", ".json")

_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NOT_JSON = re.compile(r'"(?:[^"\\]|\\.)*"|(NaN|-?Infinity)')


class _Loader(_Base):  # type: ignore[misc]
    """Safe YAML with the core schema of YAML 1.2."""

    yaml_implicit_resolvers: dict[str, list[Any]] = {}  # noqa: RUF012 - PyYAML's way of setting it, copied on write


def _resolve(tag: str, pattern: str, first: str) -> None:
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(pattern), list(first))


_resolve("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF")
_resolve("null", r"^(?:~|null|Null|NULL|)$", "~nN")
_Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"^$"), [""])
_resolve("int", r"^[-+]?[0-9]{1,400}$", "-+0123456789")
_resolve("float", r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$", "-+.0123456789")
_resolve("merge", r"^<<$", "<")
_Loader.add_constructor("tag:yaml.org,2002:int", lambda loader, node: int(loader.construct_scalar(node)))
_Loader.add_constructor("tag:yaml.org,2002:float", lambda loader, node: float(loader.construct_scalar(node)))


def parse_document(text: str, suffix: str) -> dict[str, Any]:
    """The mapping in a file's text; `suffix` is one of `SUFFIXES` and tells the format.

    Raises `DocumentUnreadable`. What the mapping means is not looked at (`definitions.validation`).
    """
    if suffix.lower() not in SUFFIXES:
        raise DocumentUnreadable(f"{suffix!r} is not a workflow file", remedy=f"name it {', '.join(SUFFIXES)}")
    if len(text) > MAX_BYTES:
        raise DocumentUnreadable(f"the file is larger than {MAX_BYTES} bytes", remedy="split the workflow")
    document = _json(text) if suffix.lower() == ".json" else _yaml(text)
    if not isinstance(document, dict):
        found = "nothing" if document is None else f"a {type(document).__name__}"
        raise DocumentUnreadable(
            f"a workflow file holds a mapping, not {found}", remedy="begin with `name:` and `steps:`"
        )
    return document


# -- JSON ----------------------------------------------------------------------


class _DuplicateKeyError(Exception):
    """Raised inside the JSON parser, which does not know where it is."""


def _json(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_without_duplicates, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise DocumentUnreadable(f"this is not JSON: {error.msg}", line=error.lineno, column=error.colno) from None
    except _DuplicateKeyError as error:
        _yaml_node(text)  # JSON is YAML too, and YAML's nodes know their lines: this raises with the position
        raise DocumentUnreadable(f"the key {error.args[0]!r} is there twice", remedy="remove one") from None
    except RecursionError:
        raise DocumentUnreadable(f"nested deeper than {MAX_DEPTH} levels", remedy="make it flatter") from None
    except ValueError:
        raise _unknown_number(text) from None


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping = dict(pairs)
    if len(mapping) != len(pairs):
        seen: set[str] = set()
        raise _DuplicateKeyError(next(key for key, _ in pairs if key in seen or seen.add(key)))  # type: ignore[func-returns-value]
    return mapping


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _unknown_number(text: str) -> DocumentUnreadable:
    """NaN and infinities, which Python's JSON knows and JSON does not, or an integer of thousands of digits."""
    for match in _NOT_JSON.finditer(text):
        if match[1]:
            line = text.count("\n", 0, match.start()) + 1
            column = match.start() - text.rfind("\n", 0, match.start())
            return DocumentUnreadable(
                f"{match[1]} is not JSON", line=line, column=column, remedy="write null or a number"
            )
    return DocumentUnreadable("a number is too long", remedy="write it as a string")


# -- YAML ----------------------------------------------------------------------


def _yaml(text: str) -> Any:
    loader, node = _yaml_node(text)
    if node is None:
        return None
    try:
        return loader.construct_document(node)
    except yaml.YAMLError as error:
        raise _yaml_error(error) from None
    except (ValueError, TypeError) as error:
        raise DocumentUnreadable(f"this is not YAML: {error}") from None


def _yaml_node(text: str) -> tuple[Any, yaml.Node | None]:
    """The parsed nodes, checked for keys that are there twice and for size when aliases are written out."""
    try:
        _check_nesting(text)
        loader = _Loader(text)
        node: yaml.Node | None = loader.get_single_node()
    except yaml.YAMLError as error:
        raise _yaml_error(error) from None
    if node is not None:
        _check_nodes(node)
    return loader, node


def _check_nesting(text: str) -> None:
    """Depth, before anything recurses: the C composer crashes the process on 100,000 open brackets."""
    loader = _Loader(text)
    depth = 0
    while loader.check_event():
        event = loader.get_event()
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH + 1:
                raise _at(event, f"nested deeper than {MAX_DEPTH} levels", "make it flatter")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _yaml_error(error: yaml.YAMLError) -> DocumentUnreadable:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    what = " ".join(part for part in (getattr(error, "context", None), getattr(error, "problem", None)) if part)
    message = f"this is not YAML: {what or str(error).splitlines()[0]}"
    if mark is None:
        return DocumentUnreadable(message)
    return DocumentUnreadable(message, line=mark.line + 1, column=mark.column + 1)


def _check_nodes(root: yaml.Node) -> None:
    """Size and depth of the document with every alias written out, each node looked at once."""
    measured: dict[int, tuple[int, int]] = {}
    open_nodes: set[int] = set()
    stack: list[tuple[yaml.Node, bool]] = [(root, False)]
    while stack:
        node, ended = stack.pop()
        children = _children(node)
        if ended:
            open_nodes.discard(id(node))
            sizes = [measured[id(child)] for child in children]
            size = 2 + (len(node.value) if isinstance(node, yaml.ScalarNode) else 0) + sum(size for size, _ in sizes)
            depth = 1 + max((depth for _, depth in sizes), default=0)
            if size > MAX_BYTES:
                raise _at(node, f"aliases make this larger than {MAX_BYTES} bytes", "write less, or without aliases")
            if depth > MAX_DEPTH + 1:
                raise _at(node, f"nested deeper than {MAX_DEPTH} levels", "make it flatter")
            measured[id(node)] = size, depth
        elif id(node) in open_nodes:
            raise _at(node, "an alias leads back to what it is part of", "remove the alias")
        elif id(node) not in measured:
            if isinstance(node, yaml.MappingNode):
                _check_keys(node)
            open_nodes.add(id(node))
            stack.append((node, True))
            stack.extend((child, False) for child in children)


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _check_keys(node: yaml.MappingNode) -> None:
    seen: dict[Hashable, yaml.Node] = {}
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise _at(key, "a key must be a string", "write the key as plain text")
        if key.tag == "tag:yaml.org,2002:merge":
            continue
        if key.value in seen:
            first = seen[key.value].start_mark.line + 1
            raise _at(key, f"the key {key.value[:80]!r} is there twice, first on line {first}", "remove one")
        seen[key.value] = key


def _at(node: yaml.Node | yaml.Event, message: str, remedy: str) -> DocumentUnreadable:
    mark = node.start_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
    return DocumentUnreadable(message, line=line, column=column, remedy=remedy)
