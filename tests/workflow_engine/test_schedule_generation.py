"""The template `schedule_generation`, with the handlers of examples/residency."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy.orm import Session
from temporal_dev.server import DevServer

from definitions.errors import DefinitionInvalid
from engine.settings import Settings
from longpole import WorkflowService

RESIDENCY = Path(__file__).parents[2] / "examples" / "residency"


@pytest.mark.skipif(not (RESIDENCY / "residency" / "handlers.py").exists(), reason="examples/residency is not there")
def test_a_duty_roster_from_start_to_end(db: Session, settings: Settings, temporal: DevServer) -> None:
    with_handlers = settings.model_copy(
        update={"handler_paths": (RESIDENCY,), "handler_allow": (*settings.handler_allow, "residency")}
    )
    service = WorkflowService(db, settings=with_handlers, temporal_address=temporal.address)
    try:
        template = service.create_schedule_generation_workflow()
        assert (template.name, template.version) == ("schedule_generation", 1)
        assert service.create_schedule_generation_workflow() == template
        ended = service.start_workflow(
            "schedule_generation",
            {"start_date": "2026-01-05", "end_date": "2026-01-11", "time_limit_seconds": 120, "accepted_gap": 0.5},
            async_execution=False,
        )
        assert ended.status == "completed", ended.error_message
        assert ended.output_data["success"] is True
        executions = {each.step_id: each for each in service.engine.get_step_executions(ended.id)}
        assert [step["id"] for step in template.definition["steps"]] == [*executions]
        assert {each.status for each in executions.values()} == {"completed"}
        assert executions["check_acgme_compliance"].output_data["result"]["compliant"] is True
    finally:
        service.close()


def test_without_its_handlers_it_says_what_to_allow(service: WorkflowService) -> None:
    with pytest.raises(DefinitionInvalid) as refused:
        service.create_schedule_generation_workflow()
    problems = refused.value.problems
    assert [problem.path for problem in problems] == [f"steps[{index}].handler" for index in range(6)]
    for problem in problems:
        assert "allow `residency` (LONGPOLE_HANDLER_ALLOW" in problem.remedy
        assert "LONGPOLE_HANDLER_PATHS" in problem.remedy
    assert service.engine.list_templates()[1] == 0
