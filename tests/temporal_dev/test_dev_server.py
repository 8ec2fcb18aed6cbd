"""A started server answers, keeps its data, and a start that cannot work says why and leaves nothing."""

from __future__ import annotations

import signal
import socket
import sqlite3
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import temporal_dev.server
from temporal_dev import (
    DataDirInUse,
    DevServer,
    DevServerError,
    PortInUse,
    ServerBinary,
    ServerFailed,
    temporary_server,
)
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes
from temporalio.service import RPCError

Script = Callable[[str, str], Path]
WaitUntil = Callable[[Callable[[], object], str], None]

START_AND_WAIT = """
import sys
from pathlib import Path
from temporal_dev import DevServer, locate
server = DevServer.start(
    locate(), data_dir=Path(sys.argv[1]), port=int(sys.argv[2]), ui_port=int(sys.argv[3])
)
print(server.pid, flush=True)
server.wait()
"""


@pytest.fixture
def start(binary: ServerBinary, tmp_path: Path) -> Callable[..., DevServer]:
    """Starts on any free ports with a data directory of the test's own, unless told otherwise."""

    def start_one(**settings: Any) -> DevServer:
        program = settings.pop("program", binary)
        return DevServer.start(program, **{"data_dir": tmp_path / "data", "port": 0, "ui": False, **settings})

    return start_one


def stand_in(path: Path) -> ServerBinary:
    return ServerBinary(path=path, source="PATH", version="1.5.1", server_version="1.29.1")


async def start_workflow(server: DevServer, workflow_id: str) -> None:
    """Start a run that no worker ever takes."""
    client = await Client.connect(server.address, namespace=server.namespace)
    await client.start_workflow("Nobody", id=workflow_id, task_queue="nowhere")


async def is_running(server: DevServer, workflow_id: str) -> bool:
    client = await Client.connect(server.address, namespace=server.namespace)
    description = await client.get_workflow_handle(workflow_id).describe()
    return description.status == WorkflowExecutionStatus.RUNNING


async def attributes(server: DevServer) -> dict[str, IndexedValueType.ValueType]:
    client = await Client.connect(server.address)
    answer = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=server.namespace)
    )
    return dict(answer.custom_attributes)


async def test_a_run_is_still_there_after_stop_and_start(start: Callable[..., DevServer], tmp_path: Path) -> None:
    with start(namespace="mine") as server:
        await start_workflow(server, "kept")
    assert not server.running
    with start(namespace="mine") as server:
        assert await is_running(server, "kept")
    with sqlite3.connect(tmp_path / "data" / "temporal.db") as database:
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)


async def test_it_starts_again_on_the_same_ports_after_a_crash(
    start: Callable[..., DevServer], gone: Callable[[int], bool]
) -> None:
    with start() as server:
        address, pid = server.address, server.pid
        await start_workflow(server, "survivor")
        server.kill()
        assert server.wait() == 128 + signal.SIGKILL
        assert gone(pid)
        server.restart()
        assert (server.address, server.pid != pid) == (address, True)
        assert await is_running(server, "survivor")
        server.restart()  # also of a running one
        assert await is_running(server, "survivor")


async def test_search_attributes_can_be_used_at_once_and_added_later(start: Callable[..., DevServer]) -> None:
    with start(search_attributes={"Owner": "Keyword"}) as server:
        assert (await attributes(server))["Owner"] == IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
    with start(search_attributes={"Owner": "Keyword", "Paused": "Bool", "Rank": "Int"}) as server:
        found = await attributes(server)
        assert found["Owner"] == IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
        assert found["Paused"] == IndexedValueType.INDEXED_VALUE_TYPE_BOOL
        client = await Client.connect(server.address)
        used = TypedSearchAttributes([SearchAttributePair(SearchAttributeKey.for_int("Rank"), 3)])
        await client.start_workflow("Nobody", id="ranked", task_queue="nowhere", search_attributes=used)


def test_a_search_attribute_that_cannot_be_had_is_named(start: Callable[..., DevServer]) -> None:
    with pytest.raises(DevServerError, match=r"search attribute Owner: no type 'String'; use one of Text, Keyword"):
        start(search_attributes={"Owner": "String"})
    start(search_attributes={"Owner": "Keyword"}).stop()
    with pytest.raises(DevServerError, match=r"search attribute Owner: the database has it with another type than Int"):
        start(search_attributes={"Owner": "Int"})
    start(search_attributes=dict.fromkeys("AB", "Bool")).stop()
    with pytest.raises(DevServerError, match=r"search attributes C, D cannot be added: .*Bool"):
        start(search_attributes=dict.fromkeys("CD", "Bool"))


