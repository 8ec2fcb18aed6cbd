"""A guarded command ends with whoever started it, whatever way that ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from temporal_dev.errors import DevServerError
from temporal_dev.guarded import GuardedProcess

WaitUntil = Callable[[Callable[[], object], str], None]

STARTER = """
import os, subprocess, sys
from temporal_dev.guarded import GuardedProcess
process = GuardedProcess(sys.argv[2:], env=os.environ, output=subprocess.DEVNULL, grace=0.5)
if sys.argv[1] == "fork" and os.fork() == 0:
    os.close(1)
    import time
    time.sleep(60)
print(process.pid, flush=True)
process.wait()
"""
SLEEP = ["/bin/sleep", "60"]
# Says when it is ready, and does not listen to SIGTERM.
STUBBORN = ["/bin/sh", "-c", 'trap "" TERM; while true; do /bin/sleep 0.1; done']


def guarded(command: list[str], output: int = subprocess.DEVNULL) -> GuardedProcess:
    return GuardedProcess(command, env=os.environ, output=output, grace=0.5)


def start_starter(
    package_env: dict[str, str], command: list[str], mode: str = "plain"
) -> tuple[subprocess.Popen[str], int]:
    starter = subprocess.Popen(
        [sys.executable, "-c", STARTER, mode, *command],
        env=package_env,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert starter.stdout is not None
    with starter.stdout as said:
        return starter, int(said.readline())


@pytest.mark.parametrize("command", [SLEEP, STUBBORN], ids=["obedient", "ignores SIGTERM"])
def test_it_ends_when_its_starter_is_killed(
    command: list[str], package_env: dict[str, str], gone: Callable[[int], bool], wait_until: WaitUntil
) -> None:
    starter, pid = start_starter(package_env, command)
    assert not gone(pid)
    starter.kill()
    starter.wait()
    wait_until(lambda: gone(pid), "the command ends after its starter")


def test_it_ends_although_a_fork_of_its_starter_lives_on(
    package_env: dict[str, str], gone: Callable[[int], bool], wait_until: WaitUntil
) -> None:
    starter, pid = start_starter(package_env, SLEEP, mode="fork")
    starter.kill()
    starter.wait()
    try:
        wait_until(lambda: gone(pid), "the command ends after its starter")
    finally:
        os.killpg(starter.pid, signal.SIGKILL)


@pytest.mark.skipif(sys.platform != "linux", reason="needs PR_SET_PDEATHSIG")
def test_it_ends_when_its_guardian_is_killed(gone: Callable[[int], bool], wait_until: WaitUntil) -> None:
    process = guarded(STUBBORN)
    guardian = psutil.Process(process.pid).parent()
    assert guardian is not None
    guardian.kill()
    wait_until(lambda: gone(process.pid), "the command ends after its guardian")
    assert process.wait() == -signal.SIGKILL
    process.stop()


def test_stop_ends_it_and_its_children_and_may_be_repeated(
    tmp_path: Path, gone: Callable[[int], bool], wait_until: WaitUntil
) -> None:
    note = tmp_path / "child"
    process = guarded(["/bin/sh", "-c", f"/bin/sleep 60 & echo $! > {note}; wait"])
    wait_until(lambda: note.exists() and note.read_text().strip(), "the command has started a child")
    process.stop()
    assert not process.running
    assert gone(process.pid)
    wait_until(lambda: gone(int(note.read_text())), "its child has ended as well")
    process.stop()


def test_stop_ends_a_process_that_was_stopped(gone: Callable[[int], bool]) -> None:
    process = guarded(SLEEP)
    process.signal(signal.SIGSTOP)
    process.stop()
    assert gone(process.pid)
    process.signal(signal.SIGTERM)  # harmless afterwards


def test_the_exit_code_is_the_commands_own() -> None:
    process = guarded(["/bin/sh", "-c", "exit 7"])
    assert process.wait() == 7
    process.stop()
    process = guarded(SLEEP)
    process.signal(signal.SIGKILL)
    assert process.wait() == 128 + signal.SIGKILL
    process.stop()


def test_its_output_can_be_read() -> None:
    process = guarded(["/bin/sh", "-c", "echo to out; echo to err >&2"], output=subprocess.PIPE)
    assert process.output.read() == b"to out\nto err\n"
    process.stop()


def test_what_cannot_be_run_is_named() -> None:
    with pytest.raises(DevServerError, match=r"cannot run /no/such/program: No such file or directory"):
        guarded(["/no/such/program"])


def test_ctrl_c_in_the_terminal_does_not_reach_it() -> None:
    process = guarded(SLEEP)
    assert os.getsid(process.pid) != os.getsid(0)
    process.stop()
