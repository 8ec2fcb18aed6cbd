"""Airflow: API server, scheduler with LocalExecutor, DAG processor; runs are started and awaited over its API."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.peers_on.work import Way, Work, postgres_url, serve, smaller

WORKS = smaller(chain=5, fan_out=10, runs=3, steps=2)


def dag_id(work: Work) -> str:
    """The DAG of a work."""
    return work.name.replace(" ", "_")


class Api:
    """Airflow's API on the loopback interface."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}"
        self._token = ""

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """An answer. Raises `OSError` for none, and for an error."""
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self._token}"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._url + path, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            found: dict[str, Any] = json.load(answer)
        return found

    def sign_in(self) -> None:
        """Everybody is the administrator of this one."""
        self._token = self.call("GET", "/auth/token")["access_token"]

    def run(self, work: Work) -> None:
        """A run, from its start to its end."""
        path = f"/api/v2/dags/{dag_id(work)}/dagRuns"
        run_id = self.call("POST", path, {"logical_date": None})["dag_run_id"]
        while (state := self.call("GET", f"{path}/{run_id}")["state"]) in {"queued", "running"}:
            time.sleep(0.05)
        if state != "success":
            raise AssertionError(f"the run is {state}")


@contextmanager
def service() -> Iterator[Api]:
    """The three processes."""
    home = Path.home()
    (home / "dags").mkdir()
    shutil.copy(Path(__file__).with_name("airflow_dags.py"), home / "dags")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    os.environ |= {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": postgres_url("psycopg2"),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC": postgres_url("asyncpg"),
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
        "AIRFLOW__API_AUTH__JWT_SECRET": os.urandom(32).hex(),
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.05",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
    }
    subprocess.run([sys.executable, "-m", "airflow", "db", "migrate"], check=True, stdin=subprocess.DEVNULL)
    processes = [
        subprocess.Popen([sys.executable, "-m", "airflow", *command], stdin=subprocess.DEVNULL)
        for command in (
            ["api-server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"],
            ["scheduler", "--skip-serve-logs"],
            ["dag-processor"],
        )
    ]
    try:
        api = Api(port)
        _await_ready(api, processes)
        yield api
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(30)


def _await_ready(api: Api, processes: list[subprocess.Popen[bytes]]) -> None:
    deadline = time.monotonic() + 180
    while True:
        try:
            api.sign_in()
            for work in WORKS:
                api.call("GET", f"/api/v2/dags/{dag_id(work)}")
        except OSError:
            if any(process.poll() is not None for process in processes) or time.monotonic() > deadline:
                raise
            time.sleep(0.5)
        else:
            return


def main() -> None:
    """On PostgreSQL."""
    with service() as api:

        def run(work: Work) -> None:
            with ThreadPoolExecutor(work.runs) as threads:
                list(threads.map(api.run, [work] * work.runs))

        serve(Way("Airflow, PostgreSQL, LocalExecutor", run, WORKS))


if __name__ == "__main__":
    main()
