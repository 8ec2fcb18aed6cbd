"""Reads the open control steps of a checkpoint, and refuses what the definition does not have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from definitions.block import Block, block_named, path_prefix, step_at
from definitions.block_state import BlockState
from definitions.calls import FINAL_STEP_STATUSES
from definitions.errors import CheckpointInvalid
from definitions.open_state import OpenState
from definitions.wording import named

_OF_A_BLOCK = ("steps", "outputs", "failures")


def read_block(block: Block, told: Mapping[str, Any], prefix: str = "") -> BlockState:
    """The state of an instance of a block. Raises `CheckpointInvalid` for a step id that it does not have, and where
    the checkpoint does not say all of it."""
    require_fields(told, _OF_A_BLOCK, prefix.removesuffix("."))
    try:
        return BlockState.from_json(block.order, told)
    except KeyError as error:
        raise _unknown(f"{prefix}{error.args[0]}") from None


def read_open(root: Block, state: BlockState, told: Mapping[str, Mapping[str, Any]]) -> dict[str, OpenState]:
    """The open control steps of a run by path, with the instances of blocks in them.

    Raises `CheckpointInvalid` for what the definition does not have, and for a step that was still running."""
    found: dict[str, OpenState] = {}
    places: list[tuple[str, Block, BlockState]] = [("", root, state)]
    while places:
        prefix, block, block_state = places.pop()
        for step_id, step in block_state.steps.items():
            if step.status == "pending" or step.status in FINAL_STEP_STATUSES:
                continue
            path = f"{prefix}{step_id}"
            control = block.steps[step_id].control
            if control is None or path not in told:
                raise CheckpointInvalid(f"the checkpoint was taken while step {path!r} was {step.status}")
            found[path] = opened = OpenState.from_json(told[path])
            for name, inside in told[path].get("blocks", {}).items():
                inner = block_named(control, name)
                inner_prefix = path_prefix(control, path, name)
                if inner is None:
                    raise _unknown(inner_prefix)
                opened.blocks[name] = read_block(inner, inside, inner_prefix)
                places.append((inner_prefix, inner, opened.blocks[name]))
    unknown = next((path for path in told if path not in found), None)
    if unknown is not None:
        raise _unknown(unknown)
    return {path: found[path] for path in told}


def read_begun(root: Block, told: Mapping[str, Mapping[str, Any]]) -> dict[str, OpenState]:
    """What control steps will find done in them, by path. Raises `CheckpointInvalid` for what the definition does not
    have."""
    found: dict[str, OpenState] = {}
    for path, begun in told.items():
        step = step_at(root, path)
        if step is None or step.control is None:
            raise _unknown(path)
        found[path] = state = OpenState.from_json(begun)
        for name, inside in begun.get("blocks", {}).items():
            inner, prefix = block_named(step.control, name), path_prefix(step.control, path, name)
            if inner is None:
                raise _unknown(prefix)
            state.blocks[name] = read_block(inner, inside, prefix)
    return found


def require_fields(told: Mapping[str, Any], fields: Iterable[str], of: str = "") -> None:
    """Raises `CheckpointInvalid` with the fields that are missing; `of`: the path of what they tell of."""
    missing = [field for field in fields if field not in told]
    if missing:
        raise CheckpointInvalid(
            f"the checkpoint has no {named(missing, 'or')}{f' of {of!r}' if of else ''}",
            remedy="go on from one that a run of this version has written, or start the run again",
        )


def _unknown(path: str) -> CheckpointInvalid:
    return CheckpointInvalid(
        f"the checkpoint names step {path!r}, which the definition does not have",
        remedy="a run goes on only with the definition it started with",
    )
