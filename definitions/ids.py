"""Ids of workflows and executions: a prefix and 32 hex digits; the same object as a UUID for the Python engine."""

from __future__ import annotations

import re
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

from definitions.errors import NotFound

WORKFLOW_PREFIX = "wf_"
EXECUTION_PREFIX = "exec_"
_ID = re.compile(r"(?:wf_|exec_)([0-9a-f]{32})", re.ASCII)


def new_workflow_id() -> str:
    """A new `wf_<32 hex>`."""
    return workflow_id(uuid4())


def new_execution_id() -> str:
    """A new `exec_<32 hex>`."""
    return execution_id(uuid4())


def child_execution_id(parent: str, step: str, start: int) -> str:
    """The id of the run that a step of another run is: the same each time that it is asked for.

    `step`: the step's path, `start`: 1 for the first time that the runner starts it."""
    return execution_id(uuid5(NAMESPACE_URL, f"longpole:{parent}/{step}#{start}"))


def workflow_id(uuid: UUID) -> str:
    """The `wf_<32 hex>` of a UUID."""
    return f"{WORKFLOW_PREFIX}{uuid.hex}"


def execution_id(uuid: UUID) -> str:
    """The `exec_<32 hex>` of a UUID."""
    return f"{EXECUTION_PREFIX}{uuid.hex}"


def is_id(text: str) -> bool:
    """Whether it is a `wf_...` or `exec_...`."""
    return _ID.fullmatch(text) is not None


def to_uuid(identifier: str) -> UUID:
    """The UUID behind a `wf_...` or `exec_...`; `NotFound` for what is neither."""
    match = _ID.fullmatch(identifier)
    if match is None:
        raise NotFound(
            f"{identifier[:80]!r} is not an id", remedy="ids look like wf_<32 hex digits> or exec_<32 hex digits>"
        )
    return UUID(hex=match[1])
