"""Requests of the Scheduling API for tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from serving import Service

BASE = "/api/v1/scheduling"
# Once for all tests of a process: midnight may pass between two calls of one test.
_MIDNIGHT = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def step(name: str, *, minutes: float = 30, after: tuple[str, ...] = (), **needs: float) -> dict[str, Any]:
    """A step that echoes its input and holds `needs` meanwhile."""
    return {
        "step_name": name,
        "agent_type": "steps.echo",
        "depends_on": list(after),
        "estimated_duration_minutes": minutes,
        "resource_requirements": [{"resource_type": kind, "amount": amount} for kind, amount in needs.items()],
    }


def workflow(*steps: dict[str, Any], name: str = "nightly", **more: Any) -> dict[str, Any]:
    """A workflow of these steps."""
    return {"workflow_name": name, "steps": list(steps), **more}


def day(days: int = 1, hour: int = 12, minute: int = 0) -> datetime:
    """A time of day, some days from now, in UTC."""
    return _MIDNIGHT + timedelta(days=days, hours=hour, minutes=minute)


async def planner_is_loaded(service: Service) -> None:
    """Plans something, for nobody: the first time in a process takes as long as it takes to load the planner, too long
    for who has told it an hour that soon comes."""
    async with service.client("nobody") as nobody:
        steps = step("one", cpu_cores=1), step("two", cpu_cores=1)
        body = workflow(*steps, execution_window=window(day()), cost_optimization_enabled=False)
        workflow_id = (await nobody.post(f"{BASE}/schedule-workflow", json=body)).json()["workflow_id"]
        goals = {"workflow_id": workflow_id, "optimization_goals": {"minimize_duration": 0.5, "minimize_cost": 0.5}}
        await nobody.post(f"{BASE}/optimize-critical-path", json=goals)
        assert (await nobody.post(f"{BASE}/workflow/{workflow_id}/cancel")).status_code == 200


def window(earliest: datetime, latest: datetime | None = None, **more: Any) -> dict[str, Any]:
    """An execution window."""
    found = {"earliest_start_time": earliest.isoformat(), **more}
    return found if latest is None else {**found, "latest_start_time": latest.isoformat()}
