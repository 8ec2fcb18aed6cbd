"""What `loop.*` may be asked for: by where it is written, it is known which loops are around it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from definitions.nearest import did_you_mean
from definitions.values import Path

LoopKind = Literal["items", "while"]
_KEYS = {"items": ("current_item", "index", "parent"), "while": ("previous", "index", "parent")}


class LoopProblem(NamedTuple):
    """What is wrong, and what to do."""

    message: str
    remedy: str


def loop_problem(path: Path, loops: Sequence[LoopKind]) -> LoopProblem | None:
    """Why there is nothing at `path` of the innermost of these loops (the last), None when there is.

    A path may end early (`loop` as a whole), and below an item anything may follow."""
    level = len(loops) - 1
    if level < 0:
        return LoopProblem("there is no loop around this step", "use loop.* inside of a loop only")
    for key in path:
        known = _KEYS[loops[level]]
        if key not in known:
            said = "of a loop over a list" if loops[level] == "items" else "of a loop with `while`"
            remedy = did_you_mean(str(key), known) or f"there are {', '.join(f'`{each}`' for each in known)}"
            return LoopProblem(f"`{key}` is no value {said}", remedy)
        if key != "parent":
            return None
        level -= 1
        if level < 0:
            return LoopProblem("there is no loop around the outermost one", "use one `parent` less")
    return None
