"""Reservations follow the steps that run: longer than planned, and no longer than they run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from scheduling_requests import BASE, step, window, workflow
from serving import Service
from test_running import has_status

from engine.core import Engine
from store.reservations import Held, list_held
from tests.polling import eventually

SCHEDULE = f"{BASE}/schedule-workflow"


def held_of(engine: Engine, step_id: str) -> list[Held]:
    with engine.database.read() as session:
        return [each for each in list_held(session, datetime.now(UTC) - timedelta(hours=1)) if each.step_id == step_id]


async def test_what_runs_longer_than_planned_stays_booked_and_is_given_back_when_it_ends(
    running: Service, service: Engine, tmp_path: Path
) -> None:
    """Planned for two seconds on the one licence, `long` runs until it may end."""
    over = tmp_path / "over"
    occupied = {**step("long", minutes=1 / 30, licence=1), "agent_type": "steps.occupy"}
    occupied["parameters"] = {"until": str(over)}
    # `after` keeps the run from ending, and what it had reserved from being given back with that.
    after = {**step("after", minutes=1, after=("long",), cpu_cores=16), "agent_type": "steps.occupy"}
    after["parameters"] = {"until": str(tmp_path / "never")}
    at_once: dict[str, Any] = {"cost_optimization_enabled": False}
    async with running.client() as ann, running.client("bob") as bob:
        told = (await ann.post(SCHEDULE, json=workflow(occupied, after, **at_once))).json()
        planned = held_of(service, "long")[0].ends_at

        async def is_booked_longer() -> bool:
            return datetime.now(UTC) > planned and held_of(service, "long")[0].ends_at > planned

        await eventually(is_booked_longer)
        # It is booked for a minute more each time, five seconds before that is over.
        soon = held_of(service, "long")[0].ends_at - timedelta(seconds=4)
        wanted = workflow(step("other", minutes=1 / 30, licence=1), execution_window=window(soon, soon), **at_once)
        refused = (await bob.post(SCHEDULE, json=wanted)).json()
        assert refused["error"] == "resource_conflict"
        assert "licence" in refused["message"]
        booked, asked = held_of(service, "long")[0].ends_at, datetime.now(UTC)
        later = (await bob.post(SCHEDULE, json=workflow(step("other", minutes=5, licence=1), **at_once))).json()
        assert held_of(service, "other")[0].begins_at >= booked > asked
        await bob.post(f"{BASE}/workflow/{later['workflow_id']}/cancel")
        over.touch()

        async def is_free() -> bool:
            return held_of(service, "long")[0].ends_at < datetime.now(UTC)

        await eventually(is_free)
        status = (await ann.get(f"{BASE}/workflow/{told['workflow_id']}/status")).json()
        assert (status["status"], status["completed_steps"]) == ("running", ["long"])
        short = workflow(step("other", minutes=1 / 60, licence=1), **at_once)
        now_it_fits = (await bob.post(SCHEDULE, json=short)).json()["scheduled_start"]
        assert datetime.fromisoformat(now_it_fits) < datetime.now(UTC) + timedelta(seconds=5)

        async def is_listed_with_its_cost_so_far() -> bool:
            listed = (await ann.get(f"{BASE}/workflows?status_filter=running")).json()["workflows"]
            return [each["workflow_id"] for each in listed if each["actual_cost"] > 0] == [told["workflow_id"]]

        await eventually(is_listed_with_its_cost_so_far)
        (tmp_path / "never").touch()
        await has_status(ann, told["workflow_id"], "completed")
