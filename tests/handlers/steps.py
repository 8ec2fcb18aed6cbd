"""Handlers that tests run: what they do is told by their input."""

from __future__ import annotations

import asyncio
import hashlib
import time
from pathlib import Path
from typing import Any

from longpole import step


async def echo(given: dict[str, Any]) -> dict[str, Any]:
    """Returns its input."""
    return given


def plain(given: dict[str, Any]) -> dict[str, Any]:
    """Returns its input, from a thread."""
    return given


async def give(given: dict[str, Any]) -> Any:
    """Returns `value`."""
    return given.get("value")


async def fail(given: dict[str, Any]) -> None:
    """Fails with `message`."""
    raise ValueError(given.get("message", "as asked"))


async def flaky(given: dict[str, Any]) -> dict[str, int]:
    """Fails until attempt `succeeds_at`."""
    if step.attempt < given["succeeds_at"]:
        raise RuntimeError(f"attempt {step.attempt} fails")
    return {"attempt": step.attempt}


async def wait(given: dict[str, Any]) -> dict[str, float]:
    """Waits `seconds`."""
    await asyncio.sleep(given["seconds"])
    return {"waited": given["seconds"]}


async def linger(given: dict[str, Any]) -> dict[str, float]:
    """Waits `parameters.seconds`, as an agent is called."""
    return await wait(given["parameters"])


async def occupy(given: dict[str, Any]) -> None:
    """Ends when the file `parameters.until` is there."""
    while not Path(given["parameters"]["until"]).exists():
        await asyncio.sleep(0.05)


async def bill(given: dict[str, Any]) -> dict[str, float]:
    """Reports a cost of `parameters.ftns`."""
    owed = given["parameters"]["ftns"]
    step.usage(ftns=owed)
    return {"owed": owed}


async def stubborn(given: dict[str, Any]) -> str:
    """Does not end when it is told to, for `seconds`."""
    until = time.monotonic() + given["seconds"]
    while time.monotonic() < until:
        try:
            await asyncio.sleep(0.05)
        except asyncio.CancelledError:
            continue
    return "ended late"


async def remember(given: dict[str, Any]) -> None:
    """Adds its input to the run's context."""
    step.context.update(given)


async def recover(given: dict[str, Any]) -> dict[str, Any]:
    """An error handler that recovers."""
    return {"recovered": True, "was": given["error"]["message"]}


async def notify(given: dict[str, Any]) -> dict[str, Any]:
    """An error handler that only notifies."""
    return {"told": given["error"]["step_id"]}


async def big(given: dict[str, Any]) -> dict[str, Any]:
    """Returns `bytes` of text beside something small."""
    return {"text": "x" * given["bytes"], "small": given.get("small", 1)}


async def length(given: dict[str, Any]) -> int:
    """The length of `text`."""
    return len(given["text"])


async def say(given: dict[str, Any]) -> None:
    """Logs `lines` lines at `level`."""
    for number in range(given["lines"]):
        getattr(step.log, given.get("level", "info"))(f"line {number}")


async def note(given: dict[str, Any]) -> None:
    """Adds the step's id to a file, and waits `seconds`."""
    with Path(given["file"]).open("a") as file:
        file.write(f"{step.step_id}\n")
    await asyncio.sleep(given["seconds"])


async def read(given: dict[str, Any]) -> dict[str, str]:
    """Returns the text of `file`, and fails where there is none."""
    return {"text": Path(given["file"]).read_text()}


async def numbered(given: dict[str, Any]) -> list[dict[str, Any]]:
    """A list of `count` objects, each with `padding` characters."""
    return [{"n": number, "text": "x" * given["padding"]} for number in range(given["count"])]


async def tells(given: dict[str, Any]) -> dict[str, Any]:
    """Logs a line, reports progress, usage and an artifact, and returns what it was told to do as `config`."""
    step.log.info(f"{step.step_id} begins", rows=1)
    step.progress(0.35, "calculating_aggregations")
    step.usage(**given.get("usage", {}))
    for uri in given.get("artifacts", []):
        step.artifact(uri)
    return {"config": given}


async def works(given: dict[str, Any]) -> dict[str, int]:
    """Makes files in the run's folder, names one as artifact, tells what it uses, and goes on for `seconds`."""
    (step.workdir / "scratch.bin").write_bytes(b"x" * 100)
    (step.workdir / "kept.txt").write_text("kept")
    step.artifact(step.workdir / "kept.txt")
    step.progress(0.35, "calculating_aggregations")
    step.gauge(workers=5, cpu_usage=75, memory_usage=68, peak_memory_gb=2)
    await asyncio.sleep(given.get("seconds", 0))
    return {"records_extracted": 3}


def burns(given: dict[str, Any]) -> None:
    """Holds `bytes` of memory and a processor until it is told to end."""
    held = b"x" * given["bytes"]
    while not step.cancelled:
        hashlib.sha256(held).digest()


def holds(given: dict[str, Any]) -> str:
    """Ends when the file `until` is there, and never looks whether it was told to end."""
    while not Path(given["until"]).exists():
        time.sleep(0.05)
    return "ended late"


async def telling(given: dict[str, Any]) -> None:
    """Reports `usage` and the artifact `artifact`."""
    step.usage(**given["usage"])
    step.artifact(given["artifact"])
