"""From a checked tree to closures. Each takes the `Frame` of one evaluation and gives a JSON value."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Any

from definitions.errors import ConditionError, ExpressionRefused
from definitions.expressions.functions import FUNCTIONS, METHODS
from definitions.expressions.operations import (
    Frame,
    add,
    arithmetic,
    contains,
    described,
    equal,
    is_null,
    less,
    negated,
    too_large,
    truth,
)
from definitions.expressions.parsing import Parsed
from definitions.references import Reference, absent_step, loop_of
from definitions.values import BlobRef, Text, look_up

Closure = Callable[[Frame], Any]

_SYMBOLS: Mapping[type[ast.operator], str] = {
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
}


class _Skipped:
    """What a path through a skipped step leads to until it is used: then it is null."""

    __slots__ = ()


SKIPPED = _Skipped()


def compile_parsed(parsed: Parsed) -> tuple[Closure, tuple[str, ...]]:
    """The closure of a checked expression, and the steps it looks at. Raises `ExpressionRefused`."""
    compiler = _Compiler(parsed)
    return compiler.value(parsed.tree), tuple(compiler.step_ids)


class _Compiler:
    def __init__(self, parsed: Parsed) -> None:
        self._parsed = parsed
        self.step_ids: dict[str, None] = {}

    def value(self, node: ast.expr) -> Closure:
        """A closure that gives a JSON value."""
        match node:
            case ast.Constant(value=constant):
                if isinstance(constant, str):
                    constant = constant.replace("$${", "${")
                return lambda frame: constant
            case ast.Name() | ast.Attribute() | ast.Subscript():
                return _settled(self.path(node))
            case ast.Call():
                return self._call(node)
            case ast.List(elts=elements) | ast.Tuple(elts=elements):
                items = [self.value(element) for element in elements]
                return lambda frame: [item(frame) for item in items]
            case ast.Dict():
                return self._dictionary(node)
            case ast.BoolOp():
                return self._bool_op(node)
            case ast.UnaryOp(op=ast.Not()):
                operand = self.value(node.operand)
                return lambda frame: not truth(operand(frame))
            case ast.UnaryOp():
                return self._quoting(node, negated, self.value(node.operand))
            case ast.BinOp():
                return self._bin_op(node)
            case ast.IfExp():
                test, body, orelse = self.value(node.test), self.value(node.body), self.value(node.orelse)
                return lambda frame: body(frame) if truth(test(frame)) else orelse(frame)
            case ast.Compare():
                return self._compare(node)
        raise self._refused(node, "is not allowed in a condition")  # pragma: no cover - `parsing` lets nothing else by

    # -- look-ups ------------------------------------------------------------

    def path(self, node: ast.expr) -> Closure:
        """A closure that may also give `SKIPPED`, so that a path goes on being null after a skipped step."""
        match node:
            case ast.Name(id=name):
                return self._root(node, name)
            case ast.Attribute(value=holder, attr=key):
                return self._member(node, holder, key)
            case ast.Subscript(value=holder, slice=ast.Constant(value=key)) if isinstance(key, str):
                return self._member(node, holder, key.replace("$${", "${"))
            case ast.Subscript(value=holder, slice=index):
                if _is_name(holder, "step_outputs"):
                    raise self._refused(node, "a step's id must be written out", "write step_outputs['id']")
                return self._item(holder, self.value(index))
            case ast.Call(func=ast.Attribute(value=holder, attr="get")):
                return self._get(node, holder)
        return self.value(node)

    def _root(self, node: ast.expr, name: str) -> Closure:
        if name in self._parsed.references:
            return self._reference(self._parsed.references[name])
        if name == "step_outputs":
            raise self._refused(node, "step_outputs as a whole can't be used", "write step_outputs['id']")
        if name == "input_data":
            return lambda frame: frame.scope.input_data
        if name == "context":
            return lambda frame: frame.scope.context
        if name == "loop":
            return lambda frame: loop_of(frame.scope)
        return lambda frame: frame.scope.workflow

    def _reference(self, reference: Reference) -> Closure:
        if reference.root != "step":
            closure, origin = self._root(self._parsed.tree, reference.root), str(reference.root)
        else:
            closure, origin = self._step(reference.step_id or ""), f"step_outputs.{reference.step_id}"
        for key in reference.path:
            closure = _into(closure, _constant(key), origin)
            origin = f"{origin}.{key}" if isinstance(key, str) else f"{origin}[{key}]"
        return closure

    def _member(self, node: ast.expr, holder: ast.expr, key: str) -> Closure:
        if _is_name(holder, "step_outputs"):
            return self._step(key)
        if _is_name(holder, "workflow") and key == "input":
            return lambda frame: frame.scope.input_data
        return self._item(holder, _constant(key))

    def _item(self, holder: ast.expr, key: Closure) -> Closure:
        return _into(self.path(holder), key, self._parsed.quote(holder))

    def _step(self, step_id: str) -> Closure:
        self.step_ids[step_id] = None

        def output(frame: Frame) -> Any:
            outputs = frame.scope.step_outputs
            if step_id in outputs:
                return outputs[step_id]
            absent_step(step_id, frame.scope)
            return SKIPPED

        return output

    def _get(self, node: ast.Call, holder: ast.expr) -> Closure:
        default = self.value(node.args[1]) if len(node.args) > 1 else None
        if _is_name(holder, "step_outputs"):
            key = node.args[0]
            if not (isinstance(key, ast.Constant) and isinstance(key.value, str)):
                raise self._refused(node, "a step's id must be written out", "write step_outputs.get('id')")
            found = self._step(key.value)
        else:
            found = _softly(self.path(holder), self.value(node.args[0]), self._parsed.quote(node))
        if default is None:
            return found

        def get(frame: Frame) -> Any:
            value = found(frame)
            return default(frame) if value is SKIPPED else value

        return get

    # -- everything else -----------------------------------------------------

    def _call(self, node: ast.Call) -> Closure:
        if isinstance(node.func, ast.Attribute):
            if node.func.attr == "get":
                return _settled(self.path(node))
            function = METHODS[node.func.attr]
            arguments = [self.value(node.func.value), *map(self.value, node.args)]
        else:
            assert isinstance(node.func, ast.Name)  # noqa: S101 - `parsing` lets nothing else by
            function = FUNCTIONS[node.func.id]
            arguments = [self.value(argument) for argument in node.args]
        quoted = self._parsed.quote(node)

        def call(frame: Frame) -> Any:
            values = [argument(frame) for argument in arguments]
            try:
                return function(frame, values)
            except ConditionError as error:
                raise _quoted(quoted, error) from None

        return call

    def _dictionary(self, node: ast.Dict) -> Closure:
        keys = [str(key.value).replace("$${", "${") for key in node.keys if isinstance(key, ast.Constant)]
        values = [self.value(value) for value in node.values]
        return lambda frame: {key: value(frame) for key, value in zip(keys, values, strict=True)}

    def _bool_op(self, node: ast.BoolOp) -> Closure:
        *first, last = [self.value(value) for value in node.values]
        stop_at = isinstance(node.op, ast.Or)

        def bool_op(frame: Frame) -> Any:
            for closure in first:
                value = closure(frame)
                if truth(value) is stop_at:
                    return value
            return last(frame)

        return bool_op

    def _bin_op(self, node: ast.BinOp) -> Closure:
        left, right = self.value(node.left), self.value(node.right)
        quoted = self._parsed.quote(node)
        symbol = _SYMBOLS.get(type(node.op))

        def bin_op(frame: Frame) -> Any:
            one, other = left(frame), right(frame)
            try:
                return add(frame, one, other) if symbol is None else arithmetic(symbol, one, other)
            except ConditionError as error:
                raise _quoted(quoted, error) from None

        return bin_op

    def _quoting(self, node: ast.expr, function: Callable[[Any], Any], operand: Closure) -> Closure:
        quoted = self._parsed.quote(node)

        def unary(frame: Frame) -> Any:
            value = operand(frame)
            try:
                return function(value)
            except ConditionError as error:
                raise _quoted(quoted, error) from None

        return unary

    def _compare(self, node: ast.Compare) -> Closure:
        if any(_is_name(part, "step_outputs") for part in node.comparators):
            return self._step_is_there(node)
        quoted = self._parsed.quote(node)
        first = self.value(node.left)
        rest = [
            (_COMPARISONS[type(operator)], self.value(right))
            for operator, right in zip(node.ops, node.comparators, strict=True)
        ]

        def compare(frame: Frame) -> bool:
            left = first(frame)
            for test, closure in rest:
                right = closure(frame)
                try:
                    if not test(frame, left, right):
                        return False
                except ConditionError as error:
                    raise _quoted(quoted, error) from None
                left = right
            return True

        return compare

    def _step_is_there(self, node: ast.Compare) -> Closure:
        """`'id' in step_outputs`: whether the step completed."""
        match node:
            case ast.Compare(left=ast.Constant(value=str(step_id)), ops=[ast.In() | ast.NotIn() as operator]):
                self.step_ids[step_id] = None
                wanted = isinstance(operator, ast.In)
                return lambda frame: (step_id in frame.scope.step_outputs) is wanted
        raise self._refused(node, "step_outputs as a whole can't be used", "write 'id' in step_outputs")

    def _refused(self, node: ast.expr, why: str, remedy: str = "") -> ExpressionRefused:
        return ExpressionRefused(f"`{self._parsed.quote(node)}`: {why}", remedy=remedy)


_COMPARISONS: Mapping[type[ast.cmpop], Callable[[Frame, Any, Any], bool]] = {
    ast.Eq: equal,
    ast.NotEq: lambda frame, left, right: not equal(frame, left, right),
    ast.Lt: lambda frame, left, right: less(frame, left, right, or_equal=False),
    ast.LtE: lambda frame, left, right: less(frame, left, right, or_equal=True),
    ast.Gt: lambda frame, left, right: less(frame, right, left, or_equal=False),
    ast.GtE: lambda frame, left, right: less(frame, right, left, or_equal=True),
    ast.In: contains,
    ast.NotIn: lambda frame, left, right: not contains(frame, left, right),
    ast.Is: lambda frame, left, right: is_null(left),
    ast.IsNot: lambda frame, left, right: not is_null(left),
}


def _is_name(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _constant(value: Any) -> Closure:
    return lambda frame: value


def _settled(closure: Closure) -> Closure:
    def settled(frame: Frame) -> Any:
        value = closure(frame)
        return None if value is SKIPPED else value

    return settled


def _into(holder: Closure, key: Closure, origin: str) -> Closure:
    """`holder[key]`, strict: nothing there is an error that names the path."""

    def into(frame: Frame) -> Any:
        value = holder(frame)
        if value is SKIPPED:
            return SKIPPED
        if isinstance(value, BlobRef | Text):
            raise _quoted(origin, too_large())
        index = key(frame)
        if not isinstance(index, str | int) or isinstance(index, bool):
            raise ConditionError(f"`{origin}` can't be looked into with {described(index)}")
        return look_up(value, (index,), origin)

    return into


def _softly(holder: Closure, key: Closure, quoted: str) -> Closure:
    """`holder.get(key)`: `SKIPPED`, which a default replaces, where there is nothing."""

    def softly(frame: Frame) -> Any:
        value = holder(frame)
        if value is SKIPPED or value is None:
            return SKIPPED
        if not isinstance(value, Mapping):
            raise ConditionError(f"`{quoted}`: `.get` needs a dictionary, not {described(value)}")
        index = key(frame)
        if not isinstance(index, str):
            raise ConditionError(f"`{quoted}`: a key is a string, not {described(index)}")
        return value.get(index, SKIPPED)

    return softly


def _quoted(quoted: str, error: ConditionError) -> ConditionError:
    """The error with the part of the condition it is about."""
    return ConditionError(f"`{quoted}`: {error.message}", remedy=error.remedy)
