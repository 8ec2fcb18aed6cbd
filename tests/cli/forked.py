"""The command line as a process of its own, forked from one that has its libraries loaded already: loading them takes
ten times as long as most commands."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Sequence
from pathlib import Path

# What most commands load, and nothing that looks at the environment or at where output goes while it is loaded.
LIBRARIES = ["engine.core", "engine.run_link", "rich.live", "rich.progress", "rich.table", "typer.main"]

_FORKING = multiprocessing.get_context("forkserver")
_FORKING.set_forkserver_preload(LIBRARIES)


def call(arguments: Sequence[str], *, env: dict[str, str], folder: Path, out: Path, err: Path, seconds: float) -> int:
    """`longpole` with these arguments, in this environment and folder, writing to these files; its exit code.

    Raises `TimeoutError` when it has not ended after `seconds`; it is killed then."""
    process = _FORKING.Process(target=_command, args=(list(arguments), env, folder, out, err))
    process.start()
    process.join(seconds)
    if process.exitcode is None:
        process.kill()
        process.join()
        raise TimeoutError(f"{arguments} has not ended after {seconds:.0f} s: {out.read_text()}{err.read_text()}")
    return process.exitcode


def _command(arguments: list[str], env: dict[str, str], folder: Path, out: Path, err: Path) -> None:
    for file, descriptor in ((out, 1), (err, 2)):
        with file.open("wb") as opened:
            os.dup2(opened.fileno(), descriptor)
    os.environ.clear()
    os.environ.update(env)
    os.chdir(folder)
    sys.argv = ["longpole", *arguments]

    from longpole.cli.main import main

    main()
