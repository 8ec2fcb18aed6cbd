"""The document becomes a core definition that means the same; what is wrong is told by the document's own fields."""

from __future__ import annotations

from typing import Any

import pytest

from definitions.errors import DefinitionInvalid, Problem
from definitions.model import Definition
from longpole.workflow_engine.translate import core_document


def translated(*steps: dict[str, Any], **fields: Any) -> Definition:
    return Definition.model_validate(core_document("t", {"steps": list(steps), **fields}))


def problems(definition: Any, name: str = "t") -> dict[str, Problem]:
    with pytest.raises(DefinitionInvalid) as refused:
        core_document(name, definition)
    return {problem.path: problem for problem in refused.value.problems}


@pytest.mark.parametrize(("multiplier", "cap"), [(2, 300), (3.0, 10), (1, 5)])
def test_before_attempt_n_it_waits_the_multiplier_to_the_power_of_n_minus_1(multiplier: float, cap: float) -> None:
    policy = {"max_attempts": 6, "backoff_multiplier": multiplier, "max_backoff_seconds": cap}
    retry = translated({"id": "a", "retry_policy": policy}).steps[0].retry
    waits = [
        min(retry.initial_interval * retry.backoff_coefficient ** (n - 2), retry.max_interval) for n in range(2, 7)
    ]
    assert waits == [min(multiplier ** (n - 1), cap) for n in range(2, 7)]


def test_what_a_policy_leaves_out_is_as_documented_and_without_one_there_is_one_attempt() -> None:
    bare, partly = translated({"id": "a"}, {"id": "b", "retry_policy": {}}).steps
    assert bare.retry.max_attempts == 1
    retry = partly.retry
    assert (retry.max_attempts, retry.initial_interval, retry.max_interval, retry.retry_on_timeout) == (3, 2, 300, True)


def test_only_values_that_start_like_a_reference_are_one() -> None:
    mapping = {
        "output": "step_outputs.a.result[0]['a key']",
        "data": "input_data.x",
        "shared": "context.region",
        "word": "input_data",
        "text": "see step_outputs.a",
        "template": "${workflow.id} and $${x}",
        "nested": {"deep": ["input_data.x", "${input_data.x}"]},
        "number": 3,
    }
    step = translated({"id": "a"}, {"id": "b", "input_mapping": mapping}).steps[1]
    assert step.input == {
        "output": "${step_outputs.a.result[0]['a key']}",
        "data": "${input_data.x}",
        "shared": "${context.region}",
        "word": "input_data",
        "text": "see step_outputs.a",
        "template": "$${workflow.id} and $$${x}",
        "nested": {"deep": ["input_data.x", "$${input_data.x}"]},
        "number": 3,
    }


def test_everything_that_is_wrong_is_told_at_once_by_the_documents_names() -> None:
    found = problems(
        {
            "steps": [
                {"id": "a", "handlr": "x.y", "retry_policy": {"max_atempts": 3}, "timeout_seconds": "60"},
                {"id": "b", "depends_on": ["zz", 3], "input_mapping": {"p": "context.", "q": "step_outputs.aa.x"}},
                {
                    "id": "c",
                    "retry_policy": {"backoff_multiplier": 0.5},
                    "condition": "import os",
                    "timeout_seconds": 0,
                },
                {"id": "c", "execution_mode": "both", "input_mapping": {"r": {1}}},
                5,
            ],
            "eror_handlers": {},
            "error_handlers": {"a": "d"},
            "default_timeout_seconds": -1,
        },
        name="",
    )
    assert list(found) == [
        "name",
        "default_timeout_seconds",
        "eror_handlers",
        "error_handlers.a",
        "steps[0].retry_policy.max_atempts",
        "steps[0].timeout_seconds",
        "steps[0].handlr",
        "steps[1].depends_on[1]",
        "steps[1].input_mapping.p",
        "steps[1].depends_on[0]",
        "steps[1].input_mapping.q",
        "steps[2].retry_policy.backoff_multiplier",
        "steps[2].timeout_seconds",
        "steps[2].condition",
        "steps[3].execution_mode",
        "steps[3].input_mapping.r",
        "steps[3].id",
        "steps[4]",
    ]
    for path, near in {
        "steps[0].handlr": "handler",
        "steps[0].retry_policy.max_atempts": "max_attempts",
        "eror_handlers": "error_handlers",
        "steps[1].input_mapping.q": "a",
    }.items():
        assert f"did you mean `{near}`" in found[path].remedy


@pytest.mark.parametrize("definition", [None, [], "steps", {}, {"steps": {}}, {"steps": []}])
def test_what_is_no_definition_is_refused(definition: Any) -> None:
    assert set(problems(definition)) <= {"", "steps"}


def test_a_cycle_is_told_as_a_path() -> None:
    found = problems(
        {"steps": [{"id": "a", "depends_on": ["b"]}, {"id": "b", "input_mapping": {"x": "step_outputs.a"}}]}
    )
    assert "a -> b -> a" in found["steps[0]"].message
