"""How templates and instances are named by callers: UUIDs, their text, or the ids of the other surfaces."""

from __future__ import annotations

from uuid import UUID

from definitions.errors import NotFound
from definitions.ids import EXECUTION_PREFIX, WORKFLOW_PREFIX, execution_id, is_id, to_uuid, workflow_id

Identifier = UUID | str


def template_key(given: Identifier) -> str:
    """The core's id of a template. Raises `NotFound` for what is no id."""
    return workflow_id(_uuid(given, WORKFLOW_PREFIX))


def instance_key(given: Identifier) -> str:
    """The core's id of an instance. Raises `NotFound` for what is no id."""
    return execution_id(_uuid(given, EXECUTION_PREFIX))


def is_template_key(given: Identifier) -> bool:
    """Whether it is an id, not a name."""
    if isinstance(given, UUID):
        return True
    try:
        _uuid(given, WORKFLOW_PREFIX)
    except NotFound:
        return False
    return True


def _uuid(given: Identifier, prefix: str) -> UUID:
    if isinstance(given, UUID):
        return given
    if isinstance(given, str):
        if given.startswith(prefix) and is_id(given):
            return to_uuid(given)
        try:
            return UUID(given)
        except ValueError:
            pass
    raise NotFound(f"{str(given)[:80]!r} is not an id", remedy="give the `id` of what the engine returned")
