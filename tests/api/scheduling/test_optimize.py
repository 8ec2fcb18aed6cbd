"""Plans made better for other goals, and put in force."""

from __future__ import annotations

from scheduling_requests import BASE, day, step, window, workflow
from serving import Service

OPTIMIZE = f"{BASE}/optimize-critical-path"


async def test_what_is_applied_moves_the_reservations_and_the_start(planning: Service) -> None:
    body = workflow(
        step("load", minutes=30, cpu_cores=4),
        step("train", minutes=60, after=("load",), cpu_cores=8),
        execution_window=window(day(hour=12), day(hour=23)),
        cost_optimization_enabled=False,
    )
    async with planning.client() as ann:
        told = (await ann.post(f"{BASE}/schedule-workflow", json=body)).json()
        assert told["estimated_cost"] == 10.0
        goals = {"workflow_id": told["workflow_id"], "optimization_goals": {"minimize_cost": 1.0}}
        asked = (await ann.post(OPTIMIZE, json=goals)).json()
        assert (asked["original_cost"], asked["optimized_cost"], asked["cost_savings"]) == (10.0, 4.0, 6.0)
        assert asked["optimizations_applied"] == []
        plan = f"{BASE}/workflow/{told['workflow_id']}/plan"
        assert (await ann.get(plan)).json()["scheduled_start"] == told["scheduled_start"]
        applied = (await ann.post(OPTIMIZE, json={**goals, "apply_optimizations": True})).json()
        assert applied["optimizations_applied"] == ["2 of 2 steps start at another time"]
        assert [(each["step_name"], each["duration_seconds"]) for each in applied["critical_path"]] == [
            ("load", 1800),
            ("train", 3600),
        ]
        now = (await ann.get(plan)).json()
        assert (now["scheduled_start"][:13], now["estimated_cost"]) == (day(hour=22).isoformat()[:13], 4.0)
        again = (await ann.post(OPTIMIZE, json={**goals, "apply_optimizations": True})).json()
        assert (again["cost_savings"], again["optimizations_applied"]) == (0.0, [])


async def test_bottlenecks_and_what_could_run_side_by_side_come_from_planning_again(planning: Service) -> None:
    body = workflow(
        step("left", minutes=60, gpu_memory_gb=16),
        step("right", minutes=40, gpu_memory_gb=16),
        execution_window=window(day(hour=12)),
    )
    async with planning.client() as ann, planning.client("bob") as bob:
        told = (await ann.post(f"{BASE}/schedule-workflow", json=body)).json()
        assert told["critical_path_duration_seconds"] == 3600
        assert told["optimization_analysis"]["parallelization_opportunities"] == 1
        assert told["optimization_analysis"]["scheduling_efficiency"] == 0.6
        request = {"workflow_id": told["workflow_id"], "optimization_goals": {"minimize_duration": 1}}
        found = (await ann.post(OPTIMIZE, json=request)).json()
        assert found["original_duration_seconds"] == found["optimized_duration_seconds"] == 6000
        (opportunity,) = found["parallelization_opportunities"]
        assert sorted(opportunity["parallel_steps"]) == ["left", "right"]
        assert opportunity["time_savings_seconds"] == 2400
        assert opportunity["resource_requirements"] == "Additional 8 gpu_memory_gb"
        assert [each["issue"] for each in found["bottlenecks"]] == ["gpu_memory_gb constraint"]
        assert (await bob.post(OPTIMIZE, json=request)).json()["error"] == "access_denied"
        no_goal = await ann.post(OPTIMIZE, json={**request, "optimization_goals": {}})
        assert no_goal.json()["error"] == "invalid_request"
