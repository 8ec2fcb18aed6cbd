"""Whether two versions of a step, over what they read, come to the same. Pure."""

from __future__ import annotations

from typing import Any

from definitions.digest import canonical_json
from definitions.errors import LongpoleError
from definitions.expressions import Expression
from definitions.references import Template
from definitions.scope import Scope
from definitions.values import Packed, pack


def same(one: Any, other: Any) -> bool:
    """The same JSON: 1 is neither true nor 1.0."""
    return one is other or _canonical(pack(one)) == _canonical(pack(other))


def resolves_alike(one: Template | None, one_scope: Scope, other: Template | None, other_scope: Scope) -> bool:
    """Both give the same, or there are none. What can't be resolved is like nothing."""
    if one is None or other is None:
        return one is other
    try:
        return same(one.resolve(one_scope), other.resolve(other_scope))
    except LongpoleError:
        return False


def holds(condition: Expression | None, scope: Scope) -> bool | None:
    """Whether it does; no condition always holds. None: it can't be told."""
    try:
        return condition is None or condition.test(scope)
    except LongpoleError:
        return None


def text_of(condition: Expression | None) -> str | None:
    """As it was written."""
    return condition.text if condition is not None else None


def _canonical(packed: Packed) -> bytes:
    return canonical_json(list(packed))
