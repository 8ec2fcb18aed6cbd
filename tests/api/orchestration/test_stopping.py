"""Stopping, with each combination of what may be asked."""

from __future__ import annotations

import asyncio
from itertools import product
from pathlib import Path

import pytest
from orchestration_requests import BASE, begun, data, error, has_status, step, stored, workflow
from serving import Service

from definitions.messages import DEFAULT_GRACE_SECONDS
from tests.polling import eventually

TWO = workflow(
    step("made", "steps.works", config={}),
    step("slow", "steps.holds", config={"until": "${input_data.door}"}, depends_on=["made"]),
    step("never", depends_on=["slow"]),
)


async def test_each_combination_of_the_three_flags(running: Service, tmp_path: Path) -> None:
    """`slow` never looks whether it was told to end, but ends in time: only a graceful stop waits for it."""
    async with running.client() as ann:
        workflow_id = await stored(ann, TWO)

        async def stopped(graceful: bool, clean: bool, save: bool) -> None:
            door = tmp_path / f"{graceful}{clean}{save}"
            execution = await begun(ann, workflow_id, parameters={"door": str(door)})
            folder = running.settings.data_dir / "artifacts" / execution

            async def is_slow() -> bool:
                found = data(await ann.get(f"{BASE}/executions/{execution}"))
                return bool(found["current_step"] == "slow" and found["step_details"][1]["status"] == "running")

            await eventually(is_slow)
            assert {path.name for path in folder.iterdir()} == {"scratch.bin", "kept.txt"}
            wish = {"graceful": graceful, "cleanup_resources": clean, "save_partial_results": save, "reason": "by hand"}
            told = data(await ann.post(f"{BASE}/executions/{execution}/stop", json=wish))
            assert told == {
                **wish,
                "execution_id": execution,
                "status": "stopping",
                "grace_seconds": DEFAULT_GRACE_SECONDS if graceful else 0.0,
            }
            if graceful:
                door.touch()
            ended = await has_status(ann, execution, "stopped")
            door.touch()
            made, slow, never = ended["step_details"]
            assert "by hand" in ended["error"]["message"]
            assert (made["status"], never["status"]) == ("completed", "cancelled")
            assert slow["status"] == ("completed" if graceful else "cancelled")
            outputs = {"made": {"records_extracted": 3}} | ({"slow": "ended late"} if graceful else {})
            assert ended.get("output") == (outputs if save else None)
            kept = {"scratch.bin", "kept.txt"} if not clean else {"kept.txt"} if save else set()

            async def is_clean() -> bool:
                return ({path.name for path in folder.iterdir()} if folder.exists() else set()) == kept

            await eventually(is_clean)

        await asyncio.gather(*(stopped(*flags) for flags in product((True, False), repeat=3)))


async def test_what_is_over_or_unknown_is_not_stopped(running: Service) -> None:
    async with running.client() as ann, running.client("bob") as bob:
        workflow_id = await stored(ann, workflow(step("only")))
        execution = await begun(ann, workflow_id, **{"async": False})
        refused = error(await ann.post(f"{BASE}/executions/{execution}/stop", json={}), 409)
        assert (refused["code"], refused["details"]["execution_id"]) == ("INVALID_STATUS", execution)
        assert error(await bob.post(f"{BASE}/executions/{execution}/stop"), 404)["code"] == "EXECUTION_NOT_FOUND"


@pytest.mark.parametrize("body", [{"graceful": "perhaps"}, {"unknown": 1}, {"reason": ""}])
async def test_what_is_wrong_with_a_stop_is_told(running: Service, body: dict[str, object]) -> None:
    async with running.client() as ann:
        path = f"{BASE}/executions/exec_00000000000000000000000000000001/stop"
        assert error(await ann.post(path, json=body), 422)["code"] == "INVALID_REQUEST"
