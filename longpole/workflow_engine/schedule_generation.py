"""The template `schedule_generation`: a duty roster, made and checked, by the handlers of `examples/residency`."""

from __future__ import annotations

from typing import Any

from activities.registry import HandlerRegistry
from definitions.errors import DefinitionInvalid, Problem

NAME = "schedule_generation"
DESCRIPTION = "Makes a duty roster for residents, checks it, and tells how robust it is"
TAGS = ("schedule", "acgme", "automated")
_PACKAGE = "residency"
_PROBLEM = "step_outputs.validate_input.result.problem"
_SETTINGS = "step_outputs.validate_input.result.settings"
_EFFORT = ("time_limit_seconds", "accepted_gap", "workers", "seed")
_ROSTER = {"problem": _PROBLEM, "roster": "step_outputs.generate_schedule.result.roster"}


def definition() -> dict[str, Any]:
    """Validation, the roster, its check against the ACGME's duty hours, then conflicts and resilience side by side, and
    a message at the end."""
    return {
        "steps": [
            _step("validate_input", "Validate input", [], 60),
            _step(
                "generate_schedule",
                "Generate schedule",
                ["validate_input"],
                1800,
                {"problem": _PROBLEM, **{name: f"{_SETTINGS}.{name}" for name in _EFFORT}},
            ),
            _step("check_acgme_compliance", "Check ACGME compliance", ["generate_schedule"], 300, _ROSTER),
            _step("detect_conflicts", "Detect conflicts", ["check_acgme_compliance"], 300, _ROSTER),
            _step("calculate_resilience", "Calculate resilience", ["check_acgme_compliance"], 600, _ROSTER),
            _step(
                "send_notification",
                "Send notification",
                ["detect_conflicts", "calculate_resilience"],
                60,
                {
                    "problem": _PROBLEM,
                    "schedule": "step_outputs.generate_schedule.result",
                    "compliance": "step_outputs.check_acgme_compliance.result",
                    "conflicts": "step_outputs.detect_conflicts.result",
                    "resilience": "step_outputs.calculate_resilience.result",
                    "email_to": f"{_SETTINGS}.email_to",
                    "webhook_url": f"{_SETTINGS}.webhook_url",
                },
            ),
        ],
        "error_handlers": {},
        "default_timeout_seconds": 3600,
    }


def _step(
    name: str, title: str, after: list[str], seconds: int, mapping: dict[str, str] | None = None
) -> dict[str, Any]:
    """Steps with the same dependencies run side by side. Without a mapping, one gets the instance's input."""
    step: dict[str, Any] = {
        "id": name,
        "name": title,
        "handler": f"{_PACKAGE}.handlers.{name}",
        "execution_mode": "parallel",
        "depends_on": after,
        "timeout_seconds": seconds,
    }
    return step if mapping is None else {**step, "input_mapping": mapping}


def require_handlers(registry: HandlerRegistry) -> None:
    """Load the handlers. Raises `DefinitionInvalid`, which says for each step what keeps its handler away."""
    problems = []
    for index, step in enumerate(definition()["steps"]):
        problem = registry.check(step["handler"], path=f"steps[{index}].handler", load=True)
        if problem is not None:
            remedy = (
                f"allow `{_PACKAGE}` (LONGPOLE_HANDLER_ALLOW, or handler_allow in longpole.toml) and name the folder it"
                " is in, such as examples/residency (LONGPOLE_HANDLER_PATHS, or handler_paths)"
            )
            problems.append(Problem(problem.code, problem.path, problem.message, remedy))
    if problems:
        raise DefinitionInvalid(problems)
