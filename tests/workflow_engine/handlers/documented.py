"""The handlers of the document's examples, under a module of ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from longpole import step


async def validate_input(input_data: dict[str, Any]) -> dict[str, Any]:
    """Takes any input that has a start."""
    return {"success": "start_date" in input_data, "result": input_data, "message": "Input is valid"}


async def generate_schedule(input_data: dict[str, Any]) -> dict[str, Any]:
    """A schedule of one day."""
    return {"success": True, "result": [input_data["start_date"]], "message": "Schedule generated"}


async def conditional_handler(input_data: dict[str, Any]) -> dict[str, Any]:
    """Ran."""
    return {"success": True, "result": None, "message": "ran"}


async def answer(input_data: dict[str, Any]) -> dict[str, Any]:
    """Returns what it is told to, and adds `context` to the shared one."""
    step.context.update(input_data.get("context", {}))
    return {"success": input_data.get("success", True), "result": input_data.get("result"), "message": "as told"}


async def do_work(input_data: dict[str, Any]) -> int:
    """Work of its own."""
    return len(input_data)


async def my_step_handler(input_data: dict[str, Any]) -> dict[str, Any]:
    """As the document shows a handler."""
    result = await do_work(input_data)
    return {"success": True, "result": result, "message": "Step completed"}


async def needs_file(input_data: dict[str, Any]) -> dict[str, Any]:
    """Fails as long as there is no `file`."""
    if not Path(input_data["file"]).exists():
        raise FileNotFoundError(input_data["file"])
    return {"success": True, "result": None, "message": "there"}
