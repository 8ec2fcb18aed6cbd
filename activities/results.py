"""What an attempt that returned tells the run: its value, masked, by reference where large; and what it reported."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from activities.approximate import approximately
from activities.outputs import INLINE_LIMIT, check_json, keep, too_large
from activities.step_context import StepContext
from definitions.calls import StepResult
from definitions.values import json_size, pack
from store.blobs import BlobStore

LOCAL_EXTRA_LIMIT = 8 * 1024
"""For a local step's additions to the context, and for its artifacts: many results share one message."""


def step_result(
    value: Any,
    step: StepContext,
    blobs: BlobStore,
    *,
    mask_text: Callable[[str], str],
    mask_tree: Callable[[Any], Any],
    local: bool,
) -> StepResult:
    """The result of a step whose handler returned `value`.

    Raises `StepError` for what is not JSON or too large, and whatever a handler's own objects raise when they are
    looked at."""
    most = LOCAL_EXTRA_LIMIT if local else INLINE_LIMIT
    output = pack(keep(value, blobs, mask=mask_tree))
    result = StepResult(output=output.json)
    if output.slots:
        result["slots"] = output.slots
    if step.context.added:
        result["context"] = _within(most, mask_tree(check_json(step.context.added, "context")), "context")
    if step.amounts:
        result["usage"] = dict(step.amounts)
    if step.artifacts:
        result["artifacts"] = _within(most, told_artifacts(step, mask_text), "artifacts")
    return result


def told_artifacts(step: StepContext, mask: Callable[[str], str]) -> list[dict[str, Any]]:
    """What the step has reported so far, masked."""
    return [approximately(artifact, mask) for artifact in list(step.artifacts)]


def _within(limit: int, value: Any, origin: str) -> Any:
    size = json_size(value)
    if size > limit:
        raise too_large(f"{size:,}", limit, origin, "return what is large as the step's result instead")
    return value
