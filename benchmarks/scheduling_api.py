"""Time of `schedule-workflow`, beside a bare FastAPI endpoint that writes one row.

    python -m benchmarks.scheduling_api [--rounds 20] [--json]

Both are served by uvicorn on loopback with a SQLite file each, from this process, and asked in turn with the same
bodies: a workflow in layers of 5 steps on shared pools. Each request has a window of its own, or (`crowded`) all want
to start at the same hour, at which there is room for six, and may wait for a month. What is measured is from request to
answer: authentication, validation, plan, reservations, the run with Temporal. Then the reads: the status of a workflow
of 200 steps, and the list of the 50 newest.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import httpx
import uvicorn
from fastapi import Body, FastAPI
from temporal_dev.locate import locate
from temporal_dev.server import DevServer

from api.app import create_app
from api.listener import listen
from api.scheduling.endpoints import BASE, SCHEDULING
from benchmarks.report import machine
from engine.access.tokens import Tokens
from engine.core import Engine, open_engine
from engine.garbage import spare_what_stays
from engine.settings import Settings
from store.database import Database
from store.scheduling_tables import PoolChange
from workflows import attributes

SIZES = {10: 50.0, 200: 300.0}
"""Steps -> the milliseconds that the median should stay under."""
_LAYER = 5
_MANY = 1_000_000


def bare(database: Database) -> FastAPI:
    """One endpoint that takes any JSON and writes one row."""
    app = FastAPI()

    @app.post("/row")
    def write_row(body: Annotated[dict[str, Any], Body()]) -> dict[str, str]:
        name = uuid.uuid4().hex
        with database.write() as session:
            session.add(PoolChange(name=name, spec=body, changed_by="benchmark"))
        return {"name": name}

    return app


def request(steps: int, number: int, crowded: datetime | None = None) -> dict[str, Any]:
    """A workflow of so many steps, in the window of that number, or from the hour that all want on."""
    earliest = crowded or datetime.now(UTC) + timedelta(days=1, hours=6 * number)
    room = timedelta(hours=6) if crowded is None else timedelta(days=30)
    return {
        "workflow_name": f"layers-{steps}",
        "steps": [
            {
                "step_name": f"step-{place}",
                "agent_type": "sleep",
                "parameters": {"seconds": 0},
                "depends_on": [f"step-{place - _LAYER}"] if place >= _LAYER else [],
                "estimated_duration_minutes": 5,
                "resource_requirements": [
                    {"resource_type": "cpu_cores", "amount": 2},
                    {"resource_type": "memory_gb", "amount": 4},
                ],
            }
            for place in range(steps)
        ],
        "execution_window": {
            "earliest_start_time": earliest.isoformat(),
            "latest_start_time": (earliest + room).isoformat(),
        },
    }


@asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[str]:
    """Its address on a free port."""
    with listen("127.0.0.1", 0) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="on"))
        running = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
                await asyncio.sleep(0.01)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await running


async def measure(ours: httpx.AsyncClient, other: httpx.AsyncClient, rounds: int) -> list[dict[str, Any]]:
    """Both in turn, after some of each that do not count; then the reads."""
    found, number, last = [], 0, ""
    crowds = {steps: datetime.now(UTC) + timedelta(days=30 + place) for place, steps in enumerate(SIZES)}
    for hour in (None, crowds):
        for steps, goal in SIZES.items():
            times: dict[str, list[float]] = {"longpole": [], "bare": []}
            for counted in [False] * 3 + [True] * rounds:
                body, number = request(steps, number, None if hour is None else hour[steps]), number + 1
                for name, client, path in (("longpole", ours, f"{BASE}/schedule-workflow"), ("bare", other, "/row")):
                    took, answer = await timed(client, "POST", path, body)
                    if counted:
                        times[name].append(took)
                    last = answer.get("workflow_id", last)
            name = f"{steps} steps" if hour is None else f"{steps} steps, crowded"
            found.append({"what": name, "goal_ms": goal, "rounds": rounds, **figures(times)})
    for what, path in (("status", f"{BASE}/workflow/{last}/status"), ("list", f"{BASE}/workflows")):
        reads = [(await timed(ours, "GET", path))[0] for _ in range(rounds)]
        found.append({"what": what, "rounds": rounds, **figures({"longpole": reads})})
    return found


async def timed(client: httpx.AsyncClient, method: str, path: str, body: object = None) -> tuple[float, dict[str, Any]]:
    """Milliseconds from request to answer, and the answer."""
    before = time.perf_counter()
    answer = await client.request(method, path, json=body)
    took = (time.perf_counter() - before) * 1000
    answer.raise_for_status()
    return took, answer.json()


def figures(times: dict[str, list[float]]) -> dict[str, float]:
    """Of each its median, and the worst of ours."""
    medians = {f"{name}_p50_ms": round(statistics.median(each), 1) for name, each in times.items()}
    return {**medians, "longpole_max_ms": round(max(times["longpole"]), 1)}


async def run(rounds: int) -> list[dict[str, Any]]:
    """The whole measurement, with servers of its own."""
    with (
        tempfile.TemporaryDirectory() as folder,
        DevServer.start(
            locate(), data_dir=Path(folder) / "temporal", port=0, ui_port=0, search_attributes=attributes.TYPES
        ) as temporal,
    ):
        settings = Settings(data_dir=Path(folder) / "data", submissions_per_minute=_MANY)
        rows = Database(f"sqlite:///{Path(folder) / 'bare.db'}")
        rows.migrate()
        async with open_engine(settings, temporal_address=temporal.address) as engine:

            @asynccontextmanager
            async def opened() -> AsyncIterator[Engine]:
                yield engine

            token = Tokens(settings).issue("ann", seconds=3600)
            headers = {"Authorization": f"Bearer {token}"}
            async with (
                served(create_app(settings, opened, [SCHEDULING])) as ours,
                served(bare(rows)) as other,
                httpx.AsyncClient(base_url=ours, headers=headers, timeout=60) as client,
                httpx.AsyncClient(base_url=other, timeout=60) as plain,
            ):
                spare_what_stays()  # as `api.server` does
                found = await measure(client, plain, rounds)
        rows.dispose()
        return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    found = asyncio.run(run(given.rounds))
    if given.json:
        json.dump({"machine": machine(), "results": found}, sys.stdout, indent=2)
        return
    for each in found:
        line = f"{each['what']:>20}: p50 {each['longpole_p50_ms']} ms, max {each['longpole_max_ms']} ms"
        if "goal_ms" in each:
            line += f" (goal {each['goal_ms']:g} ms); one row: p50 {each['bare_p50_ms']} ms"
        sys.stdout.write(line + "\n")


if __name__ == "__main__":
    main()