def test_the_web_ui_answers_and_one_line_tells_all(start: Callable[..., DevServer], tmp_path: Path) -> None:
    with start(ui=True, ui_port=0) as server:
        assert server.ui_url is not None
        with urllib.request.urlopen(server.ui_url) as page:
            assert b"<html" in page.read().lower()
        line = server.describe()
        assert "\n" not in line
        for part in (server.address, server.ui_url, "1.29.1", str(tmp_path / "data" / "temporal.db")):
            assert part in line


async def test_dynamic_config_reaches_the_server(start: Callable[..., DevServer]) -> None:
    with start(durability="full", dynamic_config={"limit.maxIDLength": 40}) as server:
        assert server.ui_url is None
        with pytest.raises(RPCError, match="WorkflowId length exceeds limit"):
            await start_workflow(server, "x" * 41)


async def test_a_temporary_server_leaves_no_data() -> None:
    with temporary_server(search_attributes={"Owner": "Keyword"}) as server:
        assert "Owner" in await attributes(server)
        directory = server.log_path.parent
        assert directory.is_dir()
    assert not directory.exists()


def test_a_port_in_use_is_named(start: Callable[..., DevServer]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(PortInUse, match=rf"port {port} on 127.0.0.1 \(Temporal\) is already in use: stop what"):
            start(port=port)
        with pytest.raises(PortInUse, match=rf"port {port} on 127.0.0.1 \(web UI\) is already in use"):
            start(port=0, ui=True, ui_port=port)
    with start(port=port):  # nothing of the failed starts is in the way
        pass


def test_a_temporal_on_the_port_is_recognised(start: Callable[..., DevServer], tmp_path: Path) -> None:
    with start() as server:
        port = int(server.address.rpartition(":")[2])
        with pytest.raises(PortInUse) as caught:
            start(port=port, data_dir=tmp_path / "other")
        assert caught.value.temporal_version == "1.29.1"
        assert (
            f"a Temporal server (1.29.1) already answers there. Use it by setting TEMPORAL_ADDRESS={server.address}"
            in str(caught.value)
        )


def test_a_database_has_one_server(start: Callable[..., DevServer], tmp_path: Path) -> None:
    with (
        start(),
        pytest.raises(DataDirInUse, match=rf"data directory {tmp_path / 'data'} is in use by a Temporal server"),
    ):
        start()


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"host": "example.org"}, r"host: 'example.org' is not an IP address"),
        ({"port": 70_000}, r"port 70000 \(Temporal\) is not a port: use 1 to 65535"),
        ({"host": "192.0.2.1", "port": 7233}, r"cannot listen on 192.0.2.1 port 7233"),
    ],
)
def test_a_bad_setting_is_named(setting: dict[str, Any], message: str, start: Callable[..., DevServer]) -> None:
    with pytest.raises(DevServerError, match=message):
        start(**setting)


def test_a_data_directory_that_cannot_be_made_is_named(start: Callable[..., DevServer], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DevServerError, match=r"data directory .*/file/data cannot be written"):
        start(data_dir=tmp_path / "file" / "data")


def test_a_server_that_ends_shows_its_log(start: Callable[..., DevServer], script: Script) -> None:
    program = stand_in(script("temporal", 'echo "no such command: server"; exit 64'))
    start_failed = pytest.raises(ServerFailed, match=r"ended with 64 after .*\n  no such command: server$")
    with start_failed:
        start(program=program)
    with start_failed:  # and only the log of this start
        start(program=program)


def test_a_server_that_cannot_be_run_is_named(start: Callable[..., DevServer], tmp_path: Path) -> None:
    with pytest.raises(DevServerError, match=r"cannot run .*/missing: No such file"):
        start(program=stand_in(tmp_path / "missing"))


def test_a_program_that_never_answers_is_ended(
    start: Callable[..., DevServer], script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(temporal_dev.server, "START_SECONDS", 2.0)
    program = stand_in(script("temporal", "echo busy; while true; do /bin/sleep 0.1; done"))
    with pytest.raises(ServerFailed, match=r"did not answer within (.|\n)*\n  busy$"):
        start(program=program)


def test_the_server_ends_when_its_starter_is_killed_and_can_be_started_again_at_once(
    start: Callable[..., DevServer],
    tmp_path: Path,
    package_env: dict[str, str],
    gone: Callable[[int], bool],
    wait_until: WaitUntil,
) -> None:
    with start(ui=True, ui_port=0) as server:
        assert server.ui_url is not None
        ports = [url.rpartition(":")[2] for url in (server.address, server.ui_url)]
    starter = subprocess.Popen(
        [sys.executable, "-c", START_AND_WAIT, str(tmp_path / "data"), *ports],
        env=package_env,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert starter.stdout is not None
    with starter.stdout as said:
        pid = int(said.readline())
    starter.kill()
    starter.wait()
    with start(port=int(ports[0]), ui=True, ui_port=int(ports[1])) as server:
        assert gone(pid)
        assert server.pid != pid
