"""The plugin `shell`: programs on the worker's machine. Off unless the operator allows it."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from activities import step
from activities.errors import InvalidInput, PermanentFailure, StepError
from activities.plugins.plugin import Config, Needs, Plugin, PluginSettings
from definitions.model import Duration

_MOST_OUTPUT = 64 * 1024
"""Characters of output that are told; all of it is in the log."""
_KILL_SECONDS = 3.0


class ShellSettings(PluginSettings):
    """`allow`: whether steps may run programs at all; `programs`: which, by name or path (empty: any)."""

    allow: bool = False
    programs: tuple[str, ...] = ()


class Run(Config):
    """One program."""

    command: list[str] = Field(min_length=1)
    """The program and its arguments. No shell takes them apart; `["bash", "-c", "..."]` asks for one."""
    env: dict[str, str] = Field(default_factory=dict)
    """Beside PATH, HOME, LANG and TZ of the worker, which are all that it gets of the worker's own."""
    secret_env: dict[str, str] = Field(default_factory=dict)
    """Variables with the names of secrets."""
    stdin: str | None = None
    timeout: Annotated[Duration, Field(gt=0)] | None = None
    """Beside the step's own."""
    expect: list[int] = Field(default=[0])
    """Exit codes that are no failure."""


plugin = Plugin(
    "shell", summary="Programs on the worker's machine.", settings=ShellSettings, needs=Needs(settings=("allow",))
)


@plugin.operation(Run)
async def run(config: Run, settings: ShellSettings) -> dict[str, Any]:
    """Runs a program in the run's folder; its lines go to the step's log.

    Returns `{"exit_code", "stdout", "stderr"}`, each its last 64 Ki characters. When the step ends before it, the
    program and what it started are told to end, and killed after 3 s. Raises `InvalidInput` for a program that is not
    there or not allowed, `PermanentFailure` for an unexpected exit code, `StepError` (`timeout`)."""
    name = config.command[0]
    if settings.programs and name not in settings.programs:
        raise InvalidInput(f"`{name}` is none of the programs that the operator allows: {', '.join(settings.programs)}")
    program = shutil.which(name)
    if program is None:
        raise InvalidInput(f"there is no program `{name}` on the worker's machine")
    process = await _started(program, config)
    step.process(process.pid)
    try:
        async with asyncio.timeout(config.timeout):
            code, stdout, stderr = await _ended(process, config.stdin)
    except TimeoutError:
        raise StepError(f"`{name}` did not end within {config.timeout:g} s", error_class="timeout") from None
    finally:
        await asyncio.shield(_stop(process))
    if code not in config.expect:
        said = (stderr or stdout).strip().rpartition("\n")[2][:500]
        raise PermanentFailure(f"`{name}` ended with exit code {code}: {said}", error_class="exit_code")
    return {"exit_code": code, "stdout": stdout, "stderr": stderr}


async def _started(program: str, config: Run) -> asyncio.subprocess.Process:
    starting = asyncio.ensure_future(
        asyncio.create_subprocess_exec(
            program,
            *config.command[1:],
            cwd=step.workdir,
            env=_environment(config),
            stdin=asyncio.subprocess.DEVNULL if config.stdin is None else asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
    )
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        # It runs before it is handed over: asyncio would end it, but nothing that it has started by then.
        await _stop(await starting)
        raise


def _environment(config: Run) -> dict[str, str]:
    own = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TZ") if name in os.environ}
    secrets = {name: step.secret(secret) for name, secret in config.secret_env.items()}
    return {**own, "LONGPOLE_WORKDIR": str(Path(step.workdir)), **config.env, **secrets}


async def _ended(process: asyncio.subprocess.Process, stdin: str | None) -> tuple[int, str, str]:
    async with asyncio.TaskGroup() as group:
        out = group.create_task(_read(process.stdout, step.log.info))
        err = group.create_task(_read(process.stderr, step.log.warning))
        if process.stdin is not None:
            with suppress(BrokenPipeError, ConnectionResetError):  # it need not read
                process.stdin.write((stdin or "").encode())
                await process.stdin.drain()
            process.stdin.close()
        code = await process.wait()
    return code, out.result(), err.result()


async def _read(stream: asyncio.StreamReader | None, log: Callable[[str], None]) -> str:
    """Everything, its last part told; lines of any length."""
    kept, line = "", ""
    while stream is not None and (chunk := await stream.read(16 * 1024)):
        text = chunk.decode("utf-8", "replace")
        kept = (kept + text)[-_MOST_OUTPUT:]
        *lines, line = (line + text).split("\n")
        for each in lines:
            log(each)
        line = line[-_MOST_OUTPUT:]
    if line:
        log(line)
    return kept


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        _signal(process.pid, signal.SIGTERM)
        with suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), _KILL_SECONDS)
    # What it started may live on in its group.
    _signal(process.pid, signal.SIGKILL)
    await process.wait()


def _signal(group: int, number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
