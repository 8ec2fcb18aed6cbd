"""Real programs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from activities import step
from activities.errors import InvalidInput, PermanentFailure, StepError
from activities.plugins.registry import PluginRegistry
from activities.step import Simulation
from definitions.errors import PluginUnavailable
from tests.polling import eventually


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Simulation]:
    with step.simulate(workdir=tmp_path / "run", secrets={"token": "s3cret"}) as simulation:
        yield simulation


async def run(config: dict[str, Any], **settings: Any) -> Any:
    return await PluginRegistry({"shell": {"allow": True, **settings}}, {}).resolve("shell", "run")(config)


def test_it_is_off_until_the_operator_allows_it() -> None:
    with pytest.raises(PluginUnavailable) as raised:
        PluginRegistry({}, {}).resolve("shell", "run")
    assert "LONGPOLE_PLUGIN_SHELL_ALLOW" in raised.value.remedy
    assert PluginRegistry({}, {"LONGPOLE_PLUGIN_SHELL_ALLOW": "true"}).resolve("shell", "run")


async def test_a_program_runs_in_the_runs_folder_with_an_environment_of_its_own(
    told: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LONGPOLE_SECRET_OTHER", "hidden")
    script = "pwd; echo $A $T; cat; env | grep -c LONGPOLE_SECRET; echo warn >&2; exit 3"
    config = {
        "command": ["bash", "-c", script], "env": {"A": "a b"}, "secret_env": {"T": "token"},
        "stdin": "given\n", "expect": [3],
    }  # fmt: skip
    ended = await run(config)
    assert ended["stdout"].splitlines() == [str(step.workdir), "a b s3cret", "given", "0"]
    assert (ended["exit_code"], ended["stderr"]) == (3, "warn\n")
    assert ("WARN", "warn", {}) in told.logs
    assert ("INFO", "given", {}) in told.logs


async def test_arguments_are_not_taken_apart(told: Simulation) -> None:
    assert (await run({"command": ["echo", "$HOME; ls"]}))["stdout"] == "$HOME; ls\n"


async def test_exit_codes_and_programs_that_are_not_there_are_failures(told: Simulation) -> None:
    with pytest.raises(PermanentFailure, match="exit code 4: bad") as raised:
        await run({"command": ["bash", "-c", "echo bad >&2; exit 4"]})
    assert raised.value.error_class == "exit_code"
    with pytest.raises(InvalidInput, match="no program"):
        await run({"command": ["no-such-program"]})
    with pytest.raises(InvalidInput, match="none of the programs"):
        await run({"command": ["bash", "-c", "true"]}, programs=["git"])


async def test_much_output_is_cut_from_its_beginning(told: Simulation) -> None:
    ended = await run({"command": ["bash", "-c", "head -c 200000 /dev/zero | tr '\\0' x; echo end"]})
    assert len(ended["stdout"]) == 64 * 1024
    assert ended["stdout"].endswith("xend\n")


@pytest.mark.parametrize("ends_by", ["timeout", "cancel"])
async def test_a_program_and_what_it_started_end_with_the_step(told: Simulation, ends_by: str) -> None:
    command = ["bash", "-c", "trap '' TERM; sleep 300 & echo $! > pid; wait; sleep 300"]
    pid = step.workdir / "pid"
    task = asyncio.create_task(run({"command": command, "timeout": 5 if ends_by == "timeout" else 60}))
    async with asyncio.timeout(90):
        while not (pid.is_file() and pid.read_text().strip()):
            await asyncio.sleep(0.02)
        if ends_by == "cancel":
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        else:
            with pytest.raises(StepError, match="did not end within"):
                await task

    async def is_gone() -> bool:
        try:
            # Killed; whether somebody has taken note of it yet is another matter.
            return psutil.Process(int(pid.read_text())).status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return True

    await eventually(is_gone)
