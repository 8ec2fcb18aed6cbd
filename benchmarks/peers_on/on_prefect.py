"""Prefect: flows in this process, with results kept, that tell a server of their own about every task.

The server is on SQLite: on PostgreSQL it needs the extension `pg_trgm`, which the tests' PostgreSQL comes without.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from benchmarks.peers_on.work import Way, Work, expect, serve, smaller

WORKS = smaller(chain=50, fan_out=50, runs=10, steps=5)


@contextmanager
def server() -> Iterator[None]:
    """Prefect's server on the loopback interface, without its web page; this process is set to talk to it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    os.environ |= {
        "PREFECT_HOME": str(Path.home()),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_LOGGING_LEVEL": "ERROR",
        "PREFECT_LOGGING_TO_API_ENABLED": "false",
        "PREFECT_RESULTS_PERSIST_BY_DEFAULT": "true",
    }
    command = [
        sys.executable,
        "-m",
        "prefect",
        "server",
        "start",
        "--no-ui",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    ]
    process = subprocess.Popen([*command, "--log-level", "ERROR"], stdin=subprocess.DEVNULL)
    try:
        api = f"http://127.0.0.1:{port}/api"
        _await(f"{api}/health", process)
        os.environ["PREFECT_API_URL"] = api
        yield
    finally:
        process.terminate()
        process.wait(30)


def _await(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 90
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def main() -> None:
    """Settings are read when Prefect is imported, so that comes after the server."""
    with server():
        from prefect import flow, task
        from prefect.task_runners import ThreadPoolTaskRunner

        @task
        def no_op(given: dict[str, int]) -> dict[str, int]:
            return {"n": given["n"]}

        @flow
        def chain(steps: int) -> dict[str, int]:
            result: dict[str, int] = {}
            for n in range(steps):
                result = no_op({"n": n})
            return result

        @flow(task_runner=ThreadPoolTaskRunner(max_workers=10))
        def fan_out(steps: int) -> dict[str, int]:
            for future in [no_op.submit({"n": n}) for n in range(steps)]:
                future.result()
            return no_op({"n": steps})

        def run(work: Work) -> None:
            if work.runs == 1:
                expect((fan_out if work.wide else chain)(work.steps), work)
                return
            with ThreadPoolExecutor(work.runs) as threads:
                for result in threads.map(chain, [work.steps] * work.runs):
                    expect(result, work)

        serve(Way("Prefect, SQLite", run, WORKS))


if __name__ == "__main__":
    main()
