"""Which steps may handle the errors of which."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from definitions.block_checks import Block, BlockChecks
from definitions.findings import Findings
from definitions.json_values import field_path

_BLOCKS = ("branch", "loop", "parallel")


def check_error_handlers(findings: Findings, checks: BlockChecks, handlers: Mapping[str, str]) -> None:
    """Everything that is wrong with a definition's `error_handlers`."""
    root = checks.root
    handled: dict[str, set[str]] = {}
    for failing, handler in handlers.items():
        path = field_path(("error_handlers", failing))
        for step_id in (failing, handler):
            if step_id not in root.index_of:
                remedy = checks.suggestion(step_id, iter(root.index_of))
                findings.add(-1, "unknown_step", path, f"there is no step `{step_id[:128]}`", remedy)
        if failing == handler:
            message = f"`{failing}` can't handle its own failure"
            findings.add(-1, "bad_error_handler", path, message, "name another step")
        elif handler in handlers:
            message = f"`{handler}` handles errors itself, so its own failure has no handler"
            path = field_path(("error_handlers", handler))
            findings.add(-1, "bad_error_handler", path, message, "remove this entry")
        handled.setdefault(handler, set()).add(failing)
    for handler, failing_steps in handled.items():
        if handler in root.index_of:
            _check_handler_step(findings, root, handler, failing_steps)


def _check_handler_step(findings: Findings, root: Block, handler: str, handled: set[str]) -> None:
    """An error handler starts when a step fails, so it can wait for nothing, nor read what was never returned."""
    index = root.index_of[handler]
    raw: Mapping[str, Any] = root.steps[index]
    declared = [item for item in raw.get("depends_on") or () if isinstance(item, str)]
    for place, other in enumerate(declared):
        if other not in handled and other in root.index_of:
            message = f"`{handler}` is an error handler: it starts when a step fails and can't wait for `{other}`"
            path = f"steps[{index}].depends_on[{place}]"
            findings.add(index, "bad_error_handler", path, message, "remove the dependency")
    for other in root.edges.get(handler, ()):
        if other in handled and other not in declared:
            message = f"`{handler}` handles the failure of `{other}`, which then has no output to refer to"
            remedy = "leave input out: an error handler is given the error"
            findings.add(index, "bad_error_handler", f"steps[{index}]", message, remedy)
    for key in _BLOCKS:
        if raw.get(key) is not None:
            message = f"`{handler}` is an error handler, which is started once for each failure: it can be no block"
            remedy = "use a handler, `workflow`, `approval` or `wait`"
            findings.add(index, "bad_error_handler", f"steps[{index}].{key}", message, remedy)
