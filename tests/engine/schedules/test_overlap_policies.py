"""What becomes of a start while runs of its schedule are open, for each policy, with real runs."""

from __future__ import annotations

from engine.core import Engine
from tests.engine.schedules.scheduled import HOLDS, scheduled, until


async def test_skip(service: Engine) -> None:
    schedules, workflow = await scheduled(service, HOLDS, overlap_policy="skip")
    first = await schedules.trigger(workflow)
    await until(schedules, workflow, "running")
    await schedules.trigger(workflow)
    found = await until(schedules, workflow, "running", "overlap")
    assert first.execution_id in found[1].message
    await service.executions.send_event(first.execution_id, "go")
    await until(schedules, workflow, "completed", "overlap")
    await schedules.trigger(workflow)
    await until(schedules, workflow, "completed", "overlap", "running")


async def test_buffer_one(service: Engine) -> None:
    schedules, workflow = await scheduled(service, HOLDS, overlap_policy="buffer_one")
    first = await schedules.trigger(workflow)
    await until(schedules, workflow, "running")
    await schedules.trigger(workflow)
    await until(schedules, workflow, "running", "waiting")
    await schedules.trigger(workflow)
    await until(schedules, workflow, "running", "waiting", "buffer_full")
    await service.executions.send_event(first.execution_id, "go")
    found = await until(schedules, workflow, "completed", "running", "buffer_full")
    assert found[1].reason == "overlap"
    assert first.execution_id in found[1].message


async def test_buffer_all_keeps_the_order(service: Engine) -> None:
    schedules, workflow = await scheduled(service, HOLDS, overlap_policy="buffer_all")
    starts = [await schedules.trigger(workflow)]
    await until(schedules, workflow, "running")
    for _ in range(2):
        starts.append(await schedules.trigger(workflow))
    await until(schedules, workflow, "running", "waiting", "waiting")
    await service.executions.send_event(starts[0].execution_id, "go")
    await until(schedules, workflow, "completed", "running", "waiting")
    await service.executions.send_event(starts[1].execution_id, "go")
    await until(schedules, workflow, "completed", "completed", "running")


async def test_cancel_other(service: Engine) -> None:
    schedules, workflow = await scheduled(service, HOLDS, overlap_policy="cancel_other")
    await schedules.trigger(workflow)
    await until(schedules, workflow, "running")
    await schedules.trigger(workflow)
    await until(schedules, workflow, "cancelled", "running")


async def test_terminate_other(service: Engine) -> None:
    schedules, workflow = await scheduled(service, HOLDS, overlap_policy="terminate_other")
    first = await schedules.trigger(workflow)
    await until(schedules, workflow, "running")
    await schedules.trigger(workflow)
    await until(schedules, workflow, "cancelled", "running")
    error = (await service.executions.get(first.execution_id)).error
    assert error is not None
    assert error["error_class"] == "terminated"


async def test_allow_all_and_its_limit(service: Engine) -> None:
    schedules, workflow = await scheduled(service, HOLDS, overlap_policy="allow_all")
    for count in (1, 2, 3):
        await schedules.trigger(workflow)
        await until(schedules, workflow, *["running"] * count)
    await schedules.put(workflow, {"schedule": {"type": "interval", "every": "1000d"}, "overlap_policy": "allow_all",
                                   "max_concurrent_executions": 3})  # fmt: skip
    await schedules.trigger(workflow)
    await until(schedules, workflow, *["running"] * 3, "max_concurrent_executions")


async def test_as_many_runs_as_may_be_open(service: Engine) -> None:
    schedules, workflow = await scheduled(service, HOLDS, overlap_policy="buffer_all", max_concurrent_executions=2)
    starts = []
    for count in range(4):  # several at once may be counted in any order
        starts.append(await schedules.trigger(workflow))
        found = await until(schedules, workflow, *["running"] * min(count + 1, 2), *["waiting"] * (count - 1))
    assert (await schedules.get(workflow)).open_runs == tuple(each.execution_id for each in found[:2])
    await service.executions.send_event(starts[1].execution_id, "go")
    await until(schedules, workflow, "running", "completed", "running", "waiting")


async def test_a_start_whose_launcher_was_ended_keeps_nobody_waiting(service: Engine) -> None:
    schedules, workflow = await scheduled(service, HOLDS, overlap_policy="buffer_all")
    first = await schedules.trigger(workflow)
    await until(schedules, workflow, "running")
    second = await schedules.trigger(workflow)
    await until(schedules, workflow, "running", "waiting")
    await schedules.trigger(workflow)
    await until(schedules, workflow, "running", "waiting", "waiting")
    launcher = f"sched_{workflow.removeprefix('wf_')}-{second.execution_id}"
    await service.client.get_workflow_handle(launcher).terminate()
    await service.executions.send_event(first.execution_id, "go")
    await until(schedules, workflow, "completed", "launcher_ended", "running")


async def test_what_waits_is_skipped_when_the_schedule_is_deleted(service: Engine) -> None:
    schedules, workflow = await scheduled(service, HOLDS, overlap_policy="buffer_all")
    first = await schedules.trigger(workflow)
    await until(schedules, workflow, "running")
    second = await schedules.trigger(workflow)
    await until(schedules, workflow, "running", "waiting")
    await schedules.delete(workflow)
    launcher = f"sched_{workflow.removeprefix('wf_')}-{second.execution_id}"
    assert (await service.client.get_workflow_handle(launcher).result())["state"] == "gone"
    assert (await service.executions.get(first.execution_id)).status == "running"
