"""What a running service tells other commands about itself: `<data_dir>/service.json`."""

from __future__ import annotations

import os
from dataclasses import fields
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from definitions.errors import Conflict
from engine.settings import Settings
from store.sessions import database_fingerprint

Command = Literal["up", "run", "python"]
"""What started a service: a command, or a program with a `WorkflowEngine`."""


@dataclass(frozen=True)
class TemporalInfo:
    """The Temporal that a service uses."""

    address: str
    embedded: bool
    """Whether Longpole started it itself."""
    description: str
    """One line for a person."""
    ui_url: str | None


@dataclass(frozen=True)
class WorkerSettings:
    """What a service and its users must agree on."""

    task_queue: str
    handler_paths: tuple[Path, ...]
    handler_allow: tuple[str, ...]
    database: str
    """A fingerprint: the URL itself may hold a password."""

    @classmethod
    def of(cls, settings: Settings) -> WorkerSettings:
        """Those of a command's settings."""
        return cls(
            task_queue=settings.task_queue,
            handler_paths=settings.handler_paths,
            handler_allow=settings.handler_allow,
            database=database_fingerprint(settings.resolved_database_url),
        )


@dataclass(frozen=True)
class ServiceInfo:
    """A service: who holds it, where its parts answer, and with which settings its worker runs."""

    pid: int
    command: Command
    """What started it."""
    temporal: TemporalInfo
    api_url: str | None
    worker: WorkerSettings

    @property
    def started_by(self) -> str:
        """What a person knows it as."""
        return "a Python program's engine" if self.command == "python" else f"`longpole {self.command}`"

    def require_same(self, settings: WorkerSettings, temporal_address: str | None) -> None:
        """Raises `Conflict` when a command with these settings (and `TEMPORAL_ADDRESS`) can't use this service."""
        names = [field.name for field in fields(WorkerSettings)]
        different = [name for name in names if getattr(self.worker, name) != getattr(settings, name)]
        if temporal_address not in (None, self.temporal.address):
            different.append("TEMPORAL_ADDRESS")
        if different:
            raise Conflict(
                f"the service that is running on this data directory (process {self.pid}, {self.started_by})"
                f" has other settings: {', '.join(different)}",
                remedy="stop it, call this where that one was started, or use another --data-dir",
            )


_SERVICE_INFO = TypeAdapter(ServiceInfo)


def write_info(path: Path, info: ServiceInfo) -> None:
    """Write it so that a reader sees the whole or nothing."""
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    temporary.write_bytes(_SERVICE_INFO.dump_json(info, indent=2) + b"\n")
    temporary.replace(path)


def read_info(path: Path) -> ServiceInfo | None:
    """What the file says; None when it is not there, or was written by another release."""
    try:
        return _SERVICE_INFO.validate_json(path.read_bytes())
    except (FileNotFoundError, ValidationError):
        return None
