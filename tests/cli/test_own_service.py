"""`longpole run` with nothing running: it brings its own service, and shares it."""

from __future__ import annotations

import json
from pathlib import Path

from command_line import CommandLine, Running, ended, until


def held(longpole: CommandLine, name: str) -> tuple[str, Path]:
    """A workflow, and the file that its step waits for."""
    door = longpole.folder / f"{name}.door"
    step = {"id": "a", "handler": "steps.occupy", "input": {"parameters": {"until": str(door)}}}
    return longpole.workflow(name, [step]), door


def test_it_brings_its_own_and_leaves_nothing(longpole: CommandLine, nothing_left: list[Running]) -> None:
    file, door = held(longpole, "held")
    command = longpole.start("run", file, "--json")
    nothing_left.append(command)
    until(longpole.service, "its service is known")
    family = command.family()
    door.touch()
    assert command.wait() == 0, command.stderr
    assert json.loads(command.stdout)["status"] == "completed"
    assert all(map(ended, family))
    assert longpole.service() is None
    # The records are there without it.
    assert longpole.json("show", "last")["status"] == "completed"


def test_two_at_once_share_one_service(longpole: CommandLine, nothing_left: list[Running]) -> None:
    quick, first_door = held(longpole, "quick")
    slow, second_door = held(longpole, "slow")
    holder = longpole.start("run", quick)
    nothing_left.append(holder)
    user = longpole.start("run", slow)
    nothing_left.append(user)
    for command in (holder, user):
        command.says("a  started")
    first_door.touch()
    holder.says("completed in")
    second_door.touch()
    commands = [holder, user]
    assert [command.wait() for command in commands] == [0, 0], holder.stderr + user.stderr
    text = holder.stdout + user.stdout
    assert text.count("starting Temporal") == 1
    assert text.count("completed in") == 2
    assert longpole.service() is None


def test_a_failed_start_leaves_nothing(longpole: CommandLine, nothing_left: list[Running]) -> None:
    file = longpole.workflow("nap", [{"id": "a", "handler": "sleep", "input": {"seconds": 0}}])
    command = longpole.start("run", file, TEMPORAL_ADDRESS="127.0.0.1:9")
    nothing_left.append(command)
    assert command.wait() == 3
    assert "127.0.0.1:9" in command.stderr
    assert "Traceback" not in command.stderr
