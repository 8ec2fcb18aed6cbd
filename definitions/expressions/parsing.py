"""From text to a syntax tree of which every node is allowed."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from definitions.errors import ExpressionRefused, ReferenceInvalid
from definitions.expressions.python_syntax import past_parser_fault
from definitions.nearest import did_you_mean
from definitions.references import Reference, read_reference

MAX_LENGTH = 2_000
MAX_NODES = 300
MAX_DEPTH = 32
MAX_INTEGER_BITS = 256

NAMES = ("step_outputs", "input_data", "context", "workflow", "loop")
FUNCTIONS: Mapping[str, tuple[int, int]] = {
    "len": (1, 1),
    "abs": (1, 1),
    "min": (1, 16),
    "max": (1, 16),
    "round": (1, 2),
    "any": (1, 1),
    "all": (1, 1),
}
"""Function -> how many arguments, at least and at most."""
METHODS: Mapping[str, tuple[int, int]] = {
    "get": (1, 2),
    "startswith": (1, 1),
    "endswith": (1, 1),
    "lower": (0, 0),
    "upper": (0, 0),
}

_OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod)
_COMPARISONS = (ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.In, ast.NotIn, ast.Is, ast.IsNot)
_ESCAPE = re.compile(r"\\(.?)", re.DOTALL)
_ESCAPES = frozenset("\\'\"abfnrtvxuU")
_WORDS = {"true": "True", "false": "False", "null": "None", "none": "None"}
_SPOKEN = {
    ast.Pow: "powers are not allowed",
    ast.Lambda: "lambdas are not allowed",
    ast.JoinedStr: "f-strings are not allowed",
    ast.ListComp: "comprehensions are not allowed",
    ast.SetComp: "comprehensions are not allowed",
    ast.DictComp: "comprehensions are not allowed",
    ast.GeneratorExp: "comprehensions are not allowed",
    ast.NamedExpr: "assignments are not allowed",
    ast.Slice: "slices are not allowed",
    ast.Starred: "unpacking with * is not allowed",
    ast.Set: "sets are not allowed, use a list",
}


@dataclass(frozen=True)
class Parsed:
    """A checked tree. `references` maps the names that stand for `${...}` in the tree to what they stand for."""

    text: str
    tree: ast.expr
    references: Mapping[str, Reference]
    source: bytes

    def quote(self, node: ast.AST) -> str:
        """The text of a node as its author wrote it, cut at 80 characters."""
        if not isinstance(node, ast.expr) or node.end_col_offset is None:
            return self.text[:80]
        lines = self.source.split(b"\n")[node.lineno - 1 : node.end_lineno]
        lines[-1] = lines[-1][: node.end_col_offset]
        lines[0] = lines[0][node.col_offset :]
        text = b" ".join(lines).decode()
        for name, reference in self.references.items():
            text = text.replace(name, reference.text)
        return text if len(text) <= 80 else f"{text[:80]}..."


def parse(text: str) -> Parsed:
    """Read and check an expression. Raises `ExpressionRefused` for all that `expr_v1` does not list."""
    if len(text) > MAX_LENGTH:
        raise ExpressionRefused(
            f"the condition is {len(text)} characters long", remedy=f"at most {MAX_LENGTH} are allowed"
        )
    stripped = text.strip()
    if not stripped:
        raise ExpressionRefused("the condition is empty", remedy="leave it out, or write an expression")
    for escape in _ESCAPE.finditer(stripped):
        if escape[1] not in _ESCAPES:
            raise ExpressionRefused(
                f"`{escape[0]}` is not an escape that strings know", remedy="write \\\\ for a backslash"
            )
    prefix = "ref"
    while prefix in stripped:
        prefix += "x"
    source, references = _without_references(stripped, prefix)
    try:
        tree = past_parser_fault(lambda: ast.parse(source, mode="eval")).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise _unparsable(stripped, error) from None
    parsed = Parsed(stripped, tree, references, source.encode())
    _check_tree(parsed, prefix)
    return parsed


def _without_references(text: str, prefix: str) -> tuple[str, dict[str, Reference]]:
    """The text with a name in the place of each `${...}`, and what the names stand for."""
    pieces: list[str] = []
    references: dict[str, Reference] = {}
    at = 0
    while (start := text.find("${", at)) >= 0:
        if start > at and text[start - 1] == "$":
            pieces.append(text[at : start + 2])
            at = start + 2
            continue
        try:
            reference, end = read_reference(text, start)
        except ReferenceInvalid as error:
            raise ExpressionRefused(error.message, remedy=error.remedy) from None
        # the number ends in a letter so that no name is the beginning of another
        name = f"{prefix}{len(references)}z"
        references[name] = reference
        pieces += [text[at:start], name]
        at = end
    pieces.append(text[at:])
    return "".join(pieces), references


def _unparsable(text: str, error: Exception) -> ExpressionRefused:
    shown = text if len(text) <= 80 else f"{text[:80]}..."
    if not isinstance(error, SyntaxError):
        return ExpressionRefused(f"`{shown}` is too deeply nested or holds characters that are not allowed")
    why = error.msg.split(". ")[0]
    remedy = "compare with ==, combine with and, or, not"
    return ExpressionRefused(f"`{shown}` is not an expression: {why}", remedy=remedy)


def _check_tree(parsed: Parsed, prefix: str) -> None:
    nodes = 0
    stack: list[tuple[ast.expr, int]] = [(parsed.tree, 1)]
    while stack:
        node, depth = stack.pop()
        nodes += 1
        if nodes > MAX_NODES:
            raise ExpressionRefused(f"the condition has more than {MAX_NODES} parts", remedy="compute this in a step")
        if depth > MAX_DEPTH:
            raise ExpressionRefused(
                f"the condition is nested deeper than {MAX_DEPTH} levels", remedy="compute this in a step"
            )
        stack.extend((child, depth + 1) for child in reversed(_checked_children(parsed, node, prefix)))


def _checked_children(parsed: Parsed, node: ast.expr, prefix: str) -> list[ast.expr]:
    """The expressions inside an allowed node; raises for a node that is not allowed."""
    match node:
        case ast.Constant():
            _check_constant(parsed, node, prefix)
            return []
        case ast.Name():
            _check_name(parsed, node)
            return []
        case ast.Attribute():
            if node.attr.startswith("_"):
                raise _refused(parsed, node, f"names that begin with _ are not allowed (`{node.attr}`)")
            if prefix in node.attr:
                raise _refused(parsed, node, "a reference can't be part of a name", "use [${...}] to look up a key")
            return [node.value]
        case ast.Subscript():
            return [node.value, node.slice]
        case ast.List() | ast.Tuple():
            return list(node.elts)
        case ast.Dict():
            for key in node.keys:
                if not (isinstance(key, ast.Constant) and isinstance(key.value, str)):
                    raise _refused(parsed, key or node, "keys of a dictionary must be strings, written out")
            return [*(key for key in node.keys if key is not None), *node.values]
        case ast.BoolOp():
            return node.values
        case ast.UnaryOp(op=ast.Not() | ast.USub()):
            return [node.operand]
        case ast.BinOp() if isinstance(node.op, _OPERATORS):
            _check_operands(parsed, node)
            return [node.left, node.right]
        case ast.Compare():
            _check_compare(parsed, node)
            return [node.left, *node.comparators]
        case ast.IfExp():
            return [node.test, node.body, node.orelse]
        case ast.Call():
            return _call_children(parsed, node)
    kind = type(node.op) if isinstance(node, ast.BinOp | ast.UnaryOp) else type(node)
    raise _refused(parsed, node, _SPOKEN.get(kind, f"`{kind.__name__}` is not allowed in a condition"))


def _check_constant(parsed: Parsed, node: ast.Constant, prefix: str) -> None:
    value = node.value
    if isinstance(value, str):
        if prefix in value and any(name in value for name in parsed.references):
            raise _refused(parsed, node, "a reference inside quotes would be plain text", "write it without the quotes")
        return
    if value is None or isinstance(value, bool):
        return
    if isinstance(value, int):
        if value.bit_length() > MAX_INTEGER_BITS:
            raise _refused(parsed, node, f"integers have at most {MAX_INTEGER_BITS} bits")
        return
    if isinstance(value, float):
        if not math.isfinite(value):
            raise _refused(parsed, node, "is too large for a number")
        return
    raise _refused(parsed, node, "is not a value that JSON knows")


def _check_name(parsed: Parsed, node: ast.Name) -> None:
    name = node.id
    if name in NAMES or name in parsed.references:
        return
    if name.startswith("_"):
        raise _refused(parsed, node, "names that begin with _ are not allowed")
    if name in _WORDS:
        raise _refused(parsed, node, "is not known", f"write {_WORDS[name]}")
    if name in FUNCTIONS:
        raise _refused(parsed, node, "is a function", f"call it: {name}(...)")
    remedy = did_you_mean(name, NAMES) or f"strings need quotes; known names are {', '.join(NAMES)}"
    raise _refused(parsed, node, "is not known", remedy)


def _check_operands(parsed: Parsed, node: ast.BinOp) -> None:
    if isinstance(node.op, ast.Add):
        return
    for side in (node.left, node.right):
        if isinstance(side, ast.List | ast.Tuple | ast.Dict | ast.JoinedStr) or (
            isinstance(side, ast.Constant) and isinstance(side.value, str)
        ):
            raise _refused(parsed, node, "only + works on strings and lists; - * / // % are for numbers")


def _check_compare(parsed: Parsed, node: ast.Compare) -> None:
    for operator, right in zip(node.ops, node.comparators, strict=True):
        if not isinstance(operator, _COMPARISONS):  # pragma: no cover - the list is complete as of Python 3.14
            raise _refused(parsed, node, "this comparison is not allowed")
        if isinstance(operator, ast.Is | ast.IsNot) and not (isinstance(right, ast.Constant) and right.value is None):
            raise _refused(parsed, node, "`is` works with None only", "compare with ==")


def _call_children(parsed: Parsed, node: ast.Call) -> list[ast.expr]:
    if node.keywords:
        raise _refused(parsed, node, "arguments with names are not allowed")
    if any(isinstance(argument, ast.Starred) for argument in node.args):
        raise _refused(parsed, node, _SPOKEN[ast.Starred])
    match node.func:
        case ast.Name(id=name) if name in FUNCTIONS:
            least, most = FUNCTIONS[name]
            children = node.args
        case ast.Attribute(attr=name) if name in METHODS:
            least, most = METHODS[name]
            children = [node.func.value, *node.args]
        case ast.Name(id=name) | ast.Attribute(attr=name):
            known = [*FUNCTIONS, *METHODS]
            remedy = did_you_mean(name, known) or f"what can be called: {', '.join(known)}"
            raise _refused(parsed, node, f"`{name}` can't be called in a condition", remedy)
        case _:
            raise _refused(parsed, node, "can't be called in a condition")
    if not least <= len(node.args) <= most:
        count = str(least) if least == most else f"{least} to {most}"
        raise _refused(parsed, node, f"`{name}` takes {count} argument{'' if count == '1' else 's'}")
    return children


def _refused(parsed: Parsed, node: ast.AST, why: str, remedy: str = "") -> ExpressionRefused:
    return ExpressionRefused(f"`{parsed.quote(node)}`: {why}", remedy=remedy)
