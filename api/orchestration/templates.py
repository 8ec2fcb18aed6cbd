"""Templates as they are told: what a run of one takes is worked out of its document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from api.orchestration import template_wire
from api.orchestration.document import Reader
from definitions.errors import LongpoleError
from engine.access.identity import Identity
from engine.core import Engine
from engine.orchestration.blueprints import Template
from engine.orchestration.views import Estimate
from engine.orchestration.workflows import Workflows

_BLOCKS = (("branch", "then"), ("branch", "else"), ("loop", "steps"), ("parallel", "steps"))
_UNKNOWN = Estimate(0.0, 0.0, 0.0, "")


def parameters_of(body: template_wire.CreateTemplate) -> dict[str, Mapping[str, Any]]:
    """What is said of each parameter."""
    return {name: about.as_given() for name, about in body.parameters.items()}


async def template(engine: Engine, caller: Identity, found: Template) -> template_wire.Template:
    """A template in a list."""
    return template_wire.Template(**await _told(engine, caller, found))


async def whole_template(engine: Engine, caller: Identity, found: Template) -> template_wire.WholeTemplate:
    """A template."""
    return template_wire.WholeTemplate(
        **await _told(engine, caller, found),
        parameters=dict(found.parameters),
        workflow=dict(found.document),
        created_by=found.owner,
    )


async def _told(engine: Engine, caller: Identity, found: Template) -> dict[str, Any]:
    workflows = Workflows(engine, caller)
    document = found.example()
    core, _ = Reader(engine.registry.check, workflows.plugins).checked(document)
    try:
        expected = await workflows.estimating.estimate(core)
    except LongpoleError:  # what it was made for is not what it would be now: a plugin may be gone
        expected = _UNKNOWN
    steps = [*_all_steps(document)]
    memory = max((float((step.get("resources") or {}).get("memory_gb") or 0) for step in steps), default=0.0)
    return {
        "id": found.id,
        "name": found.name,
        "description": found.description,
        "category": found.category,
        "steps": [step["id"] for step in document["steps"]],
        "estimated_duration": duration_text(expected.seconds),
        "resource_requirements": template_wire.ResourceRequirements(
            min_compute_hours=expected.compute_hours, min_memory_gb=memory
        ),
        "compatible_plugins": [*dict.fromkeys(step["plugin"] for step in steps if step.get("plugin"))],
    }


def _all_steps(block: Mapping[str, Any], key: str = "steps") -> Iterator[Mapping[str, Any]]:
    for step in block.get(key) or ():
        yield step
        for control, inner in _BLOCKS:
            yield from _all_steps(step.get(control) or {}, inner)


def duration_text(seconds: float) -> str:
    """As "45m", "1h30m" or "20s": minutes rounded up from one on."""
    if seconds < 60:
        return f"{round(seconds)}s"
    minutes = -int(-seconds // 60)
    hours, rest = divmod(minutes, 60)
    return (f"{hours}h" if hours else "") + (f"{rest}m" if rest or not hours else "")
