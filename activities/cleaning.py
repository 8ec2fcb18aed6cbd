"""What a run leaves behind is removed: the files that its steps made in `step.workdir`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from definitions.calls import CLEAN_UP, FINAL_RUN_STATUSES, Cleanup
from store import children, events, instances, steps
from store.database import Database, Session
from store.records import EventRecord

WORKDIRS = "artifacts"
"""The folder of the data directory in which each run has one of its own."""
CLEANED_UP = "run.cleaned_up"
_BEAT_SECONDS = 2.0


@dataclass
class _Removed:
    files: int = 0
    bytes: int = 0


class CleaningActivities:
    """The activity, for the files that this worker can reach."""

    def __init__(self, database: Database, data_dir: Path) -> None:
        self._database = database
        self._workdirs = data_dir / WORKDIRS

    @activity.defn(name=CLEAN_UP)
    async def clean_up(self, request: dict[str, Any]) -> dict[str, int]:
        """Remove the files of a run that was cancelled, and of the runs that were steps of it. A run that ended
        otherwise keeps its files. Fails, to be tried again, while it is not over."""
        removing = asyncio.ensure_future(asyncio.to_thread(self._clean_up, Cleanup(**request)))
        while not (await asyncio.wait((removing,), timeout=_BEAT_SECONDS))[0]:
            activity.heartbeat()
        return removing.result()

    def _clean_up(self, cleanup: Cleanup) -> dict[str, int]:
        removed = _Removed()
        with self._database.read() as session:
            runs = [cleanup.execution_id, *children.descendants(session, cleanup.execution_id)]
            found = [instances.get_instance(session, run) for run in runs]
            kept = set(self._artifacts(session, runs)) if cleanup.keep_artifacts else set()
        if any(row.status not in FINAL_RUN_STATUSES for row in found):
            raise ApplicationError("the run is not over yet", type="not_over", category=ApplicationErrorCategory.BENIGN)
        if found[0].status != "cancelled":
            return vars(removed)
        for run in runs:
            _remove(self._workdirs / run, kept, removed)
        told = EventRecord(cleanup.execution_id, CLEANED_UP, datetime.now(UTC), data=vars(removed), key="cleaned_up")
        with self._database.write() as session:
            events.append(session, [told])
        return vars(removed)

    def _artifacts(self, session: Session, runs: list[str]) -> Iterator[Path]:
        for run in runs:
            for attempt in steps.list_steps(session, run):
                if attempt.status == "completed":
                    yield from filter(None, (_file(each.get("uri")) for each in attempt.artifacts))


def _file(uri: Any) -> Path | None:
    parts = urlsplit(uri) if isinstance(uri, str) else None
    return Path(unquote(parts.path)).resolve() if parts is not None and parts.scheme == "file" else None


def _remove(folder: Path, kept: set[Path], removed: _Removed) -> None:
    """All of a folder but the files and folders that are to be kept."""
    if not folder.is_dir():
        return
    for path in folder.iterdir():
        if path.resolve() in kept:
            continue
        if path.is_dir() and not path.is_symlink():
            _remove(path, kept, removed)
        else:
            removed.files, removed.bytes = removed.files + 1, removed.bytes + path.lstat().st_size
            path.unlink()
    if not any(folder.iterdir()):
        folder.rmdir()
