"""Where the server comes from, in which order, and what is said when there is none."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from temporal_dev import ServerNotFound, external_address, locate

Script = Callable[[str, str], Path]
WaitUntil = Callable[[Callable[[], object], str], None]

SAYS_VERSION = 'echo "temporal version 1.6.0 (Server 1.30.2, UI 2.43.0)"'
LOCATE = """
import json, os, sys
from pathlib import Path
from temporal_dev import locate
found = locate(Path(sys.argv[1]), json.loads(sys.argv[2]), lambda line: print(line, flush=True))
print("found", found.source, flush=True)
"""


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """A machine with only the programs that a test puts into its `bin`, and no way to the internet."""
    return {"PATH": str(tmp_path / "bin"), "HTTPS_PROXY": "http://127.0.0.1:1", "HOME": str(tmp_path)}


def put_in_cache(cache: Path, body: str) -> Path:
    cache.mkdir()
    path = cache / "temporal-1.5.1"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def test_temporal_address_names_a_server_that_is_there_already() -> None:
    assert external_address({"TEMPORAL_ADDRESS": " temporal.example:7233 "}) == "temporal.example:7233"
    assert external_address({"TEMPORAL_ADDRESS": ""}) is None
    assert external_address({}) is None


def test_the_one_on_path_comes_first(script: Script, cache: Path, env: dict[str, str]) -> None:
    put_in_cache(cache, SAYS_VERSION)
    path = script("temporal", SAYS_VERSION)
    found = locate(cache, env)
    assert (found.path, found.source, found.version, found.server_version) == (path, "PATH", "1.6.0", "1.30.2")
    assert "1.6.0" in found.describe()
    assert str(path) in found.describe()


@pytest.mark.parametrize(
    "body",
    ["echo another program", "exit 3", 'echo "temporal version 1.1.0 (Server 1.25.0, UI 2.30.0)"', "kill -9 $$"],
    ids=["not Temporal", "fails", "too old", "crashes"],
)
def test_an_unusable_one_on_path_is_passed_over(body: str, script: Script, cache: Path, env: dict[str, str]) -> None:
    script("temporal", body)
    cached = put_in_cache(cache, SAYS_VERSION)
    found = locate(cache, env)
    assert (found.path, found.source, found.version) == (cached, "cache", "1.5.1")


def test_nothing_at_all_lists_what_was_tried(script: Script, cache: Path, env: dict[str, str]) -> None:
    script("temporal", 'echo "temporal version 1.1.0 (Server 1.25.0, UI 2.30.0)"')
    with pytest.raises(ServerNotFound) as caught:
        locate(cache, env)
    assert [source for source, _ in caught.value.attempts] == ["PATH", "cache", "download", "build"]
    message = str(caught.value)
    assert "holds server 1.25.0, and 1.28 or later is needed" in message
    assert f"there is no {cache / 'temporal-1.5.1'}" in message
    assert "temporal.download" in message
    assert "there is no `go` on PATH" in message
    assert "Set TEMPORAL_ADDRESS" in message


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path, env: dict[str, str]) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ServerNotFound, match=r"the cache .*/file/cache cannot be written"):
        locate(tmp_path / "file" / "cache", env)


def test_a_build_goes_into_the_cache_with_progress(
    script: Script, cache: Path, env: dict[str, str], tmp_path: Path
) -> None:
    built = f"printf '#!/bin/sh\\n%s\\n' '{SAYS_VERSION}' > $GOBIN/temporal; /bin/chmod +x $GOBIN/temporal"
    told = tmp_path / "told"
    until_told = f"while [ ! -e {told} ]; do /bin/sleep 0.05; done"
    go = script("go", f'echo "go.temporal.io/server/$*" >&2; {until_told}; {built}')
    lines: list[str] = []

    def tell(line: str) -> None:
        lines.append(line)
        if "install -v github.com/temporalio/cli/cmd/temporal@v1.5.1" in line:
            told.touch()

    first = locate(cache, env, tell)
    assert (first.path, first.source, first.version) == (cache / "temporal-1.5.1", "build", "1.5.1")
    assert told.exists()
    assert lines[-1].startswith("building Temporal 1.5.1 (0:0")
    go.unlink()
    assert locate(cache, env).source == "cache"
    assert sorted(path.name for path in cache.iterdir() if path.suffix != ".lock") == ["temporal-1.5.1"]


def test_a_broken_program_in_the_cache_is_replaced(script: Script, cache: Path, env: dict[str, str]) -> None:
    path = put_in_cache(cache, "exit 1")
    script("go", f"printf '#!/bin/sh\\n%s\\n' '{SAYS_VERSION}' > $GOBIN/temporal; /bin/chmod +x $GOBIN/temporal")
    assert locate(cache, env).source == "build"
    assert SAYS_VERSION in path.read_text()


def test_a_failed_build_shows_what_go_said(script: Script, cache: Path, env: dict[str, str]) -> None:
    script("go", 'echo "go: cannot find main module" >&2; exit 1')
    with pytest.raises(ServerNotFound, match=r"`go install` ended with 1 after saying\n +go: cannot find main module"):
        locate(cache, env)
    assert [path.name for path in cache.iterdir() if path.suffix != ".lock"] == []


def test_two_processes_build_once(
    script: Script, cache: Path, env: dict[str, str], tmp_path: Path, package_env: dict[str, str], wait_until: WaitUntil
) -> None:
    builds, released = tmp_path / "builds", tmp_path / "released"
    script(
        "go",
        f"echo build >> {builds}; while [ ! -e {released} ]; do /bin/sleep 0.05; done\n"
        f"printf '#!/bin/sh\\n%s\\n' '{SAYS_VERSION}' > $GOBIN/temporal; /bin/chmod +x $GOBIN/temporal",
    )
    outputs = [tmp_path / "first", tmp_path / "second"]
    processes = []
    for output in outputs:
        with output.open("wb") as stream:
            command = [sys.executable, "-c", LOCATE, str(cache), json.dumps(env)]
            processes.append(subprocess.Popen(command, env=package_env, stdout=stream))
    wait_until(builds.exists, "one of them builds")
    wait_until(lambda: any("waiting for another process" in each.read_text() for each in outputs), "the other waits")
    released.touch()
    assert [process.wait() for process in processes] == [0, 0]
    assert builds.read_text() == "build\n"
    assert sorted(output.read_text().splitlines()[-1] for output in outputs) == ["found build", "found cache"]


def test_a_build_ends_with_whoever_wanted_it(
    script: Script,
    cache: Path,
    env: dict[str, str],
    tmp_path: Path,
    package_env: dict[str, str],
    gone: Callable[[int], bool],
    wait_until: WaitUntil,
) -> None:
    note = tmp_path / "pid"
    script("go", f"echo $$ > {note}; while true; do /bin/sleep 0.1; done")
    process = subprocess.Popen(
        [sys.executable, "-c", LOCATE, str(cache), json.dumps(env)], env=package_env, stdout=subprocess.DEVNULL
    )
    wait_until(lambda: note.exists() and note.read_text().strip(), "the build runs")
    process.kill()
    process.wait()
    wait_until(lambda: gone(int(note.read_text())), "the build ends")
