from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

import longpole
from activities.builtin import sleep
from longpole import InvalidInput, PermanentFailure, StepCancelled, step


async def handler(data: dict[str, Any]) -> dict[str, Any]:
    step.log.info("started", rows=data["rows"])
    for n in range(2):
        step.raise_if_cancelled()
        step.progress((n + 1) / 2, f"part {n + 1}")
    step.usage(tokens=2, cost=0.25)
    await asyncio.to_thread(step.usage, tokens=1)
    step.artifact("s3://bucket/model.bin", kind="model")
    step.context.update({"best": "svm"}, score=0.9)
    return {"attempt": step.attempt, "of": step.max_attempts, "best": step.context["best"], "old": step.context["old"]}


async def test_handlers_work_outside_a_run() -> None:
    assert step.attempt == step.max_attempts == 1
    assert step.cancelled is False
    assert step.idempotency_key
    step.progress(0.5)
    step.usage(tokens=1)
    step.log.info("to nobody", a=1)
    assert step.workdir.is_dir()
    with pytest.raises(AttributeError, match="no `atempt`"):
        step.atempt  # type: ignore[attr-defined]  # noqa: B018


async def test_a_simulated_run_gives_what_was_told(tmp_path: Path) -> None:
    with step.simulate(attempt=2, max_attempts=3, context={"old": 1}, workdir=tmp_path / "work") as run:
        assert await handler({"rows": 3}) == {"attempt": 2, "of": 3, "best": "svm", "old": 1}
        assert step.workdir == tmp_path / "work"
        assert step.workdir.is_dir()
    assert run.logs == [("INFO", "started", {"rows": 3})]
    assert run.progress == [(0.5, "part 1"), (1.0, "part 2")]
    assert run.usage == {"tokens": 3, "cost": 0.25}
    assert run.artifacts == [{"uri": "s3://bucket/model.bin", "name": "model.bin", "metadata": {"kind": "model"}}]
    assert run.context == {"best": "svm", "score": 0.9}
    assert step.attempt == 1


async def test_a_simulated_run_can_be_cancelled() -> None:
    with step.simulate(context={"old": 1}) as run:
        run.cancel()
        assert step.cancelled
        with pytest.raises(StepCancelled):
            await handler({"rows": 3})
    assert not issubclass(StepCancelled, Exception)


def test_secrets_come_from_the_environment_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LONGPOLE_SECRET_MY_KEY", "s3cret")
    assert step.secret("my-key") == "s3cret"
    with step.simulate(secrets={"other": "x"}):
        assert step.secret("other") == "x"
        with pytest.raises(PermanentFailure, match="LONGPOLE_SECRET_MY_KEY"):
            step.secret("my-key")


def test_threads_of_other_kinds_are_bound() -> None:
    with step.simulate() as run:
        threads = [
            threading.Thread(target=step.bound(step.progress), args=(0.3,)),
            threading.Thread(target=step.bound(step.usage), kwargs={"tokens": 1}),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert run.progress == [(0.3, "")]
    assert run.usage == {"tokens": 1}


@pytest.mark.parametrize("value", [float("nan"), "0.5", True, None])
def test_progress_is_a_number(value: Any) -> None:
    with step.simulate(), pytest.raises(TypeError, match="from 0 to 1"):
        step.progress(value)


@pytest.mark.parametrize("value", [float("inf"), "3", True])
def test_usage_is_numbers(value: Any) -> None:
    with step.simulate() as run:
        with pytest.raises(TypeError, match="usage `tokens`"):
            step.usage(tokens=value)
        assert run.usage == {}


def test_files_become_artifacts_with_a_uri(tmp_path: Path) -> None:
    with step.simulate(workdir=tmp_path) as run:
        step.artifact(Path("plot.png"), media_type="image/png")
    assert run.artifacts == [{"uri": (tmp_path / "plot.png").as_uri(), "name": "plot.png", "media_type": "image/png"}]


async def test_the_handler_sleep_sleeps() -> None:
    with step.simulate() as run:
        assert (await sleep({"seconds": 0.01}))["slept_seconds"] >= 0.01
        assert (await sleep({"seconds": 0}))["slept_seconds"] >= 0
    assert run.progress[-1] == (1.0, "")


@pytest.mark.parametrize(
    "data", [None, {}, 3, {"seconds": "3"}, {"seconds": -1}, {"seconds": float("nan")}, {"seconds": True}]
)
async def test_the_handler_sleep_refuses_what_is_no_duration(data: Any) -> None:
    with pytest.raises(InvalidInput, match="seconds"):
        await sleep(data)


def test_handlers_import_no_server_code() -> None:
    program = (
        "import sys; from longpole import step, StepError; step.attempt\n"
        "heavy = {'temporalio', 'sqlalchemy', 'fastapi', 'ortools', 'pydantic'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(longpole.__file__).parents[1])
