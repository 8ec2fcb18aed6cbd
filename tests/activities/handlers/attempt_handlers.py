"""Handlers of the tests: each misbehaves in one way, or in none."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from longpole import InvalidInput, PermanentFailure, RateLimited, TemporaryFailure, step


async def echo(data: Any) -> Any:
    return {"got": data, "attempt": step.attempt, "key": step.idempotency_key, "loop": threading.current_thread().name}


def echo_plain(data: Any) -> Any:
    return {"got": data, "attempt": step.attempt, "thread": threading.current_thread().name}


async def tells(data: Any) -> Any:
    step.log.info("half way", rows=3)
    step.logger.error("it is broken", at=datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC))
    step.progress(0.5, "half")
    step.usage(tokens=3)
    await asyncio.to_thread(step.usage, tokens=4, cost=0.5)
    path = step.workdir / "report.txt"
    path.write_text("hello")
    step.artifact(path, media_type="text/plain", pages=1)
    step.context.update(best=data["best"])
    return {"seen": step.context["given"]}


async def fails_until(data: Any) -> Any:
    """Fails until attempt `data["good"]`, and notes when it was called."""
    with Path(data["notes"]).open("a") as notes:
        notes.write(f"{step.attempt} {time.time()}\n")
    if step.attempt < data["good"]:
        raise {"temporary": TemporaryFailure, "permanent": PermanentFailure, "input": InvalidInput}[data["how"]](
            f"attempt {step.attempt} fails"
        )
    return {"attempt": step.attempt}


async def rate_limited(data: Any) -> Any:
    if step.attempt == 1:
        Path(data["notes"]).write_text(str(time.time()))
        raise RateLimited("slow down", retry_after=1.5)
    return {"waited": time.time() - float(Path(data["notes"]).read_text())}


@contextlib.contextmanager
def _noting(data: Any) -> Iterator[None]:
    """Notes that it was started, and that it was cancelled."""
    with Path(data["notes"]).open("a") as notes:
        notes.write(f"started {step.attempt}\n")
    try:
        yield
    except asyncio.CancelledError:
        with Path(data["notes"]).open("a") as notes:
            notes.write("cleaned up\n")
        raise


async def sleeps(data: Any) -> Any:
    with _noting(data):
        await asyncio.sleep(data["seconds"])
    return "slept"


async def sleeps_until(data: Any) -> Any:
    """Until there is the file `data["gate"]`."""
    with _noting(data):
        while not Path(data["gate"]).exists():
            await asyncio.sleep(0.05)
    return "slept"


def waits_for_flag(data: Any) -> Any:
    with Path(data["notes"]).open("a") as notes:
        notes.write(f"started {step.attempt}\n")
    while not step.cancelled:
        time.sleep(0.01)
    with Path(data["notes"]).open("a") as notes:
        notes.write("cleaned up\n")
    return "stopped half way"


def deaf(data: Any) -> Any:
    Path(data["notes"]).write_text("started\n")
    end = time.monotonic() + data["seconds"]
    while time.monotonic() < end:
        time.sleep(0.01)
    return "done all the same"


async def blocks(data: Any) -> Any:
    Path(data["notes"]).write_text("started\n")
    time.sleep(data["seconds"])
    return "done"


async def leaks(data: Any) -> Any:
    secret = step.secret("canary")
    step.log.warning(f"using {secret}", header=f"Basic {data['basic']}", nested={"k": [secret]})
    step.progress(0.5, f"with {secret}")
    step.artifact(f"https://example.org/?key={secret}", note=secret)
    if data["fail"]:
        raise TemporaryFailure(f"refused: {secret}") from RuntimeError(secret)
    return {"token": secret, secret: 1, "list": [f"x{secret}y"]}


async def leaks_later(data: Any) -> Any:
    step.log.info(data["text"])
    return {"again": data["text"]}


# -- poison ---


class Unprintable(Exception):
    def __str__(self) -> str:
        raise ValueError("no text")


class Unpicklable(Exception):
    def __init__(self) -> None:
        super().__init__(threading.Lock())


def _raise_deep(depth: int) -> None:
    _raise_deep(depth + 1)


def _cycle() -> Any:
    value: list[Any] = []
    value.append(value)
    return value


def _nested() -> Any:
    value: Any = 1
    for _ in range(100):
        value = {"in": value}
    return value


class EvilDict(dict[str, Any]):
    def items(self) -> Any:
        raise KeyboardInterrupt


class StoppingDict(dict[str, Any]):
    def items(self) -> Any:
        raise StopIteration


RESULTS: dict[str, Any] = {
    "datetime": lambda: {"rows": [1, {"at": datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)}]},
    "nan": lambda: {"x": float("nan")},
    "infinity": lambda: [float("-inf")],
    "key": lambda: {"a": {1: "one"}},
    "cycle": _cycle,
    "deep": _nested,
    "surrogate": lambda: {"text": "\ud800"},
    "bytes": lambda: b"abc",
    "set": lambda: {"s": {1, 2}},
    "generator": lambda: (n for n in range(3)),
    "function": lambda: len,
    "number": lambda: 10**5000,
    "evil": lambda: EvilDict(a=1),
    "stopping": lambda: StoppingDict(a=1),
}

ERRORS: dict[str, Any] = {
    "exit": SystemExit(3),
    "interrupt": KeyboardInterrupt(),
    "generator_exit": GeneratorExit(),
    "stop": StopIteration(1),
    "unprintable": Unprintable(),
    "unpicklable": Unpicklable(),
    "group": ExceptionGroup("many", [ValueError("a"), ExceptionGroup("more", [TypeError("b")])]),
    "huge": RuntimeError("x" * 5_000_000),
    "nul": RuntimeError("a\0b\ud800"),
    "cancelled": asyncio.CancelledError(),
    "timeout": TimeoutError("slow"),
    "connection": ConnectionResetError("gone"),
    "assertion": AssertionError(),
}


async def returns_poison(data: Any) -> Any:
    return RESULTS[data["which"]]()


def raises_poison_plain(data: Any) -> Any:
    return _poison(data["which"])


async def raises_poison(data: Any) -> Any:
    return _poison(data["which"])


async def task_exits(data: Any) -> Any:
    async def leave() -> None:
        raise SystemExit(1)

    with contextlib.suppress(SystemExit):
        await asyncio.gather(asyncio.create_task(leave()))
    return "still here"


def _poison(which: str) -> Any:
    if which == "recursion":
        _raise_deep(0)
    raise ERRORS[which]


def sized(data: Any) -> Any:
    if data.get("dict"):
        return {"small": 1, "large": "x" * data["bytes"], "flag": True}
    return "x" * data["bytes"]


def length(data: Any) -> Any:
    return {"length": len(data["value"]), "text": data.get("text", "")[:20]}


def no_arguments() -> None:
    return None


def wrapped_async(data: Any) -> Any:
    """A plain function that gives back a coroutine, as careless decorators make them."""
    return echo(data)


@contextlib.contextmanager
def not_a_handler() -> Iterator[None]:
    yield
