"""Finds a Temporal server to run: on PATH, in our cache, as the official release, or built from source.

`TEMPORAL_ADDRESS` comes before all of these: a caller that finds `external_address(env)` needs no server of its own.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import platformdirs
from filelock import FileLock, Timeout

from temporal_dev.binary import ServerBinary, Source, probe
from temporal_dev.build import build
from temporal_dev.download import download
from temporal_dev.errors import DevServerError, ServerNotFound

# The latest release that builds with plain `go install` (later ones have replace directives).
PINNED_VERSION = "1.5.1"

_LOCK_POLL_SECONDS = 1.0


def external_address(env: Mapping[str, str] = os.environ) -> str | None:
    """The server that the user already has (`TEMPORAL_ADDRESS`, "host:port"); None when none is named."""
    return env.get("TEMPORAL_ADDRESS", "").strip() or None


def default_cache_dir() -> Path:
    """Where servers are kept between runs."""
    return platformdirs.user_cache_path("longpole") / "temporal"


def _ignore(message: str) -> None:
    """No progress wanted."""


def locate(
    cache_dir: Path | None = None,
    env: Mapping[str, str] = os.environ,
    on_progress: Callable[[str], None] = _ignore,
) -> ServerBinary:
    """The first usable server of: PATH, `cache_dir`, the official download, a build with Go (these two fill the cache).

    `on_progress` gets short lines to show while this takes long (a build takes minutes). Several processes may ask at
    once: one fetches, the others wait for it. Raises `ServerNotFound`, which lists what was tried and why each failed.
    """
    cache_dir = default_cache_dir() if cache_dir is None else cache_dir
    attempts: list[tuple[str, str]] = []
    return (
        _on_path(env, attempts)
        or _in_cache(cache_dir, env, attempts)
        or _fetched(cache_dir, env, attempts, on_progress)
    )


def _on_path(env: Mapping[str, str], attempts: list[tuple[str, str]]) -> ServerBinary | None:
    found = shutil.which("temporal", path=env.get("PATH", ""))
    if found is None:
        attempts.append(("PATH", "there is no `temporal` on it"))
        return None
    try:
        return probe(Path(found), "PATH", env)
    except DevServerError as error:
        attempts.append(("PATH", str(error)))
        return None


def _cached(cache_dir: Path) -> Path:
    return cache_dir / f"temporal-{PINNED_VERSION}"


def _in_cache(cache_dir: Path, env: Mapping[str, str], attempts: list[tuple[str, str]]) -> ServerBinary | None:
    path = _cached(cache_dir)
    if not path.exists():
        attempts.append(("cache", f"there is no {path}"))
        return None
    try:
        # A build with `go install` does not know its release and says 0.0.0-DEV; the cache does.
        return replace(probe(path, "cache", env), version=PINNED_VERSION)
    except DevServerError as error:
        attempts.append(("cache", str(error)))
        return None


def _fetched(
    cache_dir: Path, env: Mapping[str, str], attempts: list[tuple[str, str]], on_progress: Callable[[str], None]
) -> ServerBinary:
    try:
        cache_dir.mkdir(parents=True, exist_ok=True)
        lock = FileLock(cache_dir / f"temporal-{PINNED_VERSION}.lock")
        _acquire(lock, on_progress)
    except OSError as error:
        attempts.append(("download and build", f"the cache {cache_dir} cannot be written: {error.strerror}"))
        raise ServerNotFound(attempts) from None
    try:
        # Another process may have fetched it since we looked.
        return _in_cache(cache_dir, env, []) or _fetch(cache_dir, env, attempts, on_progress)
    finally:
        lock.release()


def _acquire(lock: FileLock, on_progress: Callable[[str], None]) -> None:
    """Take the lock, however long another process holds it."""
    while True:
        try:
            lock.acquire(timeout=_LOCK_POLL_SECONDS)
        except Timeout:
            on_progress(f"waiting for another process that is fetching Temporal {PINNED_VERSION}")
        else:
            return


def _fetch(
    cache_dir: Path, env: Mapping[str, str], attempts: list[tuple[str, str]], on_progress: Callable[[str], None]
) -> ServerBinary:
    # In the cache's own file system, so that the last step is one atomic rename. Under the lock nobody else uses it,
    # and what a killed process left is removed by the next.
    workplace = cache_dir / "fetching"
    sources: list[tuple[Source, Callable[[str, Path, Mapping[str, str], Callable[[str], None]], Path]]]
    sources = [("download", download), ("build", build)]
    for source, get in sources:
        shutil.rmtree(workplace, ignore_errors=True)
        workplace.mkdir()
        try:
            fetched = get(PINNED_VERSION, workplace, env, on_progress)
            checked = probe(fetched, source, env)
            return replace(checked, path=fetched.replace(_cached(cache_dir)), version=PINNED_VERSION)
        except (DevServerError, OSError) as error:
            attempts.append((source, str(error)))
        finally:
            shutil.rmtree(workplace, ignore_errors=True)
    raise ServerNotFound(attempts)
