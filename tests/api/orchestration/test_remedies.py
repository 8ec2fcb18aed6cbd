"""Remedies over HTTP name what can be done there; those of the command line stay as they are."""

from __future__ import annotations

import pytest

from api.faults import Fault
from api.orchestration.remedies import with_endpoints
from definitions.errors import Problem

RUN = "exec_1"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("look at it with `longpole show`", f"look at it with `GET /v1/workflows/executions/{RUN}`"),
        (
            "or run that step again (`longpole rerun RUN --from STEP`)",
            f"or run that step again (`POST /v1/workflows/executions/{RUN}/rerun` with `from_step`)",
        ),
        ("start runs with `longpole run`", "start runs with `POST /v1/workflows/{workflow_id}/execute`"),
        ("see that a worker runs (`longpole up` or `longpole worker`)", None),
        ("activate it first", None),
        ("", None),
    ],
)
def test_commands_become_endpoints_where_there_are_such(said: str, told: str | None) -> None:
    fault = Fault(409, "conflict", "no", said, (Problem("x", "", "no", said),))
    found = with_endpoints(fault, {"execution_id": RUN})
    assert found.remedy == (said if told is None else told)
    assert found.problems[0].remedy == found.remedy
