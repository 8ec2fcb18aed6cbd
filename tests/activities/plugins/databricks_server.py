"""A server on loopback that speaks the part of Databricks' documented REST API (Jobs 2.2) which the plugin uses."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "dapi-secret"

Notebook = Callable[[dict[str, str]], Any]
"""What a notebook is here: base parameters -> its exit value; what it raises is the run's error."""


@dataclass
class Workspace:
    """Its notebooks by path, its jobs by id, and its runs. A run is over when it has been looked at `looks` times."""

    notebooks: dict[str, Notebook]
    jobs: dict[int, str] = field(default_factory=dict)
    looks: int = 2
    busy: int = 0
    """How many requests to come are answered with 503."""
    runs: dict[int, dict[str, Any]] = field(default_factory=dict)
    url: str = ""

    def start(self, path: str, parameters: dict[str, str], asked: dict[str, Any]) -> dict[str, Any]:
        """A new run, or that of the same idempotency token."""
        for run_id, run in self.runs.items():
            if run["token"] == asked.get("idempotency_token"):
                return {"run_id": run_id}
        if path not in self.notebooks:
            raise KeyError(path)
        run_id = 100 + len(self.runs)
        self.runs[run_id] = {
            "token": asked.get("idempotency_token"),
            "path": path,
            "parameters": parameters,
            "asked": asked,
            "looks": 0,
        }
        return {"run_id": run_id}

    def look(self, run_id: int) -> dict[str, Any]:
        """Jobs 2.2 `runs/get`."""
        run = self.runs[run_id]
        run["looks"] += 1
        if "state" not in run and run["looks"] > self.looks:
            try:
                run["exit"] = json.dumps(self.notebooks[run["path"]](run["parameters"]))
                run["state"] = {"life_cycle_state": "TERMINATED", "result_state": "SUCCESS", "state_message": ""}
            except Exception as error:  # noqa: BLE001 - a notebook may fail in any way
                run["error"] = f"{type(error).__name__}: {error}"
                run["state"] = {"life_cycle_state": "TERMINATED", "result_state": "FAILED", "state_message": "failed"}
        state = run.get("state", {"life_cycle_state": "RUNNING", "state_message": "In run"})
        task = {
            "task_key": "t",
            "run_id": run_id + 1000,
            "state": state,
            "setup_duration": 1500,
            "execution_duration": 2500,
        }
        return {"run_id": run_id, "state": state, "run_page_url": f"{self.url}/#job/run/{run_id}", "tasks": [task]}

    def output(self, task_run_id: int) -> dict[str, Any]:
        """Jobs 2.2 `runs/get-output`."""
        run = self.runs[task_run_id - 1000]
        return {"error": run["error"]} if "error" in run else {"notebook_output": {"result": run["exit"]}}

    def cancel(self, run_id: int) -> dict[str, Any]:
        """Jobs 2.2 `runs/cancel`."""
        state = {"life_cycle_state": "TERMINATED", "result_state": "CANCELED", "state_message": "Run cancelled."}
        self.runs[run_id]["state"] = state
        return {}

    def answer(self, path: str, asked: dict[str, Any]) -> dict[str, Any]:
        """Raises `KeyError` for what is not there."""
        if path == "/api/2.2/jobs/runs/submit":
            notebook = asked["tasks"][0]["notebook_task"]
            return self.start(notebook["notebook_path"], notebook.get("base_parameters", {}), asked)
        if path == "/api/2.2/jobs/run-now":
            return self.start(self.jobs[asked["job_id"]], asked.get("job_parameters", {}), asked)
        does = {
            "/api/2.2/jobs/runs/get": self.look,
            "/api/2.2/jobs/runs/get-output": self.output,
            "/api/2.2/jobs/runs/cancel": self.cancel,
        }
        return does[path](int(asked["run_id"]))


@contextmanager
def serving(workspace: Workspace) -> Iterator[Workspace]:
    """The workspace, reachable at `workspace.url`."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def reply(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            asked = json.loads(body) if body else {key: value[0] for key, value in parse_qs(parts.query).items()}
            status, told = 200, {}
            if not parts.path.startswith("/api/2.2/jobs/"):
                status, told = 404, {"error_code": "ENDPOINT_NOT_FOUND", "message": parts.path}
            elif workspace.busy > 0:
                workspace.busy -= 1
                status, told = 503, {"error_code": "TEMPORARILY_UNAVAILABLE", "message": "try again"}
            elif self.headers["authorization"] != f"Bearer {TOKEN}":
                status, told = 401, {"error_code": "UNAUTHENTICATED", "message": "no such token"}
            else:
                try:
                    told = workspace.answer(parts.path, asked)
                except KeyError as error:
                    status, told = 404, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": f"{error} does not exist"}
            content = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            if status == 503:
                self.send_header("Retry-After", "0")
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = reply  # noqa: N815

        def log_message(self, *_: Any) -> None:
            return

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        workspace.url = f"http://127.0.0.1:{server.server_port}"
        yield workspace
        server.shutdown()
        thread.join()
