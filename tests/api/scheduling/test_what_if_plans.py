"""Plans that there would be with something changed; nothing is changed."""

from __future__ import annotations

from scheduling_requests import BASE, day, step, window, workflow
from serving import Service

SCHEDULE = f"{BASE}/schedule-workflow"


async def test_other_pools_prices_budgets_and_deadlines(planning: Service) -> None:
    """Two hours on the one licence, one after the other, at 6 an hour."""
    body = workflow(
        step("left", minutes=60, licence=1), step("right", minutes=60, licence=1), execution_window=window(day(hour=12))
    )
    async with planning.client() as ann, planning.client("bob") as bob:
        told = (await ann.post(SCHEDULE, json=body)).json()
        path = f"{BASE}/workflow/{told['workflow_id']}/plan"
        before = (await ann.get(path)).json()
        assert (before["what_if"], before["estimated_cost"]) == (None, 12.0)

        two = (await ann.get(path, params={"what_if": "pools.licence=2"})).json()
        assert two["what_if"] == {
            "changes": "pools.licence=2",
            "saves_seconds": 3600,
            "saves_cost": 0.0,
            "steps_moved": 1,
        }
        assert {each["start"] for each in two["steps"]} == {before["scheduled_start"]}
        dearer = (await ann.get(path, params={"what_if": "pools.licence.price=9,pools.licence=2"})).json()
        assert (dearer["estimated_cost"], dearer["what_if"]["saves_cost"]) == (18.0, -6.0)
        shorter = (await ann.get(path, params={"what_if": "steps.left.estimated_duration=30m"})).json()
        assert (shorter["estimated_cost"], shorter["what_if"]["saves_seconds"]) == (9.0, 1800)

        refusals = [
            ("budget=11", 400, "cost_limit_exceeded"),
            (f"deadline={day(hour=13).isoformat()}", 409, "resource_conflict"),
            ("pools.licence=0", 409, "resource_conflict"),
            ("pools.qubits=1", 400, "scenario_invalid"),
            ("nonsense", 400, "scenario_invalid"),
            ("steps.left.estimated_duration=soon", 400, "definition_invalid"),
        ]
        for text, status, code in refusals:
            answer = await ann.get(path, params={"what_if": text})
            assert (answer.status_code, answer.json()["error"]) == (status, code), (text, answer.text)
            assert "--" not in answer.json()["message"]
        assert (await bob.get(path, params={"what_if": "pools.licence=2"})).status_code == 403
        assert (await ann.get(path)).json() == before
